// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct Imu {
  double orientation[4]{};
  double orientation_covariance[9]{};
  double angular_velocity[3]{};
  double angular_velocity_covariance[9]{};
  double linear_acceleration[3]{};
  double linear_acceleration_covariance[9]{};
  std::uint64_t timestamp_ns{};
};
static_assert(sizeof(Imu) == 304);
static_assert(offsetof(Imu, orientation) == 0);
static_assert(offsetof(Imu, orientation_covariance) == 32);
static_assert(offsetof(Imu, angular_velocity) == 104);
static_assert(offsetof(Imu, angular_velocity_covariance) == 128);
static_assert(offsetof(Imu, linear_acceleration) == 200);
static_assert(offsetof(Imu, linear_acceleration_covariance) == 224);
static_assert(offsetof(Imu, timestamp_ns) == 296);

inline const shm::TypeInfo& type_info(shm::Tag<Imu>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Imu, orientation, "", "Quaternion x, y, z, w."),
      HORUS_FIELD(Imu, orientation_covariance, "rad^2",
                  "Row-major; first element -1: no orientation."),
      HORUS_FIELD(Imu, angular_velocity, "rad/s", "About x, y, z."),
      HORUS_FIELD(Imu, angular_velocity_covariance, "rad^2/s^2", "Row-major."),
      HORUS_FIELD(Imu, linear_acceleration, "m/s^2", "x, y, z, gravity included."),
      HORUS_FIELD(Imu, linear_acceleration_covariance, "m^2/s^4", "Row-major."),
      HORUS_FIELD(Imu, timestamp_ns, "ns", "Nanoseconds since 1970."),
  };
  static constexpr std::array kArgs{
      shm::ArgInfo{.name = "accel_x", .path = "linear_acceleration[0]", .required = true},
      shm::ArgInfo{.name = "accel_y", .path = "linear_acceleration[1]", .required = true},
      shm::ArgInfo{.name = "accel_z", .path = "linear_acceleration[2]", .required = true},
      shm::ArgInfo{.name = "gyro_x", .path = "angular_velocity[0]", .required = true},
      shm::ArgInfo{.name = "gyro_y", .path = "angular_velocity[1]", .required = true},
      shm::ArgInfo{.name = "gyro_z", .path = "angular_velocity[2]", .required = true},
      shm::ArgInfo{.name = "timestamp_ns", .path = "timestamp_ns"},
  };
  static const shm::TypeInfo kType =
      shm::detail::make_type<Imu>("Imu", "imu", "An inertial measurement.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

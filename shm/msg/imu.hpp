// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct Imu {
  double orientation[4]{0, 0, 0, 1};
  double orientation_covariance[9]{-1, -1, -1, -1, -1, -1, -1, -1, -1};
  double angular_velocity[3]{};
  double angular_velocity_covariance[9]{};
  double linear_acceleration[3]{};
  double linear_acceleration_covariance[9]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Imu>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Imu, orientation, "",
                  "Quaternion x, y, z, w; its covariance says whether it was measured.", 0),
      HORUS_FIELD(Imu, orientation_covariance, "rad^2",
                  "Row-major; first element -1: no orientation.", 32),
      HORUS_FIELD(Imu, angular_velocity, "rad/s", "About x, y, z.", 104),
      HORUS_FIELD(Imu, angular_velocity_covariance, "rad^2/s^2", "Row-major.", 128),
      HORUS_FIELD(Imu, linear_acceleration, "m/s^2", "x, y, z, gravity included.", 200),
      HORUS_FIELD(Imu, linear_acceleration_covariance, "m^2/s^4", "Row-major.", 224),
      HORUS_FIELD(Imu, timestamp_ns, "ns", "Nanoseconds since 1970.", 296),
  };
  static constexpr std::array kArgs{shm::required("accel_x", "linear_acceleration[0]"),
                                    shm::required("accel_y", "linear_acceleration[1]"),
                                    shm::required("accel_z", "linear_acceleration[2]"),
                                    shm::required("gyro_x", "angular_velocity[0]"),
                                    shm::required("gyro_y", "angular_velocity[1]"),
                                    shm::required("gyro_z", "angular_velocity[2]"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType =
      shm::make_type<Imu, 304, 8>("Imu", "imu", "An inertial measurement.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct Pose2D {
  double x{};
  double y{};
  double theta{};
  std::uint64_t timestamp_ns{};
};
static_assert(sizeof(Pose2D) == 32);
static_assert(offsetof(Pose2D, x) == 0);
static_assert(offsetof(Pose2D, y) == 8);
static_assert(offsetof(Pose2D, theta) == 16);
static_assert(offsetof(Pose2D, timestamp_ns) == 24);

inline const shm::TypeInfo& type_info(shm::Tag<Pose2D>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Pose2D, x, "m", ""),
      HORUS_FIELD(Pose2D, y, "m", ""),
      HORUS_FIELD(Pose2D, theta, "rad", "Counter-clockwise from x."),
      HORUS_FIELD(Pose2D, timestamp_ns, "ns", "Nanoseconds since 1970."),
  };
  static constexpr std::array kArgs{
      shm::ArgInfo{.name = "x", .path = "x", .required = true},
      shm::ArgInfo{.name = "y", .path = "y", .required = true},
      shm::ArgInfo{.name = "theta", .path = "theta", .required = true},
      shm::ArgInfo{.name = "timestamp_ns", .path = "timestamp_ns"},
  };
  static const shm::TypeInfo kType = shm::detail::make_type<Pose2D>(
      "Pose2D", "pose", "A place and a heading in the plane.", kFields, kArgs);
  return kType;
}

struct Twist {
  double linear[3]{};
  double angular[3]{};
  std::uint64_t timestamp_ns{};
};
static_assert(sizeof(Twist) == 56);
static_assert(offsetof(Twist, linear) == 0);
static_assert(offsetof(Twist, angular) == 24);
static_assert(offsetof(Twist, timestamp_ns) == 48);

inline const shm::TypeInfo& type_info(shm::Tag<Twist>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Twist, linear, "m/s", "x, y, z."),
      HORUS_FIELD(Twist, angular, "rad/s", "About x, y, z."),
      HORUS_FIELD(Twist, timestamp_ns, "ns", "Nanoseconds since 1970."),
  };
  static constexpr std::array kArgs{
      shm::ArgInfo{.name = "linear_x", .path = "linear[0]"},
      shm::ArgInfo{.name = "linear_y", .path = "linear[1]"},
      shm::ArgInfo{.name = "linear_z", .path = "linear[2]"},
      shm::ArgInfo{.name = "angular_x", .path = "angular[0]"},
      shm::ArgInfo{.name = "angular_y", .path = "angular[1]"},
      shm::ArgInfo{.name = "angular_z", .path = "angular[2]"},
      shm::ArgInfo{.name = "timestamp_ns", .path = "timestamp_ns"},
  };
  static const shm::TypeInfo kType =
      shm::detail::make_type<Twist>("Twist", "twist", "A velocity in space.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

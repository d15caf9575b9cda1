// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shm/declare.hpp"
#include "shm/msg/geometry.hpp"

namespace horus::msg {

struct Odometry {
  Pose2D pose{};
  Twist twist{};
  double pose_covariance[36]{};
  double twist_covariance[36]{};
  std::uint8_t frame_id[32]{};
  std::uint8_t child_frame_id[32]{};
  std::uint64_t timestamp_ns{};
};
static_assert(sizeof(Odometry) == 736);
static_assert(offsetof(Odometry, pose) == 0);
static_assert(offsetof(Odometry, twist) == 32);
static_assert(offsetof(Odometry, pose_covariance) == 88);
static_assert(offsetof(Odometry, twist_covariance) == 376);
static_assert(offsetof(Odometry, frame_id) == 664);
static_assert(offsetof(Odometry, child_frame_id) == 696);
static_assert(offsetof(Odometry, timestamp_ns) == 728);

inline const shm::TypeInfo& type_info(shm::Tag<Odometry>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Odometry, pose, "", ""),
      HORUS_FIELD(Odometry, twist, "", ""),
      HORUS_FIELD(Odometry, pose_covariance, "", "Row-major, 6 x 6."),
      HORUS_FIELD(Odometry, twist_covariance, "", "Row-major, 6 x 6."),
      HORUS_TEXT(Odometry, frame_id, "", "Of the pose."),
      HORUS_TEXT(Odometry, child_frame_id, "", "Of the twist."),
      HORUS_FIELD(Odometry, timestamp_ns, "ns", "Nanoseconds since 1970."),
  };
  static constexpr std::array kArgs{
      shm::ArgInfo{.name = "x", .path = "pose.x"},
      shm::ArgInfo{.name = "y", .path = "pose.y"},
      shm::ArgInfo{.name = "theta", .path = "pose.theta"},
      shm::ArgInfo{.name = "linear_velocity", .path = "twist.linear[0]"},
      shm::ArgInfo{.name = "angular_velocity", .path = "twist.angular[2]"},
      shm::ArgInfo{.name = "timestamp_ns", .path = "timestamp_ns"},
  };
  static const shm::TypeInfo kType = shm::detail::make_type<Odometry>(
      "Odometry", "odom", "Where a base believes it is, and how it moves.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

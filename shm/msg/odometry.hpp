// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
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

inline const shm::TypeInfo& type_info(shm::Tag<Odometry>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Odometry, pose, "", "Of child_frame_id in frame_id.", 0),
      HORUS_FIELD(Odometry, twist, "", "Of child_frame_id, in its own axes.", 32),
      HORUS_FIELD(Odometry, pose_covariance, "m^2, rad^2", "Row-major, 6 x 6.", 88),
      HORUS_FIELD(Odometry, twist_covariance, "m^2/s^2, rad^2/s^2", "Row-major, 6 x 6.", 376),
      HORUS_TEXT(Odometry, frame_id, "", "Of the pose.", 664),
      HORUS_TEXT(Odometry, child_frame_id, "", "Of the twist.", 696),
      HORUS_FIELD(Odometry, timestamp_ns, "ns", "Nanoseconds since 1970.", 728),
  };
  static constexpr std::array kArgs{shm::arg("x", "pose.x"),
                                    shm::arg("y", "pose.y"),
                                    shm::arg("theta", "pose.theta"),
                                    shm::arg("linear_velocity", "twist.linear[0]"),
                                    shm::arg("angular_velocity", "twist.angular[2]"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<Odometry, 736, 8>(
      "Odometry", "odom", "Where a base believes it is, and how it moves.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"
#include "shm/msg/geometry.hpp"

namespace horus::msg {

struct PoseStamped {
  Pose3D pose{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<PoseStamped>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(PoseStamped, pose, "", "In frame_id.", 0),
      HORUS_TEXT(PoseStamped, frame_id, "", "Coordinate frame.", 64),
      HORUS_FIELD(PoseStamped, timestamp_ns, "ns", "Nanoseconds since 1970.", 96),
  };
  static constexpr std::array kArgs{shm::arg("x", "pose.position.x"),
                                    shm::arg("y", "pose.position.y"),
                                    shm::arg("z", "pose.position.z"),
                                    shm::arg("qx", "pose.orientation.x"),
                                    shm::arg("qy", "pose.orientation.y"),
                                    shm::arg("qz", "pose.orientation.z"),
                                    shm::arg("qw", "pose.orientation.w"),
                                    shm::arg("frame_id"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<PoseStamped, 104, 8>(
      "PoseStamped", "pose_stamped", "A pose and the frame that it is given in.", kFields, kArgs);
  return kType;
}

struct PoseWithCovariance {
  Pose3D pose{};
  double covariance[36]{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<PoseWithCovariance>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(PoseWithCovariance, pose, "", "The mean, in frame_id.", 0),
      HORUS_FIELD(PoseWithCovariance, covariance, "m^2, rad^2",
                  "Row-major, 6 x 6: x, y, z, then about x, y, z.", 64),
      HORUS_TEXT(PoseWithCovariance, frame_id, "", "Coordinate frame.", 352),
      HORUS_FIELD(PoseWithCovariance, timestamp_ns, "ns", "Nanoseconds since 1970.", 384),
  };
  static constexpr std::array kArgs{shm::arg("x", "pose.position.x"),
                                    shm::arg("y", "pose.position.y"),
                                    shm::arg("z", "pose.position.z"),
                                    shm::arg("qx", "pose.orientation.x"),
                                    shm::arg("qy", "pose.orientation.y"),
                                    shm::arg("qz", "pose.orientation.z"),
                                    shm::arg("qw", "pose.orientation.w"),
                                    shm::arg("frame_id"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<PoseWithCovariance, 392, 8>(
      "PoseWithCovariance", "pose_cov", "A pose and how certain it is.", kFields, kArgs);
  return kType;
}

struct TwistWithCovariance {
  Twist twist{};
  double covariance[36]{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<TwistWithCovariance>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TwistWithCovariance, twist, "", "The mean, in frame_id.", 0),
      HORUS_FIELD(TwistWithCovariance, covariance, "m^2/s^2, rad^2/s^2",
                  "Row-major, 6 x 6: along x, y, z, then about x, y, z.", 56),
      HORUS_TEXT(TwistWithCovariance, frame_id, "", "Coordinate frame.", 344),
      HORUS_FIELD(TwistWithCovariance, timestamp_ns, "ns", "Nanoseconds since 1970.", 376),
  };
  static constexpr std::array kArgs{shm::arg("linear_x", "twist.linear[0]"),
                                    shm::arg("linear_y", "twist.linear[1]"),
                                    shm::arg("linear_z", "twist.linear[2]"),
                                    shm::arg("angular_x", "twist.angular[0]"),
                                    shm::arg("angular_y", "twist.angular[1]"),
                                    shm::arg("angular_z", "twist.angular[2]"),
                                    shm::arg("frame_id"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<TwistWithCovariance, 384, 8>(
      "TwistWithCovariance", "twist_cov", "A velocity and how certain it is.", kFields, kArgs);
  return kType;
}

struct Accel {
  double linear[3]{};
  double angular[3]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Accel>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Accel, linear, "m/s^2", "x, y, z.", 0),
      HORUS_FIELD(Accel, angular, "rad/s^2", "About x, y, z.", 24),
      HORUS_FIELD(Accel, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static constexpr std::array kArgs{shm::arg("linear_x", "linear[0]"),
                                    shm::arg("linear_y", "linear[1]"),
                                    shm::arg("linear_z", "linear[2]"),
                                    shm::arg("angular_x", "angular[0]"),
                                    shm::arg("angular_y", "angular[1]"),
                                    shm::arg("angular_z", "angular[2]"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType =
      shm::make_type<Accel, 56, 8>("Accel", "accel", "An acceleration in space.", kFields, kArgs);
  return kType;
}

struct AccelStamped {
  Accel accel{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<AccelStamped>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(AccelStamped, accel, "", "In frame_id.", 0),
      HORUS_TEXT(AccelStamped, frame_id, "", "Coordinate frame.", 56),
      HORUS_FIELD(AccelStamped, timestamp_ns, "ns", "Nanoseconds since 1970.", 88),
  };
  static constexpr std::array kArgs{shm::arg("linear_x", "accel.linear[0]"),
                                    shm::arg("linear_y", "accel.linear[1]"),
                                    shm::arg("linear_z", "accel.linear[2]"),
                                    shm::arg("angular_x", "accel.angular[0]"),
                                    shm::arg("angular_y", "accel.angular[1]"),
                                    shm::arg("angular_z", "accel.angular[2]"),
                                    shm::arg("frame_id"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<AccelStamped, 96, 8>(
      "AccelStamped", "accel_stamped", "An acceleration and the frame that it is given in.",
      kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

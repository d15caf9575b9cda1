// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct Point3 {
  double x{};
  double y{};
  double z{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Point3>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Point3, x, "m", "Along the frame's x axis.", 0),
      HORUS_FIELD(Point3, y, "m", "Along the frame's y axis.", 8),
      HORUS_FIELD(Point3, z, "m", "Along the frame's z axis.", 16),
  };
  static const shm::TypeInfo kType =
      shm::make_type<Point3, 24, 8>("Point3", "", "A place in space.", kFields);
  return kType;
}

struct Vector3 {
  double x{};
  double y{};
  double z{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Vector3>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Vector3, x, "", "Along the frame's x axis.", 0),
      HORUS_FIELD(Vector3, y, "", "Along the frame's y axis.", 8),
      HORUS_FIELD(Vector3, z, "", "Along the frame's z axis.", 16),
  };
  static const shm::TypeInfo kType = shm::make_type<Vector3, 24, 8>(
      "Vector3", "", "A direction with a length; the unit is that of what it stands for.", kFields);
  return kType;
}

struct Quaternion {
  double x{};
  double y{};
  double z{};
  double w{1.0};
};

inline const shm::TypeInfo& type_info(shm::Tag<Quaternion>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Quaternion, x, "", "The axis's x times the sine of half the angle.", 0),
      HORUS_FIELD(Quaternion, y, "", "The axis's y times the sine of half the angle.", 8),
      HORUS_FIELD(Quaternion, z, "", "The axis's z times the sine of half the angle.", 16),
      HORUS_FIELD(Quaternion, w, "", "The real part: the cosine of half the angle.", 24),
  };
  static const shm::TypeInfo kType =
      shm::make_type<Quaternion, 32, 8>("Quaternion", "", "A rotation, of length 1.", kFields);
  return kType;
}

struct Pose2D {
  double x{};
  double y{};
  double theta{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Pose2D>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Pose2D, x, "m", "Along the frame's x axis.", 0),
      HORUS_FIELD(Pose2D, y, "m", "Along the frame's y axis.", 8),
      HORUS_FIELD(Pose2D, theta, "rad", "Counter-clockwise from x.", 16),
      HORUS_FIELD(Pose2D, timestamp_ns, "ns", "Nanoseconds since 1970.", 24),
  };
  static constexpr std::array kArgs{shm::required("x"), shm::required("y"), shm::required("theta"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<Pose2D, 32, 8>(
      "Pose2D", "pose", "A place and a heading in the plane.", kFields, kArgs);
  return kType;
}

struct Twist {
  double linear[3]{};
  double angular[3]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Twist>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Twist, linear, "m/s", "x, y, z.", 0),
      HORUS_FIELD(Twist, angular, "rad/s", "About x, y, z.", 24),
      HORUS_FIELD(Twist, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static constexpr std::array kArgs{shm::arg("linear_x", "linear[0]"),
                                    shm::arg("linear_y", "linear[1]"),
                                    shm::arg("linear_z", "linear[2]"),
                                    shm::arg("angular_x", "angular[0]"),
                                    shm::arg("angular_y", "angular[1]"),
                                    shm::arg("angular_z", "angular[2]"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::neutral<Twist>(
      shm::make_type<Twist, 56, 8>("Twist", "twist", "A velocity in space.", kFields, kArgs));
  return kType;
}

struct TransformStamped {
  double translation[3]{};
  double rotation[4]{0, 0, 0, 1};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<TransformStamped>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TransformStamped, translation, "m", "x, y, z.", 0),
      HORUS_FIELD(TransformStamped, rotation, "", "Quaternion x, y, z, w.", 24),
      HORUS_FIELD(TransformStamped, timestamp_ns, "ns", "Nanoseconds since 1970.", 56),
  };
  static constexpr std::array kArgs{
      shm::arg("tx", "translation[0]"), shm::arg("ty", "translation[1]"),
      shm::arg("tz", "translation[2]"), shm::arg("rx", "rotation[0]"),
      shm::arg("ry", "rotation[1]"),    shm::arg("rz", "rotation[2]"),
      shm::arg("rw", "rotation[3]"),    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<TransformStamped, 64, 8>(
      "TransformStamped", "transform", "Where one frame lies in another.", kFields, kArgs);
  return kType;
}

struct Pose3D {
  Point3 position{};
  Quaternion orientation{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Pose3D>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Pose3D, position, "", "Of the body in its frame.", 0),
      HORUS_FIELD(Pose3D, orientation, "", "From the body's axes to its frame's.", 24),
      HORUS_FIELD(Pose3D, timestamp_ns, "ns", "Nanoseconds since 1970.", 56),
  };
  static constexpr std::array kArgs{
      shm::arg("x", "position.x"),     shm::arg("y", "position.y"),
      shm::arg("z", "position.z"),     shm::arg("qx", "orientation.x"),
      shm::arg("qy", "orientation.y"), shm::arg("qz", "orientation.z"),
      shm::arg("qw", "orientation.w"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<Pose3D, 64, 8>(
      "Pose3D", "pose3d", "A place and an orientation in space.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/message.hpp>

/// Places, motions and forces in space, and time. How a declaration reads: <horus/message.hpp>.
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

struct WrenchStamped {
  Vector3 force{};
  Vector3 torque{};
  Point3 point_of_application{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<WrenchStamped>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(WrenchStamped, force, "N", "x, y, z, in frame_id.", 0),
      HORUS_FIELD(WrenchStamped, torque, "N m", "About x, y, z, in frame_id.", 24),
      HORUS_FIELD(WrenchStamped, point_of_application, "m", "x, y, z, in frame_id.", 48),
      HORUS_TEXT(WrenchStamped, frame_id, "", "Coordinate frame.", 72),
      HORUS_FIELD(WrenchStamped, timestamp_ns, "ns", "Nanoseconds since 1970.", 104),
  };
  static constexpr std::array kArgs{shm::arg("fx", "force.x"),  shm::arg("fy", "force.y"),
                                    shm::arg("fz", "force.z"),  shm::arg("tx", "torque.x"),
                                    shm::arg("ty", "torque.y"), shm::arg("tz", "torque.z"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<WrenchStamped, 112, 8>(
      "WrenchStamped", "wrench", "A force and a torque.", kFields, kArgs);
  return kType;
}

struct ImpedanceParameters {
  double stiffness[6]{1000, 1000, 1000, 100, 100, 100};
  double damping[6]{50, 50, 50, 5, 5, 5};
  double inertia[6]{1, 1, 1, 0.1, 0.1, 0.1};
  double force_limits[6]{50, 50, 50, 5, 5, 5};
  shm::Flag enabled{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<ImpedanceParameters>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(ImpedanceParameters, stiffness, "N/m, N m/rad",
                  "Along x, y, z, then about x, y, z.", 0),
      HORUS_FIELD(ImpedanceParameters, damping, "N s/m, N m s/rad",
                  "Along x, y, z, then about x, y, z.", 48),
      HORUS_FIELD(ImpedanceParameters, inertia, "kg, kg m^2", "Along x, y, z, then about x, y, z.",
                  96),
      HORUS_FIELD(ImpedanceParameters, force_limits, "N, N m", "Along x, y, z, then about x, y, z.",
                  144),
      HORUS_FIELD(ImpedanceParameters, enabled, "", "Whether the arm gives way.", 192),
      HORUS_FIELD(ImpedanceParameters, timestamp_ns, "ns", "Nanoseconds since 1970.", 200),
  };
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<ImpedanceParameters, 208, 8>(
      "ImpedanceParameters", "impedance_parameters",
      "How an arm gives way: values along x, y, z, then about x, y, z.", kFields, {}));
  return kType;
}

struct ForceCommand {
  Vector3 target_force{};
  Vector3 target_torque{};
  std::uint8_t force_mode[6]{};
  Vector3 position_setpoint{};
  Vector3 orientation_setpoint{};
  Vector3 max_deviation{};
  double gains[6]{};
  double timeout_seconds{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<ForceCommand>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(ForceCommand, target_force, "N", "x, y, z, in frame_id.", 0),
      HORUS_FIELD(ForceCommand, target_torque, "N m", "About x, y, z, in frame_id.", 24),
      HORUS_FIELD(ForceCommand, force_mode, "",
                  "One an axis, x, y, z, about x, y, z: 0 position, 1 force.", 48),
      HORUS_FIELD(ForceCommand, position_setpoint, "m", "On the axes under position control.", 56),
      HORUS_FIELD(ForceCommand, orientation_setpoint, "rad", "Roll, pitch, yaw.", 80),
      HORUS_FIELD(ForceCommand, max_deviation, "m",
                  "From the position, on the axes under force control.", 104),
      HORUS_FIELD(ForceCommand, gains, "", "Of the force controller, one an axis.", 128),
      HORUS_FIELD(ForceCommand, timeout_seconds, "s", "0: none.", 176),
      HORUS_TEXT(ForceCommand, frame_id, "", "Coordinate frame.", 184),
      HORUS_FIELD(ForceCommand, timestamp_ns, "ns", "Nanoseconds since 1970.", 216),
  };
  static constexpr std::array kArgs{
      shm::arg("fx", "target_force.x"),       shm::arg("fy", "target_force.y"),
      shm::arg("fz", "target_force.z"),       shm::arg("tx", "target_torque.x"),
      shm::arg("ty", "target_torque.y"),      shm::arg("tz", "target_torque.z"),
      shm::arg("timeout", "timeout_seconds"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<ForceCommand, 224, 8>(
      "ForceCommand", "force_cmd", "A force that an arm shall exert.", kFields, kArgs);
  return kType;
}

struct ContactInfo {
  std::uint8_t state{};
  double contact_force{};
  Vector3 contact_normal{};
  Point3 contact_point{};
  double stiffness{};
  double damping{};
  float confidence{};
  std::uint64_t contact_start_time{};
  std::uint8_t frame_id[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<ContactInfo>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(ContactInfo, state, "",
                  "0 none, 1 initial, 2 stable, 3 loss, 4 sliding, 5 impact.", 0),
      HORUS_FIELD(ContactInfo, contact_force, "N", "How strong it is.", 8),
      HORUS_FIELD(ContactInfo, contact_normal, "", "Of length 1.", 16),
      HORUS_FIELD(ContactInfo, contact_point, "", "In frame_id.", 40),
      HORUS_FIELD(ContactInfo, stiffness, "N/m", "Of what is touched.", 64),
      HORUS_FIELD(ContactInfo, damping, "N s/m", "Of what is touched.", 72),
      HORUS_FIELD(ContactInfo, confidence, "", "0 to 1.", 80),
      HORUS_FIELD(ContactInfo, contact_start_time, "ns", "Nanoseconds since 1970; 0: no contact.",
                  88),
      HORUS_TEXT(ContactInfo, frame_id, "", "Coordinate frame.", 96),
      HORUS_FIELD(ContactInfo, timestamp_ns, "ns", "Nanoseconds since 1970.", 128),
  };
  static constexpr std::array kArgs{shm::arg("state"), shm::arg("contact_force"),
                                    shm::arg("confidence"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<ContactInfo, 136, 8>(
      "ContactInfo", "contact", "What a gripper or foot touches.", kFields, kArgs);
  return kType;
}

struct HapticFeedback {
  float vibration_intensity{};
  float vibration_frequency{};
  float duration_seconds{};
  Vector3 force_feedback{};
  std::uint8_t pattern_type{};
  shm::Flag enabled{true};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<HapticFeedback>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(HapticFeedback, vibration_intensity, "", "0 to 1.", 0),
      HORUS_FIELD(HapticFeedback, vibration_frequency, "Hz", "Of the vibration.", 4),
      HORUS_FIELD(HapticFeedback, duration_seconds, "s", "How long it is felt.", 8),
      HORUS_FIELD(HapticFeedback, force_feedback, "N", "x, y, z.", 16),
      HORUS_FIELD(HapticFeedback, pattern_type, "", "0 steady, 1 pulse, 2 ramp.", 40),
      HORUS_FIELD(HapticFeedback, enabled, "", "False: nothing is felt.", 41),
      HORUS_FIELD(HapticFeedback, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static constexpr std::array kArgs{shm::arg("vibration_intensity"),
                                    shm::arg("vibration_frequency"), shm::arg("duration_seconds"),
                                    shm::arg("pattern_type")};
  static const shm::TypeInfo kType = shm::make_type<HapticFeedback, 56, 8>(
      "HapticFeedback", "haptic_feedback", "What a person's hand shall feel.", kFields, kArgs);
  return kType;
}

struct TactileArray {
  std::uint32_t rows{};
  std::uint32_t cols{};
  float total_force[3]{};
  float center_of_pressure[2]{};
  shm::Flag in_contact{};
  float physical_size[2]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::VaryingInfo& type_info(shm::Tag<TactileArray>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TactileArray, rows, "", "Rows of sensor elements.", 0),
      HORUS_FIELD(TactileArray, cols, "", "Elements of a row.", 4),
      HORUS_FIELD(TactileArray, total_force, "N", "x, y, z; over all elements.", 8),
      HORUS_FIELD(TactileArray, center_of_pressure, "m", "x, y on the sensor.", 20),
      HORUS_FIELD(TactileArray, in_contact, "", "Whether anything is touched.", 28),
      HORUS_FIELD(TactileArray, physical_size, "m", "Width, height of the sensor.", 32),
      HORUS_FIELD(TactileArray, timestamp_ns, "ns", "Nanoseconds since 1970.", 40),
  };
  static constexpr std::array kTails{
      HORUS_TAIL(float, forces, "N", "Row-major, one an element.", "rows", "cols")};
  static constexpr std::array kArgs{shm::arg("rows"), shm::arg("cols")};
  static const shm::VaryingInfo kType = shm::with_tails(
      shm::make_type<TactileArray, 48, 8>("TactileArray", "tactile_array",
                                          "What a field of touch sensors feels.", kFields, kArgs),
      kTails);
  return kType;
}

struct Clock {
  std::uint64_t clock_ns{};
  std::uint64_t realtime_ns{};
  double sim_speed{1.0};
  shm::Flag paused{};
  std::uint8_t source{};
  std::uint8_t _pad[6]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Clock>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Clock, clock_ns, "ns", "The time that nodes shall use.", 0),
      HORUS_FIELD(Clock, realtime_ns, "ns", "Nanoseconds since 1970.", 8),
      HORUS_FIELD(Clock, sim_speed, "", "Seconds of clock_ns in a second.", 16),
      HORUS_FIELD(Clock, paused, "", "Whether the clock stands.", 24),
      HORUS_FIELD(Clock, source, "", "0 wall, 1 simulation, 2 replay.", 25),
      HORUS_PADDING(Clock, _pad, 26),
      HORUS_FIELD(Clock, timestamp_ns, "ns", "Nanoseconds since 1970.", 32),
  };
  static const shm::TypeInfo kType =
      shm::make_type<Clock, 40, 8>("Clock", "clock", "What time it is for a robot.", kFields);
  return kType;
}

struct TimeReference {
  std::uint64_t time_ref_ns{};
  std::uint8_t source[32]{};
  std::int64_t offset_ns{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<TimeReference>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TimeReference, time_ref_ns, "ns", "Of the other clock.", 0),
      HORUS_TEXT(TimeReference, source, "", "Which clock.", 8),
      HORUS_FIELD(TimeReference, offset_ns, "ns", "Our clock minus the other.", 40),
      HORUS_FIELD(TimeReference, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static const shm::TypeInfo kType = shm::make_type<TimeReference, 56, 8>(
      "TimeReference", "time_reference", "What another clock says.", kFields);
  return kType;
}

struct SimSync {
  std::uint64_t step{};
  std::uint64_t sim_time_ns{};
  std::uint64_t dt_ns{};
  std::uint8_t state{};
  std::uint8_t _pad[7]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<SimSync>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(SimSync, step, "", "Number of the step.", 0),
      HORUS_FIELD(SimSync, sim_time_ns, "ns", "At the step's end.", 8),
      HORUS_FIELD(SimSync, dt_ns, "ns", "Length of the step.", 16),
      HORUS_FIELD(SimSync, state, "", "0 idle, 1 waiting, 2 done.", 24),
      HORUS_PADDING(SimSync, _pad, 25),
  };
  static const shm::TypeInfo kType = shm::make_type<SimSync, 32, 8>(
      "SimSync", "", "A step of a simulation, asked for or done.", kFields);
  return kType;
}

struct RateRequest {
  std::uint8_t topic_name[32]{};
  double desired_hz{};
  double min_hz{};
  double max_hz{};
  std::uint64_t requester_id{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<RateRequest>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(RateRequest, topic_name, "", "Which topic.", 0),
      HORUS_FIELD(RateRequest, desired_hz, "Hz", "What is wanted.", 32),
      HORUS_FIELD(RateRequest, min_hz, "Hz", "Less is of no use.", 40),
      HORUS_FIELD(RateRequest, max_hz, "Hz", "More is too much.", 48),
      HORUS_FIELD(RateRequest, requester_id, "", "Who asks.", 56),
      HORUS_FIELD(RateRequest, timestamp_ns, "ns", "Nanoseconds since 1970.", 64),
  };
  static const shm::TypeInfo kType = shm::make_type<RateRequest, 72, 8>(
      "RateRequest", "", "How often somebody wants a topic's messages.", kFields);
  return kType;
}

}  // namespace horus::msg

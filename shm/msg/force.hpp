// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"
#include "shm/msg/geometry.hpp"

namespace horus::msg {

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

}  // namespace horus::msg

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "shm/declare.hpp"

namespace horus::msg {

struct MotorCommand {
  std::uint8_t motor_id{};
  std::uint8_t mode{};
  double target{};
  double max_velocity{shm::kNoLimit};
  double max_acceleration{shm::kNoLimit};
  double feed_forward{};
  shm::Flag enable{true};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<MotorCommand>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(MotorCommand, motor_id, "", "Which motor.", 0),
      HORUS_FIELD(MotorCommand, mode, "", "0 velocity, 1 position, 2 torque, 3 voltage.", 1),
      HORUS_FIELD(MotorCommand, target, "", "rad/s, rad, N m or V, as the mode says.", 8),
      shm::limit(HORUS_FIELD(MotorCommand, max_velocity, "rad/s", "No limit: infinite.", 16)),
      shm::limit(HORUS_FIELD(MotorCommand, max_acceleration, "rad/s^2", "No limit: infinite.", 24)),
      HORUS_FIELD(MotorCommand, feed_forward, "",
                  "Added to the controller's output, in the output's unit.", 32),
      HORUS_FIELD(MotorCommand, enable, "", "False: the motor runs free.", 40),
      HORUS_FIELD(MotorCommand, timestamp_ns, "ns", "Nanoseconds since 1970.", 48),
  };
  static const shm::TypeInfo kType = shm::neutral<MotorCommand>(
      shm::make_type<MotorCommand, 56, 8>("MotorCommand", "motor_cmd", "What one motor shall do.",
                                          kFields),
      {.enable = false});
  return kType;
}

struct DifferentialDriveCommand {
  double left_velocity{};
  double right_velocity{};
  double max_acceleration{shm::kNoLimit};
  shm::Flag enable{true};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<DifferentialDriveCommand>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(DifferentialDriveCommand, left_velocity, "rad/s", "Of the left wheel.", 0),
      HORUS_FIELD(DifferentialDriveCommand, right_velocity, "rad/s", "Of the right wheel.", 8),
      shm::limit(HORUS_FIELD(DifferentialDriveCommand, max_acceleration, "rad/s^2",
                             "No limit: infinite.", 16)),
      HORUS_FIELD(DifferentialDriveCommand, enable, "", "False: the wheels run free.", 24),
      HORUS_FIELD(DifferentialDriveCommand, timestamp_ns, "ns", "Nanoseconds since 1970.", 32),
  };
  static const shm::TypeInfo kType = shm::neutral<DifferentialDriveCommand>(
      shm::make_type<DifferentialDriveCommand, 40, 8>(
          "DifferentialDriveCommand", "diff_drive_cmd",
          "Wheel speeds of a base with two driven wheels.", kFields),
      {.enable = false});
  return kType;
}

struct ServoCommand {
  std::uint8_t servo_id{};
  float position{};
  float speed{0.5F};
  shm::Flag enable{true};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<ServoCommand>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(ServoCommand, servo_id, "", "Which servo.", 0),
      HORUS_FIELD(ServoCommand, position, "rad", "Where it shall go, from its zero.", 4),
      HORUS_FIELD(ServoCommand, speed, "", "0 to 1 of the greatest speed.", 8),
      HORUS_FIELD(ServoCommand, enable, "", "False: the servo holds no torque.", 12),
      HORUS_FIELD(ServoCommand, timestamp_ns, "ns", "Nanoseconds since 1970.", 16),
  };
  static const shm::TypeInfo kType = shm::make_type<ServoCommand, 24, 8>(
      "ServoCommand", "servo_cmd", "Where one servo shall go.", kFields);
  return kType;
}

struct PidConfig {
  std::uint8_t controller_id{};
  double kp{1.0};
  double ki{};
  double kd{};
  double integral_limit{shm::kNoLimit};
  double output_limit{shm::kNoLimit};
  shm::Flag anti_windup{true};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<PidConfig>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(PidConfig, controller_id, "", "Which controller.", 0),
      HORUS_FIELD(PidConfig, kp, "", "Proportional gain.", 8),
      HORUS_FIELD(PidConfig, ki, "1/s", "Integral gain.", 16),
      HORUS_FIELD(PidConfig, kd, "s", "Derivative gain.", 24),
      shm::limit(HORUS_FIELD(PidConfig, integral_limit, "",
                             "Of the integral's absolute value; none: infinite.", 32)),
      shm::limit(HORUS_FIELD(PidConfig, output_limit, "",
                             "Of the output's absolute value; none: infinite.", 40)),
      HORUS_FIELD(PidConfig, anti_windup, "",
                  "Whether the integral stops while the output is at its limit.", 48),
      HORUS_FIELD(PidConfig, timestamp_ns, "ns", "Nanoseconds since 1970.", 56),
  };
  static constexpr std::array kArgs{shm::arg("kp"),
                                    shm::arg("ki"),
                                    shm::arg("kd"),
                                    shm::arg("controller_id"),
                                    shm::arg("integral_limit"),
                                    shm::arg("output_limit"),
                                    shm::arg("anti_windup"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<PidConfig, 64, 8>(
      "PidConfig", "pid_config", "The gains and limits of a PID controller.", kFields, kArgs);
  return kType;
}

struct TrajectoryPoint {
  double position[3]{};
  double velocity[3]{};
  double acceleration[3]{};
  double orientation[4]{0, 0, 0, 1};
  double angular_velocity[3]{};
  double time_from_start{};
};

inline const shm::TypeInfo& type_info(shm::Tag<TrajectoryPoint>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(TrajectoryPoint, position, "m", "x, y, z.", 0),
      HORUS_FIELD(TrajectoryPoint, velocity, "m/s", "x, y, z.", 24),
      HORUS_FIELD(TrajectoryPoint, acceleration, "m/s^2", "x, y, z.", 48),
      HORUS_FIELD(TrajectoryPoint, orientation, "", "Quaternion x, y, z, w.", 72),
      HORUS_FIELD(TrajectoryPoint, angular_velocity, "rad/s", "About x, y, z.", 104),
      HORUS_FIELD(TrajectoryPoint, time_from_start, "s", "When it shall be reached.", 128),
  };
  static const shm::TypeInfo kType = shm::make_type<TrajectoryPoint, 136, 8>(
      "TrajectoryPoint", "trajectory_point", "One point of a trajectory in space.", kFields);
  return kType;
}

struct JointCommand {
  std::uint8_t joint_names[16][32]{};
  std::uint8_t joint_count{};
  double positions[16]{};
  double velocities[16]{};
  double efforts[16]{};
  std::uint8_t modes[16]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<JointCommand>) noexcept {
  static const std::array kFields{
      HORUS_COUNTED_TEXT(JointCommand, joint_names, "", "One text a joint.", "joint_count", 0),
      HORUS_FIELD(JointCommand, joint_count, "", "0 to 16.", 512),
      HORUS_COUNTED(JointCommand, positions, "rad", "Metres for sliding joints.", "joint_count",
                    520),
      HORUS_COUNTED(JointCommand, velocities, "rad/s", "Metres a second for sliding joints.",
                    "joint_count", 648),
      HORUS_COUNTED(JointCommand, efforts, "N m", "Newtons for sliding joints.", "joint_count",
                    776),
      HORUS_COUNTED(JointCommand, modes, "", "0 position, 1 velocity, 2 effort.", "joint_count",
                    904),
      HORUS_FIELD(JointCommand, timestamp_ns, "ns", "Nanoseconds since 1970.", 920),
  };
  static constexpr std::array kArgs{shm::arg("names", "joint_names"),
                                    shm::arg("positions"),
                                    shm::arg("velocities"),
                                    shm::arg("efforts"),
                                    shm::arg("modes"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::make_type<JointCommand, 928, 8>(
      "JointCommand", "joint_cmd", "What up to 16 joints shall do.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

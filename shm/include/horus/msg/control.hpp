// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/message.hpp>
#include <horus/msg/geometry.hpp>

/// Commands, inputs of people, safety, and the health of nodes. How a declaration reads:
/// <horus/message.hpp>.
namespace horus::msg {

struct CmdVel {
  std::uint64_t timestamp_ns{};
  float linear{};
  float angular{};
};

inline const shm::TypeInfo& type_info(shm::Tag<CmdVel>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(CmdVel, timestamp_ns, "ns", "Nanoseconds since 1970.", 0),
      HORUS_FIELD(CmdVel, linear, "m/s", "Forward.", 8),
      HORUS_FIELD(CmdVel, angular, "rad/s", "Counter-clockwise.", 12),
  };
  static constexpr std::array kArgs{shm::required("linear"), shm::required("angular"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::neutral<CmdVel>(shm::make_type<CmdVel, 16, 8>(
      "CmdVel", "cmd_vel", "A velocity for a mobile base.", kFields, kArgs));
  return kType;
}

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

struct KeyboardInput {
  std::uint8_t key_name[32]{};
  std::uint32_t code{};
  std::uint32_t modifier_flags{};
  shm::Flag pressed{true};
  std::uint64_t timestamp_ms{};
  std::uint8_t _padding[16]{};
};

inline const shm::TypeInfo& type_info(shm::Tag<KeyboardInput>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(KeyboardInput, key_name, "", "What the key is called.", 0),
      HORUS_FIELD(KeyboardInput, code, "", "Of the key.", 32),
      HORUS_FIELD(KeyboardInput, modifier_flags, "",
                  "Sum of ctrl 1, alt 2, shift 4, super 8, hyper 16, meta 32.", 36),
      HORUS_FIELD(KeyboardInput, pressed, "", "False: let go.", 40),
      HORUS_FIELD(KeyboardInput, timestamp_ms, "ms", "Milliseconds since 1970.", 48),
      HORUS_PADDING(KeyboardInput, _padding, 56),
  };
  static constexpr std::array kArgs{shm::arg("key_name"), shm::arg("code"), shm::arg("pressed"),
                                    shm::arg("modifiers", "modifier_flags")};
  static const shm::TypeInfo kType =
      shm::stamped(shm::make_type<KeyboardInput, 72, 8>("KeyboardInput", "keyboard",
                                                        "A key pressed or let go.", kFields, kArgs),
                   "timestamp_ms");
  return kType;
}

struct JoystickInput {
  std::uint32_t joystick_id{};
  std::uint8_t event_type[16]{'a', 'x', 'i', 's'};
  std::uint32_t element_id{};
  std::uint8_t element_name[32]{};
  float value{};
  shm::Flag pressed{};
  std::uint64_t timestamp_ms{};
};

inline const shm::TypeInfo& type_info(shm::Tag<JoystickInput>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(JoystickInput, joystick_id, "", "Which joystick.", 0),
      HORUS_TEXT(JoystickInput, event_type, "", "\"button\", \"axis\", \"hat\", \"connection\".",
                 4),
      HORUS_FIELD(JoystickInput, element_id, "", "Which button, axis or hat.", 20),
      HORUS_TEXT(JoystickInput, element_name, "", "What the button, axis or hat is called.", 24),
      HORUS_FIELD(JoystickInput, value, "", "-1 to 1.", 56),
      HORUS_FIELD(JoystickInput, pressed, "", "Of a button; False: let go.", 60),
      HORUS_FIELD(JoystickInput, timestamp_ms, "ms", "Milliseconds since 1970.", 64),
  };
  static constexpr std::array kArgs{shm::arg("joystick_id"), shm::arg("element_id"),
                                    shm::arg("value"), shm::arg("pressed")};
  static const shm::TypeInfo kType =
      shm::stamped(shm::make_type<JoystickInput, 72, 8>("JoystickInput", "joystick",
                                                        "An event of a joystick.", kFields, kArgs),
                   "timestamp_ms");
  return kType;
}

struct EmergencyStop {
  shm::Flag engaged{true};
  std::uint8_t reason[64]{};
  std::uint8_t source[32]{};
  shm::Flag auto_reset{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<EmergencyStop>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(EmergencyStop, engaged, "", "True: stop.", 0),
      HORUS_TEXT(EmergencyStop, reason, "", "Why it was stopped.", 1),
      HORUS_TEXT(EmergencyStop, source, "", "Who stopped.", 65),
      HORUS_FIELD(EmergencyStop, auto_reset, "",
                  "Whether it releases itself when the cause is gone.", 97),
      HORUS_FIELD(EmergencyStop, timestamp_ns, "ns", "Nanoseconds since 1970.", 104),
  };
  static constexpr std::array kArgs{shm::arg("engaged"), shm::arg("reason"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<EmergencyStop, 112, 8>(
      "EmergencyStop", "estop", "Stop everything, or go on.", kFields, kArgs));
  return kType;
}

struct SafetyStatus {
  shm::Flag enabled{true};
  shm::Flag estop_engaged{};
  shm::Flag watchdog_ok{true};
  shm::Flag limits_ok{true};
  shm::Flag comms_ok{true};
  std::uint8_t mode{};
  std::uint32_t fault_code{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<SafetyStatus>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(SafetyStatus, enabled, "", "Whether they are on.", 0),
      HORUS_FIELD(SafetyStatus, estop_engaged, "", "Whether an emergency stop is on.", 1),
      HORUS_FIELD(SafetyStatus, watchdog_ok, "", "False: something did not answer in time.", 2),
      HORUS_FIELD(SafetyStatus, limits_ok, "", "False: a limit was exceeded.", 3),
      HORUS_FIELD(SafetyStatus, comms_ok, "", "False: a connection is lost.", 4),
      HORUS_FIELD(SafetyStatus, mode, "", "0 normal, 1 reduced, 2 safe stop.", 5),
      HORUS_FIELD(SafetyStatus, fault_code, "", "0: no fault.", 8),
      HORUS_FIELD(SafetyStatus, timestamp_ns, "ns", "Nanoseconds since 1970.", 16),
  };
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<SafetyStatus, 24, 8>(
      "SafetyStatus", "safety_status", "What the safety functions of a robot say.", kFields, {}));
  return kType;
}

struct Heartbeat {
  std::uint8_t node_name[32]{};
  std::uint32_t node_id{};
  std::uint64_t sequence{};
  shm::Flag alive{true};
  double uptime{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<Heartbeat>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(Heartbeat, node_name, "", "Whose heartbeat it is.", 0),
      HORUS_FIELD(Heartbeat, node_id, "", "The node's number.", 32),
      HORUS_FIELD(Heartbeat, sequence, "", "Counts the heartbeats.", 40),
      HORUS_FIELD(Heartbeat, alive, "", "False: the node says that it ends.", 48),
      HORUS_FIELD(Heartbeat, uptime, "s", "Since the node's start.", 56),
      HORUS_FIELD(Heartbeat, timestamp_ns, "ns", "Nanoseconds since 1970.", 64),
  };
  static constexpr std::array kArgs{shm::arg("node_name"), shm::arg("node_id"),
                                    shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<Heartbeat, 72, 8>(
      "Heartbeat", "heartbeat", "A node's sign of life.", kFields, kArgs));
  return kType;
}

struct DiagnosticStatus {
  std::uint8_t level{};
  std::uint32_t code{};
  std::uint8_t message[128]{};
  std::uint8_t component[32]{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<DiagnosticStatus>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(DiagnosticStatus, level, "", "0 ok, 1 warn, 2 error, 3 fatal.", 0),
      HORUS_FIELD(DiagnosticStatus, code, "", "The component's own.", 4),
      HORUS_TEXT(DiagnosticStatus, message, "", "What is so, in words.", 8),
      HORUS_TEXT(DiagnosticStatus, component, "", "Whose status it is.", 136),
      HORUS_FIELD(DiagnosticStatus, timestamp_ns, "ns", "Nanoseconds since 1970.", 168),
  };
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<DiagnosticStatus, 176, 8>(
      "DiagnosticStatus", "diagnostics", "How a component is.", kFields));
  return kType;
}

struct DiagnosticValue {
  std::uint8_t key[32]{};
  std::uint8_t value[64]{};
  std::uint8_t value_type{};
};

inline const shm::TypeInfo& type_info(shm::Tag<DiagnosticValue>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(DiagnosticValue, key, "", "What the value is called.", 0),
      HORUS_TEXT(DiagnosticValue, value, "", "Written as text.", 32),
      HORUS_FIELD(DiagnosticValue, value_type, "",
                  "What the text stands for: 0 string, 1 int, 2 float, 3 bool.", 96),
  };
  static constexpr std::array kArgs{shm::arg("key"), shm::arg("value")};
  static const shm::TypeInfo kType = shm::make_type<DiagnosticValue, 97, 1>(
      "DiagnosticValue", "diagnostic_value", "One named value of a report, as text.", kFields,
      kArgs);
  return kType;
}

struct DiagnosticReport {
  std::uint8_t component[32]{};
  DiagnosticValue values[16]{};
  std::uint8_t value_count{};
  std::uint8_t level{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<DiagnosticReport>) noexcept {
  static const std::array kFields{
      HORUS_TEXT(DiagnosticReport, component, "", "Whose report it is.", 0),
      HORUS_COUNTED(DiagnosticReport, values, "", "In the order in which they were added.",
                    "value_count", 32),
      HORUS_FIELD(DiagnosticReport, value_count, "", "0 to 16.", 1584),
      HORUS_FIELD(DiagnosticReport, level, "", "0 ok, 1 warn, 2 error, 3 fatal.", 1585),
      HORUS_FIELD(DiagnosticReport, timestamp_ns, "ns", "Nanoseconds since 1970.", 1592),
  };
  static constexpr std::array kArgs{shm::arg("component"), shm::arg("level")};
  static const shm::TypeInfo kType = shm::make_type<DiagnosticReport, 1600, 8>(
      "DiagnosticReport", "diagnostic_report", "Up to 16 values of a component.", kFields, kArgs);
  return kType;
}

struct ResourceUsage {
  float cpu_percent{};
  std::uint64_t memory_bytes{};
  float memory_percent{};
  std::uint64_t disk_bytes{};
  float disk_percent{};
  std::uint64_t network_tx_bytes{};
  std::uint64_t network_rx_bytes{};
  float temperature{};
  std::uint32_t thread_count{};
  std::uint64_t timestamp_ns{};
};

inline const shm::TypeInfo& type_info(shm::Tag<ResourceUsage>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(ResourceUsage, cpu_percent, "%", "Of all cores.", 0),
      HORUS_FIELD(ResourceUsage, memory_bytes, "B", "In use.", 8),
      HORUS_FIELD(ResourceUsage, memory_percent, "%", "Of the memory, in use: 0 to 100.", 16),
      HORUS_FIELD(ResourceUsage, disk_bytes, "B", "In use.", 24),
      HORUS_FIELD(ResourceUsage, disk_percent, "%", "Of the disk, in use: 0 to 100.", 32),
      HORUS_FIELD(ResourceUsage, network_tx_bytes, "B", "Sent since the start.", 40),
      HORUS_FIELD(ResourceUsage, network_rx_bytes, "B", "Received since the start.", 48),
      HORUS_FIELD(ResourceUsage, temperature, "degC", "Of the processor.", 56),
      HORUS_FIELD(ResourceUsage, thread_count, "", "Threads that there are.", 60),
      HORUS_FIELD(ResourceUsage, timestamp_ns, "ns", "Nanoseconds since 1970.", 64),
  };
  static constexpr std::array kArgs{shm::arg("cpu_percent"), shm::arg("memory_bytes"),
                                    shm::arg("memory_percent"), shm::arg("timestamp_ns")};
  static const shm::TypeInfo kType = shm::stamped(shm::make_type<ResourceUsage, 72, 8>(
      "ResourceUsage", "resources", "What a machine has in use.", kFields, kArgs));
  return kType;
}

struct NodeHeartbeat {
  std::uint8_t state{};
  std::uint8_t health{};
  std::uint64_t tick_count{};
  std::uint32_t target_rate_hz{};
  std::uint32_t actual_rate_hz{};
  std::uint32_t error_count{};
  std::uint64_t last_tick_timestamp{};
  std::uint64_t heartbeat_timestamp{};
};

inline const shm::TypeInfo& type_info(shm::Tag<NodeHeartbeat>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(NodeHeartbeat, state, "", "The node's own number for what it does.", 0),
      HORUS_FIELD(NodeHeartbeat, health, "", "0 healthy; higher is worse.", 1),
      HORUS_FIELD(NodeHeartbeat, tick_count, "", "Since the node's start.", 8),
      HORUS_FIELD(NodeHeartbeat, target_rate_hz, "Hz", "As the node was declared.", 16),
      HORUS_FIELD(NodeHeartbeat, actual_rate_hz, "Hz", "As it was measured.", 20),
      HORUS_FIELD(NodeHeartbeat, error_count, "", "Since the node's start.", 24),
      HORUS_FIELD(NodeHeartbeat, last_tick_timestamp, "s", "Whole seconds since 1970.", 32),
      HORUS_FIELD(NodeHeartbeat, heartbeat_timestamp, "s", "Whole seconds since 1970.", 40),
  };
  static constexpr std::array kArgs{shm::arg("state"), shm::arg("health")};
  static const shm::TypeInfo kType = shm::make_type<NodeHeartbeat, 48, 8>(
      "NodeHeartbeat", "node_heartbeat", "How a node runs.", kFields, kArgs);
  return kType;
}

}  // namespace horus::msg

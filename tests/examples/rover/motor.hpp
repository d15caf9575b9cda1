// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>

#include <horus/msg/control.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>
#include <horus/plugin.hpp>
#include <horus/time.hpp>

#include "can_bus.hpp"
#include "dc_motor.hpp"
#include "velocity_pid.hpp"

namespace rover {

/// Drives the two wheels: `cmd_vel` in, a velocity PID a wheel, `joint_states` and `odom` out.
///
/// The wheels are simulated DC motors; where the parameter `can` names an interface they are real
/// drives on that bus (drive_frames.hpp). No order for 150 ms means: stand still.
class Motor final : public horus::Node {
 public:
  explicit Motor(horus::PluginContext& context);

  void tick(const horus::Tick& tick) override;
  /// No voltage from now on, until the robot is released. From any thread.
  void enter_safe_state() noexcept override;
  void leave_safe_state() noexcept override;

 private:
  static constexpr std::size_t kLeft = 0;
  static constexpr std::size_t kRight = 1;
  static constexpr std::uint64_t kOdometryEvery = 10;  ///< Ticks.

  struct Wheel {
    explicit Wheel(const PidGains& gains) noexcept : pid{gains} {}
    DcMotor motor{};
    VelocityPid pid;
    double angle = 0.0;   ///< rad
    double speed = 0.0;   ///< rad/s
    double torque = 0.0;  ///< N m; 0 on the bus, which does not tell.
    double volts = 0.0;
  };

  void take_order() noexcept;
  void simulate(double seconds) noexcept;
  bool read_encoders(horus::TimePoint now) noexcept;
  void turn_wheels(const CanBus::Frame& before, const CanBus::Frame& now) noexcept;
  void control(bool may_drive, double seconds) noexcept;
  void add_up(double seconds) noexcept;
  void publish_joints() noexcept;
  void publish_odometry() noexcept;

  horus::Topics topics_;
  horus::shm::Subscriber<horus::msg::CmdVel> orders_;
  horus::shm::Publisher<horus::msg::JointState> joint_states_;
  horus::shm::Publisher<horus::msg::Odometry> odom_;
  std::array<Wheel, 2> wheels_;
  std::unique_ptr<CanBus> bus_;

  horus::msg::CmdVel order_{};
  std::optional<horus::TimePoint> last_release_;
  std::optional<CanBus::Frame> last_encoders_;
  horus::msg::JointState joints_{};
  horus::msg::Odometry odometry_{};
};

}  // namespace rover

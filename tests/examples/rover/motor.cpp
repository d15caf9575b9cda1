// SPDX-License-Identifier: Apache-2.0
#include "motor.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include <horus/message.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "drive_frames.hpp"
#include "support.hpp"

namespace rover {
namespace {

constexpr double kWheelRadius = 0.1;  // m
constexpr double kTrack = 0.4;        // m, from wheel to wheel
// Seven orders of the planner; it stands still within 200 ms of the last one's sender's death.
constexpr horus::Nanos kOrderHolds{150'000'000};
constexpr horus::Nanos kEncodersHold{100'000'000};

PidGains gains_from(const horus::Params& params) {
  const PidGains defaults;
  return {.kp = params.get<double>("kp", defaults.kp),
          .ki = params.get<double>("ki", defaults.ki),
          .kd = params.get<double>("kd", defaults.kd),
          .limit = defaults.limit};
}

horus::Nanos can_patience(const horus::Params& params) {
  const auto ms = params.get<double>("can_ms", 1.0);
  if (!(ms > 0 && ms <= 100)) throw std::invalid_argument{"can_ms: above 0, at most 100"};
  return horus::Nanos{static_cast<std::int64_t>(ms * 1e6)};
}

}  // namespace

Motor::Motor(horus::PluginContext& context)
    : topics_{context.topics()},
      orders_{horus::or_throw(context.topics().subscriber<horus::msg::CmdVel>(
          "cmd_vel",
          {.depth = 1, .timeout = kOrderHolds, .fallback = horus::shm::Fallback::kZero}))},
      joint_states_{
          horus::or_throw(context.topics().publisher<horus::msg::JointState>("joint_states"))},
      odom_{horus::or_throw(context.topics().publisher<horus::msg::Odometry>("odom"))},
      wheels_{Wheel{gains_from(context.params())}, Wheel{gains_from(context.params())}} {
  const auto interface = context.params().get<std::string>("can", "");
  // Here and not in init(), which runs on the executor: the bus's thread must not inherit its CPU
  // and its priority.
  if (!interface.empty()) {
    bus_ = std::make_unique<CanBus>(interface, kEncoderId, can_patience(context.params()));
  }
  joints_.joint_count = 2;
  set_text(joints_.names[kLeft], "left_wheel");
  set_text(joints_.names[kRight], "right_wheel");
  set_text(odometry_.frame_id, "odom");
  set_text(odometry_.child_frame_id, "base");
}

void Motor::tick(const horus::Tick& tick) {
  // After skipped releases more than one period has passed: physics knows no skips.
  const auto elapsed = last_release_ ? tick.release - *last_release_ : tick.period;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  last_release_ = tick.release;

  take_order();
  if (bus_) {
    const bool measured = read_encoders(tick.start);
    control(measured && tick.armed(), seconds);
    bus_->send({.id = kSetpointId,
                .bytes = encode(wheels_[kLeft].volts, wheels_[kRight].volts, tick.number),
                .at = {}});
  } else {
    simulate(seconds);
    control(tick.armed(), seconds);
  }
  add_up(seconds);
  publish_joints();
  if (tick.number % kOdometryEvery == 0) publish_odometry();
}

void Motor::enter_safe_state() noexcept {
  // Where this thread hangs no tick comes that would: the companion holds the drives.
  if (bus_) bus_->hold({.id = kSetpointId, .bytes = encode(0.0, 0.0, 0), .at = {}});
}

void Motor::leave_safe_state() noexcept {
  if (bus_) bus_->let_go();
}

/// Where none comes for kOrderHolds it is one to stand still.
void Motor::take_order() noexcept {
  const auto order = orders_.take_latest();
  if (!order) return;
  // A NaN would stay in the sums of the control loop for good.
  if (!horus::shm::is_finite(*order)) return topics_.count_refused();
  order_ = *order;
}

void Motor::simulate(double seconds) noexcept {
  for (Wheel& wheel : wheels_) {
    wheel.motor.advance(wheel.volts, seconds);
    wheel.angle = wheel.motor.wheel_angle();
    wheel.speed = wheel.motor.wheel_speed();
    wheel.torque = wheel.motor.wheel_torque();
  }
}

/// False while the drives are silent: then nobody knows how fast the wheels turn.
bool Motor::read_encoders(horus::TimePoint now) noexcept {
  for (CanBus::Frame frame; bus_->receive(frame);) {
    if (last_encoders_) turn_wheels(*last_encoders_, frame);
    last_encoders_ = frame;
  }
  return last_encoders_ && now - last_encoders_->at <= kEncodersHold;
}

void Motor::turn_wheels(const CanBus::Frame& before, const CanBus::Frame& now) noexcept {
  const Encoders from = decode(before.bytes);
  const Encoders to = decode(now.bytes);
  const double passed = std::chrono::duration<double>(now.at - before.at).count();
  const std::array turns{turned(from.left, to.left), turned(from.right, to.right)};
  for (std::size_t i = 0; i < wheels_.size(); ++i) {
    wheels_[i].angle += turns[i];
    wheels_[i].speed = turns[i] / std::max(passed, 1e-6);
  }
}

void Motor::control(bool may_drive, double seconds) noexcept {
  const double turn = static_cast<double>(order_.angular) * kTrack / 2.0;
  const double linear = static_cast<double>(order_.linear);
  const std::array targets{(linear - turn) / kWheelRadius, (linear + turn) / kWheelRadius};
  for (std::size_t i = 0; i < wheels_.size(); ++i) {
    Wheel& wheel = wheels_[i];
    if (may_drive) {
      wheel.volts = wheel.pid.step(targets[i], wheel.speed, seconds);
    } else {
      wheel.pid.reset(wheel.speed);
      wheel.volts = 0.0;
    }
  }
}

/// Odometry of a differential drive, along the arc's chord.
void Motor::add_up(double seconds) noexcept {
  const double left = wheels_[kLeft].speed * kWheelRadius;
  const double right = wheels_[kRight].speed * kWheelRadius;
  const double linear = (left + right) / 2.0;
  const double angular = (right - left) / kTrack;
  auto& pose = odometry_.pose;
  const double along = pose.theta + angular * seconds / 2.0;
  pose.x += linear * std::cos(along) * seconds;
  pose.y += linear * std::sin(along) * seconds;
  pose.theta = std::remainder(pose.theta + angular * seconds, 2.0 * std::numbers::pi);
  odometry_.twist.linear[0] = linear;
  odometry_.twist.angular[2] = angular;
}

void Motor::publish_joints() noexcept {
  for (std::size_t i = 0; i < wheels_.size(); ++i) {
    joints_.positions[i] = wheels_[i].angle;
    joints_.velocities[i] = wheels_[i].speed;
    joints_.efforts[i] = wheels_[i].torque;
  }
  joints_.timestamp_ns = wall_clock_ns();
  joint_states_.send(joints_);
}

void Motor::publish_odometry() noexcept {
  odometry_.timestamp_ns = wall_clock_ns();
  odometry_.pose.timestamp_ns = odometry_.timestamp_ns;
  odometry_.twist.timestamp_ns = odometry_.timestamp_ns;
  odom_.send(odometry_);
}

}  // namespace rover

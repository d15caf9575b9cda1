// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/input.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include <horus/msg/control.hpp>
#include <horus/plugin.hpp>

#include "support.hpp"

namespace rover {

/// What a hand does, as an order to drive: up and down is forward, left and right is turning.
/// Understands the first two axes of a joystick and a keyboard's arrows.
class StickState {
 public:
  /// The range of an axis, as the device tells it (EVIOCGABS).
  void calibrate(std::uint16_t axis, int least, int most) noexcept;
  /// True when `event` ends a report: then order() is new.
  bool apply(const input_event& event) noexcept;
  horus::msg::CmdVel order() const noexcept;

 private:
  struct Axis {
    int least = -32767;
    int most = 32767;
    double value = 0.0;  ///< -1 to 1.
  };
  void key(std::uint16_t code, double pressed) noexcept;

  Axis across_{};
  Axis down_{};
};

/// Reads the input device of the parameter `device` (evdev), and puts one CmdVel a report on
/// `joy_vel`. The device is read by a companion thread, which waits for it when it is unplugged.
class Joystick final : public horus::Node {
 public:
  explicit Joystick(horus::PluginContext& context);
  ~Joystick() override;
  void tick(const horus::Tick& tick) override;

 private:
  void run() noexcept;
  void follow(int device) noexcept;
  bool stopped_within(int milliseconds) const noexcept;

  std::string path_;
  horus::shm::Publisher<horus::msg::CmdVel> orders_;
  Ring<horus::msg::CmdVel> reports_;
  Descriptor stop_;
  std::thread companion_;
};

}  // namespace rover

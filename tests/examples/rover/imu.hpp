// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>
#include <horus/plugin.hpp>

#include "noise.hpp"

namespace rover {

/// An inertial sensor: the rover's motion (`odom`) as a MEMS part would tell it, on `imu`.
class ImuDriver final : public horus::Node {
 public:
  explicit ImuDriver(horus::PluginContext& context);
  void tick(const horus::Tick& tick) override;

 private:
  horus::shm::Subscriber<horus::msg::Odometry> odom_;
  horus::shm::Publisher<horus::msg::Imu> imu_;
  Noise noise_;
  std::array<MemsAxis, 3> gyro_;
  std::array<MemsAxis, 3> accel_;
  horus::msg::Odometry motion_{};
  double acceleration_ = 0.0;  ///< m/s^2, forward.
  horus::msg::Imu message_{};
};

}  // namespace rover

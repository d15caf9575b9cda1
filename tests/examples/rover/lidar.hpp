// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>
#include <horus/plugin.hpp>

#include "noise.hpp"

namespace rover {

/// A turning laser: what it would see in room.hpp from where the rover is (`odom`), on `scan`.
class Lidar final : public horus::Node {
 public:
  explicit Lidar(horus::PluginContext& context);
  void tick(const horus::Tick& tick) override;

 private:
  horus::shm::Subscriber<horus::msg::Odometry> odom_;
  horus::shm::Publisher<horus::msg::LaserScan> scan_;
  Noise noise_;
  horus::msg::Odometry motion_{};
  horus::msg::LaserScan message_{};
};

}  // namespace rover

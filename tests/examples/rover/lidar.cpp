// SPDX-License-Identifier: Apache-2.0
#include "lidar.hpp"

#include <algorithm>
#include <numbers>

#include "room.hpp"
#include "support.hpp"

namespace rover {
namespace {

constexpr double kNearest = 0.15;   // m
constexpr double kFarthest = 12.0;  // m
constexpr double kSpread = 0.01;    // m, standard deviation
constexpr std::uint64_t kLidarSeed = 20'240'502;

}  // namespace

Lidar::Lidar(horus::PluginContext& context)
    : odom_{horus::or_throw(context.topics().subscriber<horus::msg::Odometry>("odom"))},
      scan_{horus::or_throw(context.topics().publisher<horus::msg::LaserScan>("scan"))},
      noise_{kLidarSeed} {
  message_.angle_min = static_cast<float>(-std::numbers::pi);
  message_.angle_increment =
      static_cast<float>(2.0 * std::numbers::pi / static_cast<double>(std::size(message_.ranges)));
  message_.angle_max = message_.angle_min + message_.angle_increment *
                                                static_cast<float>(std::size(message_.ranges) - 1);
  message_.range_min = static_cast<float>(kNearest);
  message_.range_max = static_cast<float>(kFarthest);
}

void Lidar::tick(const horus::Tick& tick) {
  if (const auto odometry = odom_.take_latest()) motion_ = *odometry;
  double angle = motion_.pose.theta + static_cast<double>(message_.angle_min);
  for (float& range : message_.ranges) {
    const double distance =
        clear_distance(motion_.pose.x, motion_.pose.y, angle) + kSpread * noise_.next();
    range = static_cast<float>(std::clamp(distance, kNearest, kFarthest));
    angle += static_cast<double>(message_.angle_increment);
  }
  message_.scan_time = static_cast<float>(tick.dt());
  message_.timestamp_ns = wall_clock_ns();
  scan_.send(message_);
}

}  // namespace rover

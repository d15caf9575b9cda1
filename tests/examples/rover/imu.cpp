// SPDX-License-Identifier: Apache-2.0
#include "imu.hpp"

#include <cmath>
#include <numbers>

#include "support.hpp"

namespace rover {
namespace {

constexpr double kGravity = 9.80665;  // m/s^2
// Bosch BMI088, data sheet: 0.014 deg/s and 175 ug per square root of Hz. The biases' walks are
// those of a part of this class; its data sheet does not give them.
constexpr double kGyroDensity = 0.014 * std::numbers::pi / 180.0;
constexpr double kGyroWalk = 2e-5;
constexpr double kAccelDensity = 175e-6 * kGravity;
constexpr double kAccelWalk = 3e-4;
constexpr std::uint64_t kImuSeed = 20'240'501;

}  // namespace

ImuDriver::ImuDriver(horus::PluginContext& context)
    : odom_{horus::or_throw(context.topics().subscriber<horus::msg::Odometry>("odom"))},
      imu_{horus::or_throw(context.topics().publisher<horus::msg::Imu>("imu"))},
      noise_{kImuSeed},
      gyro_{{{kGyroDensity, kGyroWalk}, {kGyroDensity, kGyroWalk}, {kGyroDensity, kGyroWalk}}},
      accel_{
          {{kAccelDensity, kAccelWalk}, {kAccelDensity, kAccelWalk}, {kAccelDensity, kAccelWalk}}} {
}

void ImuDriver::tick(const horus::Tick& tick) {
  const double dt = tick.dt();
  while (const auto odometry = odom_.take()) {
    const std::uint64_t passed = odometry->timestamp_ns - motion_.timestamp_ns;
    const double change = odometry->twist.linear[0] - motion_.twist.linear[0];
    if (motion_.timestamp_ns != 0 && passed != 0) {
      acceleration_ = change / (static_cast<double>(passed) * 1e-9);
    }
    motion_ = *odometry;
  }
  const double forward = motion_.twist.linear[0];
  const double turning = motion_.twist.angular[2];
  // A body on a curve feels the push towards its centre, and the floor's, which is gravity's.
  const std::array rates{0.0, 0.0, turning};
  const std::array pushes{acceleration_, forward * turning, kGravity};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    message_.angular_velocity[axis] = gyro_[axis].read(rates[axis], dt, noise_);
    message_.linear_acceleration[axis] = accel_[axis].read(pushes[axis], dt, noise_);
    message_.angular_velocity_covariance[axis * 4] = gyro_[axis].variance(1.0 / dt);
    message_.linear_acceleration_covariance[axis * 4] = accel_[axis].variance(1.0 / dt);
  }
  message_.orientation_covariance[0] = 0.0;  // Not -1, which says that there is no orientation.
  message_.orientation[2] = std::sin(motion_.pose.theta / 2.0);
  message_.orientation[3] = std::cos(motion_.pose.theta / 2.0);
  message_.timestamp_ns = wall_clock_ns();
  imu_.send(message_);
}

}  // namespace rover

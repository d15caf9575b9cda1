// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

namespace rover {

struct PidGains {
  double kp = 4.0;      ///< V per rad/s.
  double ki = 20.0;     ///< V per rad.
  double kd = 0.0;      ///< V per rad/s^2.
  double limit = 24.0;  ///< V, either sign.
};

/// A PID controller of a speed whose integral does not wind up while the output is at its limit:
/// what was cut off is fed back into the integral with time constant kp/ki, and the derivative is
/// of the measurement, filtered over eight steps, so that a step of the target gives no kick.
/// Source: K. J. Astrom, T. Hagglund, "Advanced PID Control", 3.3 and 3.5.
class VelocityPid {
 public:
  explicit VelocityPid(const PidGains& gains) noexcept : gains_{gains} {}

  /// RT-safe. The output for the next `dt` seconds.
  double step(double target, double measured, double dt) noexcept {
    const double error = target - measured;
    const double slope = (measured - measured_before_) / dt;
    slope_ += (slope - slope_) / kFilterSteps;
    measured_before_ = measured;

    const double wanted = gains_.kp * error + integral_ - gains_.kd * slope_;
    const double output = std::clamp(wanted, -gains_.limit, gains_.limit);
    const double unwind = gains_.kp > 0.0 ? gains_.ki / gains_.kp : 0.0;
    integral_ += (gains_.ki * error + unwind * (output - wanted)) * dt;
    return output;
  }

  void reset(double measured) noexcept {
    integral_ = 0.0;
    slope_ = 0.0;
    measured_before_ = measured;
  }

 private:
  static constexpr double kFilterSteps = 8.0;

  PidGains gains_;
  double integral_ = 0.0;
  double slope_ = 0.0;
  double measured_before_ = 0.0;
};

}  // namespace rover

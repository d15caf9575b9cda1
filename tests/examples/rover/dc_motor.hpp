// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

namespace rover {

/// A brushed DC motor behind a gear, as an electrician and a mechanic see it:
///
///   L di/dt = u - R i - Ke w            J dw/dt = Kt i - b w
///
/// `w` is the rotor's speed; `J` holds the rotor and the load that it feels through the gear.
/// Model: N. S. Nise, "Control Systems Engineering", 2.8. Figures: maxon RE 25, 24 V (order number
/// 118752), from its catalogue page; `b` is Kt * no-load current / no-load speed.
struct DcMotorFigures {
  double resistance = 2.32;        ///< R, ohm.
  double inductance = 0.238e-3;    ///< L, H.
  double back_emf = 23.4e-3;       ///< Ke, V s/rad.
  double torque = 23.4e-3;         ///< Kt, N m/A.
  double rotor_inertia = 1.07e-6;  ///< kg m^2.
  double friction = 8.5e-7;        ///< b, N m s/rad.
  double gear = 33.0;              ///< Rotor turns a wheel turn.
  double load_inertia = 0.05;      ///< kg m^2 at the wheel: half of 10 kg on a 0.1 m wheel.
};

class DcMotor {
 public:
  explicit DcMotor(DcMotorFigures figures = {}) noexcept
      : figures_{figures},
        inertia_{figures.rotor_inertia + figures.load_inertia / (figures.gear * figures.gear)} {}

  /// RT-safe. Lets `seconds` pass with `volts` at the terminals; at most kMaxSeconds of them, so
  /// that the work after a stall is bounded.
  void advance(double volts, double seconds) noexcept {
    int steps = static_cast<int>(std::min(seconds, kMaxSeconds) / kStep + 0.5);
    for (; steps > 0; --steps) step(volts);
  }

  double wheel_speed() const noexcept { return state_.speed / figures_.gear; }  ///< rad/s
  double wheel_angle() const noexcept { return state_.angle / figures_.gear; }  ///< rad
  double wheel_torque() const noexcept { return figures_.torque * state_.current * figures_.gear; }
  double current() const noexcept { return state_.current; }  ///< A

 private:
  // The winding's L/R is 0.1 ms: a Runge-Kutta step of that length is stable (limit 2.8 L/R).
  static constexpr double kStep = 1e-4;
  static constexpr double kMaxSeconds = 0.05;

  struct State {
    double current = 0.0;
    double speed = 0.0;
    double angle = 0.0;
  };

  State slope(const State& at, double volts) const noexcept {
    const auto& f = figures_;
    return {.current = (volts - f.resistance * at.current - f.back_emf * at.speed) / f.inductance,
            .speed = (f.torque * at.current - f.friction * at.speed) / inertia_,
            .angle = at.speed};
  }
  static State along(const State& at, const State& slope, double seconds) noexcept {
    return {.current = at.current + slope.current * seconds,
            .speed = at.speed + slope.speed * seconds,
            .angle = at.angle + slope.angle * seconds};
  }
  /// One step of the classic fourth-order Runge-Kutta method.
  void step(double volts) noexcept {
    const State a = slope(state_, volts);
    const State b = slope(along(state_, a, kStep / 2), volts);
    const State c = slope(along(state_, b, kStep / 2), volts);
    const State d = slope(along(state_, c, kStep), volts);
    state_ = along(state_, a, kStep / 6);
    state_ = along(state_, b, kStep / 3);
    state_ = along(state_, c, kStep / 3);
    state_ = along(state_, d, kStep / 6);
  }

  DcMotorFigures figures_;
  double inertia_;
  State state_{};
};

}  // namespace rover

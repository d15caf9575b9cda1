// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace rover {

/// Normally distributed numbers, the same ones in each run. RT-safe: it allocates nothing.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : engine_{seed} {}
  double next() { return normal_(engine_); }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_{0.0, 1.0};
};

/// One axis of a MEMS sensor: white noise of a given density, and a bias that walks at random.
/// Source: O. J. Woodman, "An introduction to inertial navigation", UCAM-CL-TR-696, 3.2.
class MemsAxis {
 public:
  /// `density`: unit per square root of Hz; `walk`: unit per second, per square root of Hz.
  MemsAxis(double density, double walk) noexcept : density_{density}, walk_{walk} {}

  /// RT-safe. What the axis reads `dt` seconds after the last reading.
  double read(double truth, double dt, Noise& noise) {
    const double root = std::sqrt(dt);
    bias_ += walk_ * root * noise.next();
    return truth + bias_ + density_ / root * noise.next();
  }
  double variance(double rate_hz) const noexcept { return density_ * density_ * rate_hz; }

 private:
  double density_;
  double walk_;
  double bias_ = 0.0;
};

}  // namespace rover

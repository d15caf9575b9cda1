// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/time.hpp>

namespace horus {

/// Computes how long before a release the timer should go off (RT-3). The thread then spins until
/// the release, so that the tick starts exactly. The lead is a high quantile of the wake-up errors
/// seen, plus a margin, but small enough that the mean spin stays a small share of the period.
///
/// Thread safety: one thread. RT-safe: bounded, no system call.
class WakeLead {
 public:
  /// The lead never exceeds `longest`, nor half of `period`. `longest` 0: it is always 0.
  WakeLead(Nanos longest, Nanos period) noexcept;

  /// Learns that a sleep ended `error` after the instant at which it should have ended.
  void record(Nanos error) noexcept;
  /// The present lead. It changes after every kAdaptEvery records.
  Nanos value() const noexcept { return value_; }

 private:
  static constexpr std::size_t kBuckets = 256;
  static constexpr Nanos kBucketWidth = 2us;
  static constexpr std::uint32_t kAdaptEvery = 32;     // Records between two computations.
  static constexpr std::uint32_t kForgetAfter = 2048;  // After so many every count is halved.

  void adapt() noexcept;
  void forget() noexcept;

  Nanos longest_;
  Nanos spin_allowance_;  // The largest mean spin per release.
  Nanos value_;
  std::array<std::uint32_t, kBuckets> counts_{};  // The last bucket also holds what is above it.
  std::uint32_t total_ = 0;
  std::uint32_t since_adapted_ = 0;
};

}  // namespace horus

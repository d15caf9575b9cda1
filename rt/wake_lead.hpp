// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "rt/base/time.hpp"

namespace horus {

/// How long before a release to have the timer go off, so that the rest can be spun away and the
/// start is exact: a high quantile of the wake-up errors seen, plus a margin, as long as the spin
/// that follows stays a small share of the CPU on average.
///
/// Thread safety: one thread. RT-safe: bounded, no system call.
class WakeLead {
 public:
  /// `longest`: no lead is longer; 0: never spin.
  WakeLead(Nanos longest, Nanos period) noexcept;

  /// A sleep ended `error` after the instant it was meant to end at.
  void record(Nanos error) noexcept;
  Nanos value() const noexcept { return value_; }

 private:
  static constexpr std::size_t kBuckets = 256;
  static constexpr Nanos kBucketWidth = 2us;
  static constexpr std::uint32_t kAdaptEvery = 32;     // Samples between two new leads.
  static constexpr std::uint32_t kForgetAfter = 2048;  // Then every count is halved.

  void adapt() noexcept;
  void forget() noexcept;

  Nanos longest_;
  Nanos spin_allowance_;  // Per release, on average.
  Nanos value_;
  std::array<std::uint32_t, kBuckets> counts_{};  // The last bucket also holds what is above it.
  std::uint32_t total_ = 0;
  std::uint32_t since_adapted_ = 0;
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/wake_lead.hpp"

#include <algorithm>

namespace horus {
namespace {

constexpr Nanos kMargin = 5us;

/// The largest mean spin of an executor per release: 15 % of the period (RT-3).
constexpr Nanos spin_allowance(Nanos period) noexcept {
  return period * 15 / 100;
}

}  // namespace

WakeLead::WakeLead(Nanos longest, Nanos period) noexcept
    : longest_{std::min(longest, period / 2)},
      spin_allowance_{spin_allowance(period)},
      value_{std::min(longest_, spin_allowance_)} {}

void WakeLead::record(Nanos error) noexcept {
  if (longest_ <= Nanos{}) return;
  const auto bucket = std::clamp<std::int64_t>(error / kBucketWidth, 0, kBuckets - 1);
  ++counts_[static_cast<std::size_t>(bucket)];
  ++total_;
  if (++since_adapted_ < kAdaptEvery) return;
  since_adapted_ = 0;
  adapt();
  if (total_ >= kForgetAfter) forget();
}

void WakeLead::adapt() noexcept {
  // With a lead L, a sleep with an error e < L is followed by a spin of L - e. The loop walks the
  // errors upwards. `count` errors, which add up to `sum`, lie below the edge L. So the spins add
  // up to L*count - sum, which must not exceed `allowed`.
  const std::int64_t allowed = spin_allowance_.count() * total_;
  const std::uint32_t wanted = total_ - total_ / 200;  // The 99.5 % quantile.
  std::int64_t count = 0;
  std::int64_t sum = 0;
  Nanos affordable = longest_;
  Nanos edge{};
  for (const std::uint32_t samples : counts_) {
    if (count > 0 && edge * count - Nanos{sum} > Nanos{allowed}) {
      affordable = Nanos{(allowed + sum) / count};
      break;
    }
    if (count >= wanted) break;
    count += samples;
    sum += samples * edge.count();
    edge += kBucketWidth;
  }
  const Nanos target = edge + kMargin;
  if (count > 0) affordable = std::min(affordable, Nanos{(allowed + sum) / count});
  value_ = std::min({target, affordable, longest_});
}

void WakeLead::forget() noexcept {
  total_ = 0;
  for (std::uint32_t& samples : counts_) {
    samples /= 2;
    total_ += samples;
  }
}

}  // namespace horus

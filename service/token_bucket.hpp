// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "rt/base/time.hpp"

namespace horus::service {

/// A limit of `rate` requests a second with bursts of `burst`. Pure: time comes in.
class TokenBucket {
 public:
  TokenBucket(double rate, double burst, TimePoint now) noexcept
      : rate_{rate}, burst_{burst}, tokens_{burst}, filled_{now} {}

  bool take(TimePoint now) noexcept {
    tokens_ = at(now);
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  /// For what was worth more than the one that take() took; up to a burst of debt.
  void spend(double tokens, TimePoint now) noexcept {
    tokens_ = std::max(at(now) - tokens, -burst_);
    filled_ = now;
  }
  bool full(TimePoint now) const noexcept { return at(now) >= burst_; }

 private:
  double at(TimePoint now) const noexcept {
    const double seconds = std::chrono::duration<double>(now - filled_).count();
    return std::min(burst_, tokens_ + seconds * rate_);
  }

  double rate_;
  double burst_;
  double tokens_;
  TimePoint filled_;
};

}  // namespace horus::service

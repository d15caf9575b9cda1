// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include <horus/time.hpp>

namespace horus::service {

/// A limit of `rate` requests a second, with bursts of up to `burst`. Pure: the caller gives the
/// time. One thread.
class TokenBucket {
 public:
  /// Begins full: `burst` requests may come at once.
  TokenBucket(double rate, double burst, TimePoint now) noexcept
      : rate_{rate}, burst_{burst}, tokens_{burst}, filled_{now} {}

  /// Takes a token for one request. False, and nothing is taken: over the limit.
  bool take(TimePoint now) noexcept {
    tokens_ = at(now);
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  /// Takes `tokens` more for a request that turned out to cost more than one. The bucket may go
  /// into debt, down to -`burst`; until that is paid off, take() refuses.
  void spend(double tokens, TimePoint now) noexcept {
    tokens_ = std::max(at(now) - tokens, -burst_);
    filled_ = now;
  }
  /// Whether the bucket is full again, as a new one is, so that it need not be kept.
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

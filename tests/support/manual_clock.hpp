// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "rt/clock.hpp"

namespace horus::test {

/// Time as a value: it moves only when somebody sleeps, spins or advances it. For one thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimePoint start = from_ns(1'000'000'000)) : now_{start} {}

  TimePoint now() const noexcept override {
    ++reads;
    return now_;
  }
  void sleep_until(TimePoint wake) noexcept override {
    sleeps.push_back(wake);
    if (on_sleep) on_sleep();
    now_ = std::max(now_, wake + wake_error);
  }
  TimePoint spin_until(TimePoint instant) noexcept override {
    if (instant > now_) spun += instant - now_;
    return now_ = std::max(now_, instant);
  }
  void advance(Nanos step) noexcept { now_ += step; }

  mutable int reads = 0;          ///< How often now() was asked.
  Nanos wake_error{};             ///< How late each sleep ends.
  Nanos spun{};                   ///< Spent in spins so far.
  std::vector<TimePoint> sleeps;  ///< What each sleep was asked for.
  std::function<void()> on_sleep;

 private:
  TimePoint now_;
};

}  // namespace horus::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/base/time.hpp"

namespace horus {

/// The time that executors live by; a virtual one makes tests exact.
///
/// Thread safety: the system clock from any thread.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  /// RT-safe.
  virtual TimePoint now() const noexcept = 0;
  /// Sleeps until `wake` (absolute); returns at once when that has passed. RT-safe: one system
  /// call, the timer wait. A signal handler that runs meanwhile does not end it.
  virtual void sleep_until(TimePoint wake) noexcept = 0;
  /// Burns the CPU until `instant`. RT-safe: no system call. Returns now().
  virtual TimePoint spin_until(TimePoint instant) noexcept = 0;
};

/// CLOCK_MONOTONIC and clock_nanosleep(TIMER_ABSTIME).
Clock& system_clock() noexcept;

}  // namespace horus

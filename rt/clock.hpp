// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <horus/time.hpp>

namespace horus {

/// The clock that executors use. Tests replace it by a virtual one, to be exact.
///
/// Thread safety: the system clock may be used from any thread.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  /// RT-safe.
  virtual TimePoint now() const noexcept = 0;
  /// Sleeps until the absolute instant `wake`; returns at once when that has passed. RT-safe: one
  /// system call, the timer wait. A signal handler that runs meanwhile does not end the sleep.
  virtual void sleep_until(TimePoint wake) noexcept = 0;
  /// Busy-waits until `instant`. RT-safe: no system call. Returns the time afterwards.
  virtual TimePoint spin_until(TimePoint instant) noexcept = 0;
};

/// The real clock: CLOCK_MONOTONIC and clock_nanosleep(TIMER_ABSTIME).
Clock& system_clock() noexcept;

}  // namespace horus

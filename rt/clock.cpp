// SPDX-License-Identifier: Apache-2.0
#include "rt/clock.hpp"

#include <cerrno>

namespace horus {
namespace {

/// Tells the processor that this is a spin: saves power and lets its sibling thread run.
inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return MonotonicClock::now(); }

  void sleep_until(TimePoint wake) noexcept override {
    const timespec at{.tv_sec = to_ns(wake) / 1'000'000'000,
                      .tv_nsec = to_ns(wake) % 1'000'000'000};
    // The instant is absolute, so an interrupted wait is simply begun again.
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
    }
  }

  void spin_until(TimePoint instant) noexcept override {
    while (MonotonicClock::now() < instant) relax();
  }
};

}  // namespace

Clock& system_clock() noexcept {
  static SystemClock clock;
  return clock;
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/clock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

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
    // By its number and not through libc: libc's function is a cancellation point, and that part
    // costs as much as the rest of the way into the kernel and back.
    // The instant is absolute, so an interrupted wait is simply started again.
    while (::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0 &&
           errno == EINTR) {
    }
  }

  TimePoint spin_until(TimePoint instant) noexcept override {
    TimePoint now = MonotonicClock::now();
    while (now < instant) {
      relax();
      now = MonotonicClock::now();
    }
    return now;
  }
};

}  // namespace

Clock& system_clock() noexcept {
  static SystemClock clock;
  return clock;
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/// Instants, durations and rates. `using namespace horus::literals;` lets 200_hz be written.
///
///   const horus::TimePoint until = horus::now() + std::chrono::milliseconds{5};

namespace horus {

using Nanos = std::chrono::nanoseconds;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): 200us reads as 200us

/// CLOCK_MONOTONIC as a std::chrono clock. NTP slews it but nobody can set it, so periods agree
/// with the wall clock on average. All processes of one machine share it.
struct MonotonicClock {
  using duration = Nanos;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  // NOLINTNEXTLINE(readability-identifier-naming): the standard's name
  static constexpr bool is_steady = true;

  /// RT-safe: a vDSO read, no system call where the clock source is the TSC or arch timer.
  static time_point now() noexcept {
    timespec ts;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the call
    ::clock_gettime(CLOCK_MONOTONIC, &ts);
    return time_point{Nanos{static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec}};
  }
};
using TimePoint = MonotonicClock::time_point;

/// RT-safe. The time now, of the clock that every instant of HORUS is on.
inline TimePoint now() noexcept {
  return MonotonicClock::now();
}

/// The wall clock, CLOCK_REALTIME, as time since 1970. It may be set, also backwards: use it for
/// display only. RT-safe.
inline Nanos since_1970() noexcept {
  timespec ts{};
  ::clock_gettime(CLOCK_REALTIME, &ts);
  return std::chrono::seconds{ts.tv_sec} + Nanos{ts.tv_nsec};
}

/// Nanoseconds as a plain number, for shared memory and system calls.
constexpr std::int64_t to_ns(Nanos duration) noexcept {
  return duration.count();
}
constexpr std::int64_t to_ns(TimePoint point) noexcept {
  return point.time_since_epoch().count();
}
constexpr TimePoint from_ns(std::int64_t ns) noexcept {
  return TimePoint{Nanos{ns}};
}

/// RT-safe. The processor's constant-rate counter. A cheap way to order events, also between
/// processes of one machine. Its unit is not a time.
inline std::uint64_t cycle_count() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t count = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
#error "HORUS runs on x86-64 and arm64"
#endif
}

/// Ticks per second, 0.001 to 1,000,000 Hz. The period is kept in whole nanoseconds and rounded up:
/// 2 s at 30 Hz then hold exactly 60 releases. Rounded down, a 61st would come just before the end.
class Rate {
 public:
  static constexpr double kMinHz = 0.001;
  static constexpr double kMaxHz = 1e6;

  static constexpr bool valid_hz(double hz) noexcept { return hz >= kMinHz && hz <= kMaxHz; }
  /// `hz` must be valid_hz().
  static constexpr Rate from_hz(double hz) noexcept {
    const double ns = 1e9 / hz;
    // A fraction below this is the division's rounding error, and does not round up.
    constexpr double kLost = 1e-15;
    const auto whole = static_cast<std::int64_t>(ns);
    const bool more = ns - static_cast<double>(whole) > ns * kLost;
    return Rate{Nanos{whole + (more ? 1 : 0)}, hz};
  }
  constexpr Nanos period() const noexcept { return period_; }
  /// The rate as it was given: 30 for 30 Hz, though the period is 33,333,334 ns.
  constexpr double hz() const noexcept { return hz_; }
  friend constexpr bool operator==(Rate, Rate) noexcept = default;

 private:
  constexpr Rate(Nanos period, double hz) noexcept : period_{period}, hz_{hz} {}
  Nanos period_;
  double hz_;
};

inline namespace literals {
consteval Rate operator""_hz(unsigned long long hz) {
  return Rate::from_hz(static_cast<double>(hz));
}
consteval Rate operator""_hz(long double hz) {
  return Rate::from_hz(static_cast<double>(hz));
}
}  // namespace literals

}  // namespace horus

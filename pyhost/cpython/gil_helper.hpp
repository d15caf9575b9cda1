// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "pyhost/cpython/gil_arbiter.hpp"
#include "pyhost/cpython/gil_policy.hpp"
#include "pyhost/cpython/priority_loan.hpp"
#include "pyhost/cpython/sibling_thread.hpp"
#include "rt/rt_thread.hpp"

namespace horus::py {

/// The arbiter's own thread. It never takes the GIL. While somebody of ours wants the GIL it looks
/// every 20 us: asks for it, times what ticks lose, lends the holder a priority, tells why a wait
/// is long, and frees a thread that dropped the GIL for nobody. It sleeps while nobody waits or
/// ticks; where there was contention of late it looks shortly after each release.
///
/// Thread safety: start(), wake_before() and observe_wait() from any thread.
class GilHelper {
 public:
  explicit GilHelper(GilArbiter& arbiter) noexcept : arbiter_{arbiter} {}
  ~GilHelper();
  GilHelper(const GilHelper&) = delete;
  GilHelper& operator=(const GilHelper&) = delete;

  /// Starts the thread, or raises its priority: it never runs below one that it helps. One thread
  /// at a time.
  void start(int priority) noexcept;
  /// Has it look by `latest`. RT-safe: at most one system call, and none where it is awake.
  void wake_before(TimePoint latest) noexcept;
  /// A wait has ended at `now`.
  void observe_wait(Nanos wait, TimePoint now) noexcept {
    // relaxed: a number on its own.
    if (wait >= LendingRule::kLongWait) last_long_ns_.store(to_ns(now), std::memory_order_relaxed);
  }

 private:
  /// What it knows of a seat from earlier looks.
  struct Watched {
    std::uint64_t tick = 0;
    GilLoss loss;
    bool held = true;              ///< The tick had the GIL at the last look.
    int looks = 0;                 ///< That found the same wait.
    pid_t holder = 0;              ///< Who has the GIL while it waits; 0: not known.
    std::optional<CpuShare> base;  ///< The holder's, at `watched_since`.
    TimePoint watched_since{};
    TimePoint next_tell{};
  };

  void run() noexcept;
  /// One look at everything; when the next one is due.
  TimePoint look(TimePoint now) noexcept;
  TimePoint look_at_wait(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  TimePoint look_at_tick(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  TimePoint look_ahead(const GilSeat& seat, TimePoint now) const noexcept;
  Nanos users_interval() const noexcept;
  static Nanos pause_in_tick(const GilSeat& seat, TimePoint now) noexcept;
  bool one_rival(TimePoint now) const noexcept;
  /// When to ask again.
  TimePoint ask(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  void tell_long_wait(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  void follow_loan(TimePoint now) noexcept;
  /// Has a thread go on that dropped the GIL on request where nobody takes it. How long to wait
  /// before the next look, if one is needed.
  Nanos free_dropper(bool anybody_waits) noexcept;

  GilArbiter& arbiter_;
  std::array<Watched, GilArbiter::kSeats> watched_{};
  PriorityLoan loan_;
  pid_t wanted_loan_ = 0;    ///< The holder that somebody asked at this look.
  bool mutex_busy_ = false;  ///< At this look somebody could not be asked.
  unsigned long loan_spent_at_ = 0;
  pid_t rival_ = 0;               ///< The plain thread that had the GIL when it was last looked at.
  TimePoint rival_changed_{};     ///< When another one had.
  int free_looks_ = 0;            ///< That found the GIL free after a request,
  std::uint64_t free_after_ = 0;  ///< this one.

  std::atomic<std::int64_t> last_long_ns_{0};
  std::atomic<std::uint32_t> word_{0};       ///< The futex: moves with each wake-up.
  std::atomic<std::int64_t> planned_ns_{0};  ///< When it will look; 0: it does.
  std::atomic<bool> stop_{false};
  std::atomic<pid_t> tid_{0};
  std::atomic<int> priority_{0};
  std::optional<RtThread> thread_;
};

}  // namespace horus::py

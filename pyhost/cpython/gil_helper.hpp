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

/// The thread of GilArbiter. It never takes the GIL. While a tick wants the GIL, it looks every
/// 20 us and more: it asks the holder, times what ticks lose, lends the holder a priority, and
/// finds out why a wait is long. It also frees a thread that dropped the GIL although nobody took
/// it. It sleeps while no tick runs or waits; after recent contention it looks shortly after each
/// release.
///
/// Thread safety: start(), wake_before() and observe_wait() from any thread.
class GilHelper {
 public:
  explicit GilHelper(GilArbiter& arbiter) noexcept : arbiter_{arbiter} {}
  ~GilHelper();
  GilHelper(const GilHelper&) = delete;
  GilHelper& operator=(const GilHelper&) = delete;

  /// Starts the thread, or raises its priority, to one above `priority` and at most 98. Without the
  /// right to real time it runs as an ordinary thread; if no thread can be started, ticks still ask
  /// by themselves. Only one thread at a time may call this.
  void start(int priority) noexcept;
  /// Makes the helper look at `latest` or earlier. RT-safe: at most one system call, and none where
  /// it is awake or wakes early enough.
  void wake_before(TimePoint latest) noexcept;
  /// A tick's wait for the GIL has ended at `now`; for LendingRule. RT-safe.
  void observe_wait(Nanos wait, TimePoint now) noexcept {
    // relaxed: a number on its own.
    if (wait >= LendingRule::kLongWait) last_long_ns_.store(to_ns(now), std::memory_order_relaxed);
  }

 private:
  /// What earlier looks have found out about one seat.
  struct Watched {
    std::uint64_t tick = 0;        ///< The tick that `loss` belongs to.
    GilLoss loss;                  ///< What that tick has lost so far.
    bool held = true;              ///< The tick had the GIL at the last look.
    int looks = 0;                 ///< How many looks have found the same wait.
    pid_t holder = 0;              ///< The thread that has the GIL meanwhile; 0: not known.
    std::optional<CpuShare> base;  ///< The holder's CPU times at `watched_since`.
    TimePoint watched_since{};     ///< When a long wait was first looked into.
    TimePoint next_tell{};         ///< When to publish the holder's times next.
  };

  void run() noexcept;
  /// Looks at all seats once. Returns when the next look is due, as do the three below.
  TimePoint look(TimePoint now) noexcept;
  TimePoint look_at_wait(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  TimePoint look_at_tick(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  TimePoint look_ahead(const GilSeat& seat, TimePoint now) const noexcept;
  /// The user's switch interval, bounded to 1 s.
  Nanos users_interval() const noexcept;
  /// How long to wait between two looks at a running tick: the longer it runs, the longer.
  static Nanos pause_in_tick(const GilSeat& seat, TimePoint now) noexcept;
  /// Whether only one plain thread has competed for the GIL within the last second.
  bool one_rival(TimePoint now) const noexcept;
  /// Asks for the GIL and lends the holder a priority where that is due. Returns when to ask again.
  TimePoint ask(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  /// After 100 ms of waiting, publishes in the seat who has the GIL and what that thread does.
  void tell_long_wait(GilSeat& seat, Watched& watched, TimePoint now) noexcept;
  /// Ends the loan when it is no longer needed or has lasted too long.
  void follow_loan(TimePoint now) noexcept;
  /// Wakes a thread that dropped the GIL on request while nobody takes it. Returns how long to wait
  /// before the next look, if one is needed.
  Nanos free_dropper(bool anybody_waits) noexcept;

  GilArbiter& arbiter_;
  std::array<Watched, GilArbiter::kSeats> watched_{};
  PriorityLoan loan_;
  pid_t wanted_loan_ = 0;    ///< The holder that this look would lend a priority; 0: none.
  bool mutex_busy_ = false;  ///< This look found the GIL's mutex taken.
  /// Number of GIL switches when a loan ran out; the same hold of the GIL gets no second one.
  unsigned long loan_spent_at_ = 0;
  pid_t rival_ = 0;               ///< The plain thread that was last found with the GIL.
  TimePoint rival_changed_{};     ///< When it was last another thread than before.
  int free_looks_ = 0;            ///< How many looks found the GIL free since a request.
  std::uint64_t free_after_ = 0;  ///< The number of that request.

  std::atomic<std::int64_t> last_long_ns_{0};  ///< When the latest long wait ended; 0: none yet.
  std::atomic<std::uint32_t> word_{0};         ///< The futex; counts the wake-ups.
  std::atomic<std::int64_t> planned_ns_{0};    ///< When it will look next; 0: it looks now.
  std::atomic<bool> stop_{false};
  std::atomic<pid_t> tid_{0};  ///< 0: it has not started yet.
  std::atomic<int> priority_{0};
  std::optional<RtThread> thread_;
};

}  // namespace horus::py

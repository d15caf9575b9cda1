// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include <horus/node.hpp>
#include <horus/realtime.hpp>
#include <horus/time.hpp>

#include "pyhost/cpython/gil_seat.hpp"
#include "rt/group_hook.hpp"

namespace horus::py {

class GilHelper;

/// Decides who gets the GIL when ticks and plain Python threads want it (PY-4). In CPython a waiter
/// waits for one switch interval, 5 ms, before it asks the holder to drop the GIL; a tick asks at
/// once. Between two ticks the more urgent one goes first. A tick that has begun keeps the GIL
/// within its budget; only a more urgent tick can take it away.
///
/// A tick asks once when it begins to wait. A helper thread (GilHelper), which needs no GIL, asks
/// again until the tick has it, and also asks for ticks that lost the GIL in their middle. It times
/// those losses, and lends the holder a real-time priority.
///
/// Invariants:
///   (1) A request to drop the GIL is written under the GIL's mutex, while the GIL is locked, its
///       holder is another thread, and the thread that asks will certainly take the GIL.
///   (2) While a request is out, the helper keeps looking. It frees a thread that dropped the GIL
///       although nobody took it any more.
///   (3) The switch interval is ours only while a seat needs it; otherwise it is the user's.
///
/// Thread safety: each call says from which threads. Progress: a tick without contention makes no
/// system call in here.
class GilArbiter {
 public:
  /// How often the helper looks at a wait for a plain thread.
  static constexpr Nanos kLook = 20us;
  /// How often it looks at a wait for another tick. That tick drops the GIL by itself soon, and
  /// each look may take its CPU away.
  static constexpr Nanos kPatientLook = 60us;
  /// How long after contention the helper looks at each release.
  static constexpr Nanos kRemember = 1s;
  /// A thread without a seat lets a tick go first that comes within this time,
  static constexpr Nanos kNear = 50us;
  /// and waits for it, or for one that is overdue, no longer than this.
  static constexpr Nanos kPatience = 300us;
  /// How many executor threads of a process can take part.
  static constexpr std::size_t kSeats = 128;

  /// The one of this process. From any thread.
  static GilArbiter& instance() noexcept;

  /// Finds out whether this interpreter's GIL can be asked for. Call once, with the GIL. Null: it
  /// can; otherwise the reason why not, and none of the calls below may be made but holder() and
  /// forget_after_fork().
  const char* probe() noexcept;
  /// What probe() has returned.
  const char* refusal() const noexcept { return refusal_; }

  /// Takes a seat for the executor thread whose PyThreadState is `state`. Null when all are taken:
  /// the thread then takes the GIL like an ordinary Python thread. The first seat starts the
  /// helper. From any thread, with or without the GIL; not RT-safe.
  GilSeat* claim(const void* state, Urgency urgency, unsigned long protection_us) noexcept;
  /// Gives the seat back; the last one ends the helper. From any thread, between two batches of
  /// ticks; not RT-safe.
  void release(GilSeat& seat) noexcept;

  // The next six are called by the seat's thread, in this order, for each batch of ticks.
  /// Whether no other tick has the GIL, waits for it, or expects to want it up to `release`. Then
  /// this one may take it early.
  bool alone_until(const GilSeat& seat, TimePoint release) noexcept;
  /// Call without the GIL, right before taking it. Protects the coming ticks, asks the holder, and
  /// spins for at most 15 us for the GIL to come free. May wait for the GIL's mutex.
  void begin(GilSeat& seat, TimePoint now) noexcept;
  /// Call with the GIL, right after taking it. `before`: when the wait began. The ticks begin at
  /// `release`, or now if that has passed.
  void got(GilSeat& seat, TimePoint before, TimePoint now, TimePoint release) noexcept;
  /// What a tick lost because another thread had the GIL before it was done.
  struct Loss {
    bool lost = false;  ///< The GIL changed hands during the tick.
    Nanos time{};       ///< For how long; 0: the helper has not seen it.
    pid_t to = 0;       ///< The thread that had it; 0: not known.
  };
  /// Call with the GIL, after each tick.
  Loss ticked(GilSeat& seat) noexcept;
  /// ticked() for the common case: true, and done, where the tick has kept the GIL. Otherwise call
  /// ticked().
  static bool kept(GilSeat& seat) noexcept {
    if (std::atomic_ref{*seat.switched}.load(kRelaxed) != seat.switches) [[unlikely]]
      return false;
    seat.tick.store(seat.tick.load(kRelaxed) + 1, kRelaxed);
    return true;
  }
  /// Call with the GIL, right before dropping it. `next`: when it will be wanted again.
  void end(GilSeat& seat, TimePoint next) noexcept;
  /// Call without the GIL, right after dropping it. Restores the user's switch interval where no
  /// other tick needs ours, and asks for the GIL for a tick that had to drop it for this one.
  void ended(GilSeat& seat) noexcept;

  /// Without the GIL, by a thread that has no seat, before it takes the GIL for work that can wait:
  /// returns once no seat waits for the GIL or is about to, or after kPatience. A release that both
  /// share wakes both: the tick would find the GIL taken, and pay for two switches.
  void let_ticks_by() noexcept;
  /// Whether a seat waits for the GIL, or its tick comes within kNear.
  bool tick_is_near(TimePoint now) noexcept;

  // For the helper.
  enum class Asked : std::uint8_t {
    kNothing,  ///< The seat has the GIL already, or no longer wants it.
    kFree,     ///< Nobody holds the GIL; all its waiters were woken.
    kPlain,    ///< The holder, a plain thread, was asked to drop it.
    kTick,     ///< The holder, a less urgent tick, was asked to drop it.
    kLater,    ///< The holder is a tick that may keep it for now.
    kBusy,     ///< The GIL's mutex was taken; nothing was done.
  };
  struct Answer {
    Asked asked = Asked::kNothing;
    pid_t holder = 0;     ///< The thread that has the GIL; 0: none, or not known.
    Nanos again = kLook;  ///< After what time to ask again.
  };
  /// Asks the holder of the GIL to drop it for `seat`. `may_wait`: whether to wait for the GIL's
  /// mutex; if not, the answer may be kBusy. By the helper and by any seat's thread.
  Answer ask(GilSeat& seat, TimePoint now, bool may_wait) noexcept;
  /// The seats up to the last one that was ever taken; `taken` tells which are in use.
  std::span<GilSeat> seats() noexcept {
    // acquire: pairs with claim(), so that the seats it counts are seen as they were filled.
    return {seats_.data(), used_.load(std::memory_order_acquire)};
  }
  /// Whether the seat's thread has the GIL. A hint, unless it is that thread that asks.
  bool holds(const GilSeat& seat) const noexcept;
  /// Whether a tick has had to wait for the GIL, or lost it, within the last kRemember.
  bool contended(TimePoint now) const noexcept {
    // relaxed: a number on its own.
    return to_ns(now) < contended_until_ns_.load(std::memory_order_relaxed);
  }
  /// The thread that keeps others waiting for the GIL; an empty one when nobody waits. From any
  /// thread. Takes the GIL's mutex.
  Holder holder() noexcept;
  /// The number of the latest request, while the thread that was asked may still wait for another
  /// one to take the GIL; 0: there is none. By the helper.
  std::uint64_t request_out() noexcept;
  /// The thread that was asked with this number has gone on. By the helper.
  void forget_request(std::uint64_t number) noexcept { answered_.store(number); }
  /// The switch interval that the user has set, in us, even while ours is in force.
  unsigned long users_interval_us() const noexcept;

  /// Call in a child of fork(), where no executor thread and no helper exist: frees all seats.
  void forget_after_fork() noexcept;

 private:
  GilArbiter() noexcept;

  /// Whether the seat's tick waits for the GIL or runs.
  static bool wants(const GilSeat& seat) noexcept;
  /// How long `holder`, which has the GIL, may keep it before `seat` asks; <= 0: ask now.
  static Nanos stays_for(const GilSeat& holder, const GilSeat& seat, TimePoint now) noexcept;
  /// Spins until the GIL is free and its mutex too, at most kSpin after `since`.
  void spin_until_free(TimePoint since) const noexcept;
  GilSeat* seat_of(const void* state) noexcept;
  /// Sets the switch interval to the longest that any seat wants, or back to the user's.
  void settle_interval() noexcept;
  /// A tick had to wait for the GIL or has lost it; see contended().
  void note_contention(TimePoint now) noexcept;
  void init_mutex() noexcept;

  const char* refusal_ = "not probed";
  std::array<GilSeat, kSeats> seats_{};
  std::atomic<std::size_t> used_{0};
  std::atomic<std::int64_t> contended_until_ns_{0};
  std::atomic<int> displaced_{0};           ///< Number of displaced seats; may be off for a moment.
  std::atomic<std::uint64_t> requests_{0};  ///< Number of requests so far.
  std::atomic<unsigned long> requested_at_{0};  ///< Number of GIL switches at the latest request.
  std::atomic<std::uint64_t> answered_{0};      ///< The latest request that is over.

  // With priority inheritance, since threads of any priority take it. Held for a few instructions.
  pthread_mutex_t interval_mutex_{};
  std::atomic<unsigned long> users_us_{0};  ///< The user's switch interval while it is ours.
  std::atomic<unsigned long> ours_us_{0};   ///< What we have set; 0: nothing.

  std::atomic<bool> may_spin_{false};  ///< This process may use more than one CPU.
  std::mutex claim_mutex_;
  std::size_t claimed_ = 0;
  std::unique_ptr<GilHelper> helper_;  ///< Null: no seat is taken, or this is a child of fork().
};

}  // namespace horus::py

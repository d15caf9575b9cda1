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

#include "pyhost/cpython/gil_seat.hpp"
#include "rt/base/cpu_set.hpp"
#include "rt/base/time.hpp"
#include "rt/node.hpp"

namespace horus::py {

class GilHelper;

/// Who gets the GIL when ticks and plain threads want it. CPython lets a waiter wait for a switch
/// interval of 5 ms before it asks; a tick asks at once. Between ticks the more urgent one goes
/// first. A tick that has begun keeps the GIL within its budget, but for more urgent ticks.
///
/// A tick asks by itself when it begins to wait. A helper thread, which needs no GIL, asks again
/// until it has it, for ticks too that lost the GIL in their middle; it times those losses, and
/// lends the holder a real-time priority.
///
/// Invariants:
///   (1) A request to drop the GIL is written under the GIL's mutex, while the GIL is locked, its
///       holder is another thread, and the one it is for is bound to take the GIL.
///   (2) While a request is out the helper looks: a thread that dropped the GIL for nobody goes on.
///   (3) The switch interval is ours only while a seat wants it so; else it is the user's.
///
/// Thread safety: as said. Progress: a tick whose seat has no contention makes no system call here.
class GilArbiter {
 public:
  /// How often a wait for a plain thread is looked after.
  static constexpr Nanos kLook = 20us;
  /// How often it is where a more urgent tick has the GIL: it leaves by itself, and every look may
  /// take a CPU from it.
  static constexpr Nanos kPatientLook = 60us;
  /// After contention the helper looks at each release for so long.
  static constexpr Nanos kRemember = 1s;
  /// A tick that comes within this time is let by, by who has no seat.
  static constexpr Nanos kNear = 50us;
  /// Whoever lets ticks by waits no longer, and not for one that is overdue for so long.
  static constexpr Nanos kPatience = 300us;
  static constexpr std::size_t kSeats = 128;

  static GilArbiter& instance() noexcept;

  /// With the GIL, once. Null: the GIL of this interpreter can be asked for; else why not, and no
  /// other call may be made.
  const char* probe() noexcept;
  /// What probe() found.
  const char* refusal() const noexcept { return refusal_; }

  /// From any thread. A seat for the calling thread; null when all are taken.
  GilSeat* claim(const void* state, Urgency urgency, unsigned long protection_us) noexcept;
  void release(GilSeat& seat) noexcept;

  // By the seat's thread, in this order, for each batch of ticks.
  /// Whether no other tick wants the GIL before `release`: then it may be taken early.
  bool alone_until(const GilSeat& seat, TimePoint release) noexcept;
  /// Without the GIL, right before it is taken.
  void begin(GilSeat& seat, TimePoint now) noexcept;
  /// With the GIL, right after; the ticks begin at `release`, or now if that has passed.
  void got(GilSeat& seat, TimePoint before, TimePoint now, TimePoint release) noexcept;
  /// With the GIL, after each tick: whether that tick lost the GIL, and for how long.
  struct Loss {
    bool lost = false;
    Nanos time{};  ///< 0: it went unseen.
    pid_t to = 0;  ///< The thread that had it; 0: not known.
  };
  Loss ticked(GilSeat& seat) noexcept;
  /// With the GIL, right before it is dropped; `next`: when it will be wanted again.
  void end(GilSeat& seat, TimePoint next) noexcept;
  /// Without it, right after.
  void ended(GilSeat& seat) noexcept;

  /// Without the GIL, by a thread that has no seat, before it takes the GIL for work that can wait:
  /// returns once no seat waits for the GIL or is about to, or after kPatience. A release that both
  /// share wakes both: the tick would find the GIL taken, and pay for two switches.
  void let_ticks_by() noexcept;
  /// Whether a seat waits for the GIL, or its tick comes within kNear.
  bool tick_is_near(TimePoint now) noexcept;

  // For the helper.
  enum class Asked : std::uint8_t {
    kNothing,  ///< It has the GIL, or wants it no longer.
    kFree,     ///< Nobody holds the GIL: every sleeper was woken.
    kPlain,    ///< The holder, a plain thread, was asked.
    kTick,     ///< The holder, a less urgent tick, was asked.
    kLater,    ///< The holder is a tick that stays, for now.
    kBusy,     ///< The GIL's mutex was taken.
  };
  struct Answer {
    Asked asked = Asked::kNothing;
    pid_t holder = 0;     ///< The thread that has the GIL; 0: none, or not known.
    Nanos again = kLook;  ///< When to ask again, from now.
  };
  Answer ask(GilSeat& seat, TimePoint now, bool may_wait) noexcept;
  std::span<GilSeat> seats() noexcept {
    // acquire: shows the seats that were made before.
    return {seats_.data(), used_.load(std::memory_order_acquire)};
  }
  bool holds(const GilSeat& seat) const noexcept;
  bool contended(TimePoint now) const noexcept {
    // relaxed: a number on its own.
    return to_ns(now) < contended_until_ns_.load(std::memory_order_relaxed);
  }
  /// Who keeps others waiting for the GIL. From any thread.
  Holder holder() noexcept;
  /// The number of the latest request, while the thread that was asked may wait for somebody to
  /// take the GIL; 0: none. For the helper, as is the next one.
  std::uint64_t request_out() noexcept;
  /// That thread has gone on.
  void forget_request(std::uint64_t number) noexcept { answered_.store(number); }
  unsigned long users_interval_us() const noexcept;

  /// In a child of fork(): there is one thread, and no tick of ours.
  void forget_after_fork() noexcept;

 private:
  GilArbiter() noexcept;

  static bool wants(const GilSeat& seat) noexcept;
  /// How long `holder`, which has the GIL, is left alone by one that wants it; <= 0: not.
  static Nanos stays_for(const GilSeat& holder, const GilSeat& seat, TimePoint now) noexcept;
  void spin_until_free(TimePoint since) const noexcept;
  GilSeat* seat_of(const void* state) noexcept;
  void settle_interval() noexcept;
  void note_contention(TimePoint now) noexcept;
  void init_mutex() noexcept;

  const char* refusal_ = "not probed";
  std::array<GilSeat, kSeats> seats_{};
  std::atomic<std::size_t> used_{0};
  std::atomic<std::int64_t> contended_until_ns_{0};
  std::atomic<int> displaced_{0};               ///< Seats whose tick was made to leave, about.
  std::atomic<std::uint64_t> requests_{0};      ///< Made so far.
  std::atomic<unsigned long> requested_at_{0};  ///< The GIL's switches at the latest request.
  std::atomic<std::uint64_t> answered_{0};      ///< The latest request that is over.

  // With priority inheritance: threads of any priority take it for a few instructions.
  pthread_mutex_t interval_mutex_{};
  std::atomic<unsigned long> users_us_{0};  ///< The user's switch interval while it is ours.
  std::atomic<unsigned long> ours_us_{0};   ///< What we have set; 0: nothing.

  std::atomic<bool> may_spin_{false};  ///< More than one CPU.
  std::mutex claim_mutex_;
  std::size_t claimed_ = 0;
  std::unique_ptr<GilHelper> helper_;  ///< Null: no seat is taken, or this is a child of fork().
};

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/gil_arbiter.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "pyhost/cpython/gil_helper.hpp"
#include "pyhost/cpython/interpreter_gil.h"
#include "rt/group_hook.hpp"

namespace horus::py {
namespace {

using Phase = GilSeat::Phase;

/// When a wait begins, the helper is woken if it would look later than this.
constexpr Nanos kSoon = 100us;

/// How long a tick spins for the GIL after it has asked. A thread that drops the GIL wakes the
/// longest sleeper; a tick that is awake takes the GIL before that sleeper runs. Python code sees a
/// request within a few microseconds. A C call may take much longer, so the spin is bounded.
constexpr Nanos kSpin = 15us;

/// Tells the CPU that this is a spin loop.
void relax_cpu() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Locks a mutex for a scope. std::mutex cannot have priority inheritance.
class Locked {
 public:
  explicit Locked(pthread_mutex_t& mutex) noexcept : mutex_{mutex} {
    ::pthread_mutex_lock(&mutex_);
  }
  ~Locked() { ::pthread_mutex_unlock(&mutex_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

}  // namespace

GilArbiter& GilArbiter::instance() noexcept {
  // Never destroyed: threads that outlive main() still use it.
  static auto* const arbiter = new GilArbiter;
  return *arbiter;
}

GilArbiter::GilArbiter() noexcept {
  init_mutex();
}

void GilArbiter::init_mutex() noexcept {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  ::pthread_mutex_init(&interval_mutex_, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
}

const char* GilArbiter::probe() noexcept {
  const char* const wanted = std::getenv("HORUS_GIL");  // NOLINT(concurrency-mt-unsafe): at import.
  if (wanted != nullptr && std::string_view{wanted} == "constant") {
    return refusal_ = "HORUS_GIL=constant is set";
  }
  return refusal_ = horus_gil_find();
}

GilSeat* GilArbiter::claim(const void* state, Urgency urgency,
                           unsigned long protection_us) noexcept {
  const std::scoped_lock lock{claim_mutex_};
  const auto free = std::find_if(seats_.begin(), seats_.end(),
                                 [](const GilSeat& seat) { return !seat.taken.load(); });
  if (free == seats_.end()) return nullptr;
  GilSeat& seat = *free;
  seat.state = state;
  seat.urgency = urgency;
  seat.protection_us = protection_us;
  seat.switched = horus_gil_switch_count();
  seat.phase.store(Phase::kIdle);
  seat.expected_ns.store(GilSeat::kNever);
  seat.displaced.store(false);
  seat.wants_us.store(0);
  // release: pairs with the acquire loads of `taken`; a thread that sees the seat taken sees its
  // other fields as set above.
  seat.taken.store(true, std::memory_order_release);
  const auto place = static_cast<std::size_t>(free - seats_.begin());
  used_.store(std::max(used_.load(), place + 1), std::memory_order_release);
  if (claimed_++ == 0) helper_ = std::make_unique<GilHelper>(*this);
  helper_->start(urgency.priority);
  may_spin_.store(CpuSet::allowed().count() > 1);
  return &seat;
}

void GilArbiter::release(GilSeat& seat) noexcept {
  const std::scoped_lock lock{claim_mutex_};
  if (seat.displaced.exchange(false)) displaced_.fetch_sub(1);
  seat.taken.store(false, std::memory_order_release);
  if (claimed_ > 0 && --claimed_ == 0) helper_.reset();
}

bool GilArbiter::wants(const GilSeat& seat) noexcept {
  // seq_cst: see begin().
  const Phase phase = seat.phase.load();
  return phase == Phase::kWaiting || phase == Phase::kTicking;
}

// The holder stays set after a drop, so `locked` must be true as well.
bool GilArbiter::holds(const GilSeat& seat) const noexcept {
  return horus_gil_locked() && horus_gil_holder() == seat.state;
}

GilSeat* GilArbiter::seat_of(const void* state) noexcept {
  for (GilSeat& seat : seats()) {
    if (seat.taken.load(std::memory_order_acquire) && seat.state == state) return &seat;
  }
  return nullptr;
}

Nanos GilArbiter::stays_for(const GilSeat& holder, const GilSeat& seat, TimePoint now) noexcept {
  // A holder that is not in kTicking has just got the GIL or is about to drop it.
  if (holder.phase.load() != Phase::kTicking || !(seat.urgency > holder.urgency)) {
    return kPatientLook;
  }
  return from_ns(holder.held_since_ns.load(kRelaxed)) + kLeastHold - now;
}

void GilArbiter::begin(GilSeat& seat, TimePoint now) noexcept {
  // Set the interval before the GIL is taken. A plain thread that begins to wait in between would
  // wait for the user's short interval only, and then force the tick off.
  if (seat.protection_us > users_interval_us()) {
    seat.wants_us.store(seat.protection_us);
    settle_interval();
  }
  seat.since_ns.store(to_ns(now), kRelaxed);
  seat.held_by.store(0, kRelaxed);
  // Both without the mutex, so they are hints. got() only decides by them whether to count this as
  // contention.
  seat.switches = horus_gil_switches();
  seat.found_locked = horus_gil_locked();
  // seq_cst: either the helper sees this wait before it sleeps, or this thread sees when the helper
  // will wake and wakes it earlier.
  seat.phase.store(Phase::kWaiting);
  if (helper_ == nullptr || !horus_gil_locked()) return;
  const Answer answer = ask(seat, now, true);
  helper_->wake_before(now + std::max(answer.again, kSoon));
  if (answer.asked == Asked::kPlain || answer.asked == Asked::kTick) spin_until_free(now);
}

void GilArbiter::spin_until_free(TimePoint since) const noexcept {
  // On a single CPU the holder could not even see the request.
  if (!may_spin_.load(kRelaxed)) return;
  while (MonotonicClock::now() - since < kSpin) {
    // The thread that drops the GIL still has the mutex, and wakes a sleeper. If this thread slept
    // on the mutex, that sleeper would come first; so it only tries the lock.
    if (!horus_gil_locked() && horus_gil_try_lock()) return horus_gil_unlock();
    relax_cpu();
  }
}

bool GilArbiter::alone_until(const GilSeat& seat, TimePoint release) noexcept {
  return std::ranges::none_of(seats(), [&](const GilSeat& other) {
    if (&other == &seat || !other.taken.load(std::memory_order_acquire)) return false;
    return other.phase.load() != Phase::kIdle || other.expected_ns.load(kRelaxed) <= to_ns(release);
  });
}

bool GilArbiter::tick_is_near(TimePoint now) noexcept {
  return std::ranges::any_of(seats(), [now](const GilSeat& seat) {
    if (!seat.taken.load(std::memory_order_acquire)) return false;
    const Phase phase = seat.phase.load();
    // Not one that ticks: it has had the GIL, and may have given it away to wait for something.
    if (phase != Phase::kIdle) return phase == Phase::kWaiting;
    const TimePoint expected = from_ns(seat.expected_ns.load(kRelaxed));
    // One that is overdue for long is not about to come: its node rests.
    return expected <= now + kNear && now < expected + kPatience;
  });
}

void GilArbiter::let_ticks_by() noexcept {
  const TimePoint since = MonotonicClock::now();
  for (TimePoint now = since; now - since < kPatience && tick_is_near(now);) {
    // Not a spin: on a single CPU the tick needs this thread's.
    std::this_thread::sleep_for(kLook);
    now = MonotonicClock::now();
  }
}

void GilArbiter::got(GilSeat& seat, TimePoint before, TimePoint now, TimePoint release) noexcept {
  const unsigned long switches = horus_gil_switches();
  // More than one switch since the wait began: another thread had the GIL first.
  const bool contended = seat.found_locked || switches - seat.switches > 1;
  seat.switches = switches;
  seat.since_ns.store(to_ns(now), kRelaxed);
  seat.held_since_ns.store(to_ns(std::max(now, release)), kRelaxed);
  seat.tick.store(seat.tick.load(kRelaxed) + 1, kRelaxed);
  seat.phase.store(Phase::kTicking);
  if (helper_ != nullptr && contended) {
    note_contention(now);
    helper_->observe_wait(now - before, now);
  }
}

GilArbiter::Loss GilArbiter::ticked(GilSeat& seat) noexcept {
  const unsigned long switches = horus_gil_switches();
  Loss loss;
  if (switches != seat.switches) [[unlikely]] {
    const TimePoint now = MonotonicClock::now();
    loss.lost = true;
    // acquire: pairs with the helper's release, so that lost_ns and lost_to are of that tick.
    if (seat.lost_tick.load(std::memory_order_acquire) == seat.tick.load(kRelaxed)) {
      loss.time = Nanos{seat.lost_ns.load(kRelaxed)};
      loss.to = seat.lost_to.load(kRelaxed);
    }
    seat.switches = switches;
    note_contention(now);
    seat.since_ns.store(to_ns(now), kRelaxed);
  }
  seat.tick.store(seat.tick.load(kRelaxed) + 1, kRelaxed);
  return loss;
}

void GilArbiter::end(GilSeat& seat, TimePoint next) noexcept {
  seat.expected_ns.store(to_ns(next), kRelaxed);
  if (seat.displaced.exchange(false)) displaced_.fetch_sub(1);
  seat.phase.store(Phase::kIdle);
}

void GilArbiter::ended(GilSeat& seat) noexcept {
  if (seat.wants_us.load(kRelaxed) != 0) {
    seat.wants_us.store(0);
    settle_interval();
    // Threads that began to wait meanwhile sleep for our long interval. Wake them, so that they go
    // on with the user's.
    horus_gil_lock();
    horus_gil_wake_waiters();
    horus_gil_unlock();
  }
  if (displaced_.load() <= 0) return;
  // A tick that had to drop the GIL for this one now competes with plain threads. Ask for it, or it
  // would wait for a whole switch interval.
  const TimePoint now = MonotonicClock::now();
  for (GilSeat& other : seats()) {
    if (&other == &seat || !other.displaced.load() || !other.taken.load()) continue;
    ask(other, now, true);
    helper_->wake_before(now + kSoon);
  }
}

GilArbiter::Answer GilArbiter::ask(GilSeat& seat, TimePoint now, bool may_wait) noexcept {
  if (may_wait) {
    horus_gil_lock();
  } else if (!horus_gil_try_lock()) {
    return {Asked::kBusy, 0, kLook};
  }
  Answer answer;
  const bool locked = horus_gil_locked();
  const void* const holder = horus_gil_holder();
  const unsigned long switches = horus_gil_switches();
  if (locked && holder == seat.state) {
    // A displaced tick has the GIL again only after a switch. Without one it has not yet followed
    // the request to drop it.
    if (switches != seat.displaced_at.load(kRelaxed) && seat.displaced.exchange(false)) {
      displaced_.fetch_sub(1);
      seat.held_since_ns.store(to_ns(now), kRelaxed);
    }
  } else if (!wants(seat)) {
    answer.asked = Asked::kNothing;
  } else if (!locked) {
    // The thread that the drop has woken may have no CPU; let any other waiter take the GIL.
    horus_gil_wake_waiters();
    answer.asked = Asked::kFree;
  } else {
    GilSeat* const victim = seat_of(holder);
    const Nanos stays = victim != nullptr ? stays_for(*victim, seat, now) : Nanos{};
    answer.holder = horus_gil_holder_thread();
    if (stays > Nanos{}) {
      answer.asked = Asked::kLater;
      answer.again = stays;
    } else {
      if (victim != nullptr && !victim->displaced.exchange(true)) {
        victim->displaced_at.store(switches, kRelaxed);
        displaced_.fetch_add(1);
      }
      answer.asked = victim != nullptr ? Asked::kTick : Asked::kPlain;
      requested_at_.store(switches, kRelaxed);
      // seq_cst: a thread that sees this number also sees requested_at_ of this request, or of a
      // later one.
      requests_.fetch_add(1);
      horus_gil_request_drop();
    }
  }
  horus_gil_unlock();
  return answer;
}

std::uint64_t GilArbiter::request_out() noexcept {
  const std::uint64_t latest = requests_.load();
  if (latest == answered_.load()) return 0;
  if (horus_gil_switches() == requested_at_.load(kRelaxed)) return latest;
  forget_request(latest);
  return 0;
}

void GilArbiter::note_contention(TimePoint now) noexcept {
  const bool news = !contended(now);
  contended_until_ns_.store(to_ns(now + kRemember), kRelaxed);
  // With contention the helper looks at each release. Wake it, so that it plans those looks.
  if (news && helper_ != nullptr) helper_->wake_before(now + kSoon);
}

unsigned long GilArbiter::users_interval_us() const noexcept {
  const unsigned long set = std::atomic_ref{*horus_gil_interval()}.load(kRelaxed);
  return set == ours_us_.load(kRelaxed) ? users_us_.load(kRelaxed) : set;
}

void GilArbiter::settle_interval() noexcept {
  const Locked lock{interval_mutex_};
  const std::atomic_ref interval{*horus_gil_interval()};
  unsigned long wanted = 0;
  for (const GilSeat& seat : seats()) wanted = std::max(wanted, seat.wants_us.load());
  unsigned long set = interval.load(kRelaxed);
  for (;;) {
    // An interval that is not the one we set is the user's, who may set it at any time.
    if (set != ours_us_.load(kRelaxed)) users_us_.store(set, kRelaxed);
    const unsigned long users = users_us_.load(kRelaxed);
    const bool needed = wanted > users;
    // Stored before the interval, so that users_interval_us() recognises the new one as ours.
    if (needed) ours_us_.store(wanted, kRelaxed);
    // Strong: after a spurious failure of a weak exchange the next round would take our former
    // value for the user's.
    if (interval.compare_exchange_strong(set, needed ? wanted : users, kRelaxed)) {
      if (!needed) ours_us_.store(0, kRelaxed);
      return;
    }
  }
}

Holder GilArbiter::holder() noexcept {
  if (refusal_ != nullptr || horus_gil_waiters() == 0) return {};
  horus_gil_lock();
  const Holder holder{.thread = horus_gil_locked() ? horus_gil_holder_thread() : 0,
                      .turn = horus_gil_switches()};
  horus_gil_unlock();
  return holder;
}

void GilArbiter::forget_after_fork() noexcept {
  if (refusal_ != nullptr) return;
  init_mutex();
  for (GilSeat& seat : seats()) {
    seat.wants_us.store(0);
    seat.taken.store(false);
  }
  settle_interval();
  used_.store(0);
  displaced_.store(0);
  answered_.store(requests_.load());
  // The helper's thread exists in the parent only. Destroying the helper here would join it, so it
  // is leaked.
  static_cast<void>(helper_.release());
  claimed_ = 0;
  new (&claim_mutex_) std::mutex;
}

}  // namespace horus::py

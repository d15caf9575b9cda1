// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/gil_helper.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "pyhost/cpython/interpreter_gil.h"

namespace horus::py {
namespace {

using Phase = GilSeat::Phase;
using Asked = GilArbiter::Asked;

constexpr TimePoint kNever = from_ns(std::numeric_limits<std::int64_t>::max());
// 99 is left to the kernel's own threads.
constexpr int kHighestPriority = 98;
// The shortest and the longest pause between two looks at a tick that does not wait for the GIL. A
// tick that has run for long may compute or sleep for long, so the pause grows.
constexpr Nanos kTickLook = 50us;
constexpr Nanos kLongestProbe = 500us;
// The pause between two requests doubles three times: 20 us to 160 us.
constexpr int kMostDoublings = 3;
// If anybody wants a free GIL, it is taken within this many looks.
constexpr int kFreeLooks = 4;
// While nobody takes it, the pause doubles eight times: 20 us to 5 ms.
constexpr int kMostFreeDoublings = 8;
// From a wait of kTellBase on the holder's CPU times are read; after kTellAfter they are published.
constexpr Nanos kTellBase = 1ms;
constexpr Nanos kTellAfter = 100ms;

/// Makes a thread SCHED_FIFO. Where the right is missing, it keeps its policy.
void raise(pid_t thread, int priority) noexcept {
  const sched_param parameter{.sched_priority = priority};
  if (priority > 0) {
    ::sched_setscheduler(thread, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter);
  }
}

}  // namespace

GilHelper::~GilHelper() {
  stop_.store(true);
  wake_before(TimePoint{});
  thread_.reset();
}

void GilHelper::start(int priority) noexcept {
  // Above the ticks that it helps, and above ordinary threads where those ticks are ordinary: among
  // them it would wait for a CPU while a tick waits for it. Its looks take microseconds.
  const int wanted = std::min(priority + 1, kHighestPriority);
  if (!thread_) {
    priority_.store(wanted);
    const ThreadConfig config{
        .name = ThreadName::clipped("horus-gil"), .priority = wanted, .slice = kShortSlice};
    auto thread = RtThread::start(
        config, [](void* self) { static_cast<GilHelper*>(self)->run(); }, this);
    if (thread) thread_.emplace(std::move(thread).value());
    return;
  }
  if (wanted <= priority_.load()) return;
  priority_.store(wanted);
  // seq_cst: either this thread sees the helper's id and raises it, or the helper sees the new
  // priority after it has stored its id.
  if (const pid_t tid = tid_.load(); tid != 0) raise(tid, wanted);
}

void GilHelper::wake_before(TimePoint latest) noexcept {
  // seq_cst: either the helper sees the new word before it sleeps, or this thread sees in
  // planned_ns_ that the helper sleeps, and wakes it.
  word_.fetch_add(1);
  if (planned_ns_.load() <= to_ns(latest)) return;
  ::syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1);
}

void GilHelper::run() noexcept {
  tid_.store(::gettid());
  raise(0, priority_.load());
  for (;;) {
    planned_ns_.store(0);
    const std::uint32_t seen = word_.load();
    // Checked after the word was read: the destructor changes the word after it has set stop_, so
    // the sleep below returns at once.
    if (stop_.load()) break;
    const TimePoint next = look(MonotonicClock::now());
    planned_ns_.store(to_ns(next));
    const timespec at{.tv_sec = to_ns(next) / 1'000'000'000,
                      .tv_nsec = to_ns(next) % 1'000'000'000};
    // FUTEX_WAIT_BITSET takes an absolute instant of CLOCK_MONOTONIC.
    ::syscall(SYS_futex, &word_, FUTEX_WAIT_BITSET_PRIVATE, seen, &at, nullptr,
              FUTEX_BITSET_MATCH_ANY);
  }
  loan_.take_back();
}

TimePoint GilHelper::look(TimePoint now) noexcept {
  TimePoint next = kNever;
  bool anybody_waits = false;
  wanted_loan_ = 0;
  mutex_busy_ = false;
  const auto seats = arbiter_.seats();
  for (std::size_t i = 0; i < seats.size(); ++i) {
    GilSeat& seat = seats[i];
    Watched& watched = watched_[i];
    // acquire: shows what is in the seat.
    if (!seat.taken.load(std::memory_order_acquire)) continue;
    const Phase phase = seat.phase.load();
    if (phase == Phase::kIdle) watched.looks = 0;
    switch (phase) {
      case Phase::kIdle: next = std::min(next, look_ahead(seat, now)); break;
      case Phase::kWaiting:
        anybody_waits = true;
        next = std::min(next, look_at_wait(seat, watched, now));
        break;
      case Phase::kTicking: next = std::min(next, look_at_tick(seat, watched, now)); break;
    }
  }
  follow_loan(now);
  const Nanos pause = free_dropper(anybody_waits);
  // While no tick waits, look again only to free a dropper or to take a loan back.
  const bool after = !anybody_waits && (arbiter_.request_out() != 0 || loan_.thread() != 0);
  if (after) next = std::min(next, now + pause);
  return next;
}

Nanos GilHelper::users_interval() const noexcept {
  constexpr unsigned long kLongest = 1'000'000;  // A user may set years.
  return Nanos{1us} * static_cast<std::int64_t>(std::min(arbiter_.users_interval_us(), kLongest));
}

TimePoint GilHelper::look_ahead(const GilSeat& seat, TimePoint now) const noexcept {
  const std::int64_t expected = seat.expected_ns.load(kRelaxed);
  if (expected == GilSeat::kNever) return kNever;
  const bool contended = arbiter_.contended(now);
  // A tick that finds the GIL free does not wake the helper, yet another thread may take the GIL
  // first. So look after the release while there is contention. Look there too when the tick's
  // protection is a longer interval than the user's: CPython would let the tick itself wait so long
  // before it asks.
  if (!contended && seat.protection_us <= arbiter_.users_interval_us()) return kNever;
  const Nanos after = contended ? GilArbiter::kPatientLook : std::max<Nanos>(users_interval(), 1ms);
  const TimePoint at = from_ns(expected) + after;
  return at > now ? at : now + after;
}

TimePoint GilHelper::look_at_wait(GilSeat& seat, Watched& watched, TimePoint now) noexcept {
  if (++watched.looks == 1) {
    watched.holder = 0;
    watched.base.reset();
  }
  watched.tick = 0;
  const TimePoint again = ask(seat, watched, now);
  tell_long_wait(seat, watched, now);
  return again;
}

TimePoint GilHelper::look_at_tick(GilSeat& seat, Watched& watched, TimePoint now) noexcept {
  const std::uint64_t tick = seat.tick.load(kRelaxed);
  if (tick != watched.tick) {
    watched.tick = tick;
    watched.loss.begin(std::min(now, from_ns(seat.since_ns.load(kRelaxed))));
    watched.held = true;
    watched.holder = 0;
  }
  if (arbiter_.holds(seat)) {
    // The tick has just got the GIL back: its kLeastHold begins anew.
    if (!watched.held) seat.held_since_ns.store(to_ns(now), kRelaxed);
    watched.held = true;
    watched.looks = 0;
    watched.loss.look(now, false);
    if (arbiter_.contended(now)) return now + pause_in_tick(seat, now);
    return seat.wants_us.load(kRelaxed) != 0 ? now + users_interval() : kNever;
  }
  watched.held = false;
  // The tick lost the GIL to a more urgent one, or gave it away for I/O. In the second case it
  // counts as a loss only when a thread waits and there is just one rival: that rival has the GIL,
  // so the waiter must be this tick. With several rivals the waiter may be one of them.
  const bool displaced = seat.displaced.load();
  const bool somebody_waits = horus_gil_waiters() > 0;
  watched.loss.look(now, displaced || (somebody_waits && one_rival(now)));
  TimePoint again = now + pause_in_tick(seat, now);
  watched.looks = displaced || somebody_waits ? watched.looks + 1 : 0;
  if (watched.looks > 0) again = ask(seat, watched, now);
  seat.lost_to.store(watched.holder, kRelaxed);
  seat.lost_ns.store(watched.loss.lost().count(), kRelaxed);
  // Last, and release: ticked() compares it to know that the numbers above belong to its tick.
  seat.lost_tick.store(tick, std::memory_order_release);
  return again;
}

Nanos GilHelper::pause_in_tick(const GilSeat& seat, TimePoint now) noexcept {
  const Nanos in_tick = now - from_ns(seat.since_ns.load(kRelaxed));
  return std::clamp<Nanos>(in_tick / 16, kTickLook, kLongestProbe);
}

bool GilHelper::one_rival(TimePoint now) const noexcept {
  return rival_changed_ == TimePoint{} || now - rival_changed_ >= GilArbiter::kRemember;
}

TimePoint GilHelper::ask(GilSeat& seat, Watched& watched, TimePoint now) noexcept {
  const GilArbiter::Answer answer = arbiter_.ask(seat, now, false);
  // Ask at growing intervals. Of several plain threads, the one that was just forced off comes back
  // within the time of a wake-up. With a steady rhythm it would find the GIL free each time that
  // the next one is forced off.
  const bool asked = answer.asked == Asked::kPlain || answer.asked == Asked::kTick;
  const int doublings = asked ? std::min(watched.looks, kMostDoublings) : 0;
  const TimePoint again = now + answer.again * (1 << doublings);
  if (answer.holder != 0) watched.holder = answer.holder;
  if (answer.asked == Asked::kBusy) mutex_busy_ = true;
  if (answer.asked != Asked::kPlain) return again;
  if (rival_ != 0 && rival_ != answer.holder) rival_changed_ = now;
  rival_ = answer.holder;
  // relaxed: a number on its own.
  const TimePoint last_long = from_ns(last_long_ns_.load(std::memory_order_relaxed));
  if (seat.urgency.priority <= 1 || !LendingRule::due(watched.looks, last_long, now)) return again;
  if (horus_gil_switches() == loan_spent_at_) return again;
  wanted_loan_ = answer.holder;
  loan_.lend(answer.holder, seat.urgency.priority - 1, now);
  return again;
}

void GilHelper::follow_loan(TimePoint now) noexcept {
  if (loan_.thread() == 0) return;
  const Nanos lent_for = now - loan_.since();
  if (LendingRule::kept(loan_.thread() == wanted_loan_, mutex_busy_, lent_for)) return;
  if (lent_for > LendingRule::kLongest) loan_spent_at_ = horus_gil_switches();
  loan_.take_back();
}

Nanos GilHelper::free_dropper(bool anybody_waits) noexcept {
  const std::uint64_t request = arbiter_.request_out();
  // A tick that waits will take the GIL, which frees the thread that dropped it.
  if (anybody_waits || request != free_after_) free_looks_ = 0;
  free_after_ = request;
  if (anybody_waits || request == 0) return GilArbiter::kLook;
  if (horus_gil_locked()) {
    // It was free and no other thread has taken it, as request_out() sees no switch: the thread
    // that dropped it has got it back.
    if (free_looks_ > 0) arbiter_.forget_request(request);
    return GilArbiter::kLook;
  }
  if (++free_looks_ < kFreeLooks) return GilArbiter::kLook;
  // Repeated at each look: that thread may not have reached its wait at the first wake-up.
  horus_gil_wake_dropper();
  free_looks_ = std::min(free_looks_, kFreeLooks + kMostFreeDoublings);
  return GilArbiter::kLook * (1 << (free_looks_ - kFreeLooks));
}

void GilHelper::tell_long_wait(GilSeat& seat, Watched& watched, TimePoint now) noexcept {
  const Nanos wait = now - from_ns(seat.since_ns.load(kRelaxed));
  if (wait < kTellBase || watched.holder == 0) return;
  if (!watched.base) {
    watched.base = cpu_share_of(watched.holder);
    watched.watched_since = now;
    watched.next_tell = now + kTellAfter - kTellBase;
    return;
  }
  if (now < watched.next_tell) return;
  watched.next_tell = now + kTellAfter / 2;
  const auto share = cpu_share_of(watched.holder);
  if (!share) return;
  seat.holder_watched_ns.store((now - watched.watched_since).count(), kRelaxed);
  seat.holder_ran_ns.store((share->ran - watched.base->ran).count(), kRelaxed);
  seat.holder_off_cpu_ns.store((share->waited - watched.base->waited).count(), kRelaxed);
  seat.held_by.store(watched.holder, kRelaxed);
}

}  // namespace horus::py

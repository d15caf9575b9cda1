// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/gil_hook.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include <horus/topic.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/gil_arbiter.hpp"
#include "pyhost/node/async_loop.hpp"
#include "pyhost/node/running_tick.hpp"
#include "pyhost/run/collector.hpp"
#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"
#include "shm/deferred_bells.hpp"

namespace horus::py {
namespace {

/// The calling thread's SCHED_FIFO priority; 0: it runs under the ordinary policy.
int fifo_priority() noexcept {
  int policy = SCHED_OTHER;
  sched_param parameter{};
  ::pthread_getschedparam(::pthread_self(), &policy, &parameter);
  return policy == SCHED_FIFO ? parameter.sched_priority : 0;
}

/// Calls a function of horus._threads, which makes executor threads known to Python's threading
/// module. With the GIL.
void call_threads(const char* function, const char* name) noexcept {
  const Ref threads{PyImport_ImportModule("horus._threads")};
  const Ref done{
      threads ? PyObject_CallMethod(threads.ptr(), function, name != nullptr ? "s" : nullptr, name)
              : nullptr};
  // It fails where the user has replaced parts of threading. The run goes on without it.
  if (!done) PyErr_WriteUnraisable(threads.ptr());
}

}  // namespace

void GilLead::observe(Nanos wait, TimePoint now) noexcept {
  if (wait > kNoticeable) last_contended_ = now;
  waits_[count_++ % kRecent] = wait;
  if (count_ % (kRecent / 4) != 0) return;
  // The second longest of the last 64 waits, about their p98: one stray wait does not set the lead.
  std::array<Nanos, kRecent> sorted = waits_;
  std::nth_element(sorted.begin(), sorted.end() - 2, sorted.end());
  lead_ = std::min(*(sorted.end() - 2) + kNoticeable, kLongest);
}

Nanos GilLead::lead(TimePoint now) const noexcept {
  const bool contended = last_contended_ != TimePoint{} && now - last_contended_ < kForgetAfter;
  return contended ? lead_ : Nanos{};
}

struct GilHook::OnThread {
  OnThread(PyInterpreterState* interpreter, const ThreadRole& role) noexcept : python{interpreter} {
    const GilScope gil;
    call_threads("begin", role.name.view().data());
    place = Collector::instance().claim_place();
    if (GilArbiter::instance().refusal() != nullptr || !asks_for_gil(role.node_class)) return;
    seat = GilArbiter::instance().claim(python.id(),
                                        urgency_of(role.node_class, fifo_priority(), role.period),
                                        protection_us(role.node_class, role.budget));
  }
  ~OnThread() {
    if (seat != nullptr) GilArbiter::instance().release(*seat);
    const GilScope gil;
    Collector::instance().free_place(place);
    call_threads("end", nullptr);
  }
  OnThread(const OnThread&) = delete;
  OnThread& operator=(const OnThread&) = delete;

  ThreadState python;
  GilSeat* seat = nullptr;   ///< Null: it takes the GIL as any Python thread does.
  shm::DeferredBells bells;  ///< Doorbells of this batch's messages; they ring after it.
  int place = -1;            ///< Its place in the Collector; -1: none.
};

GilHook::GilHook(PyInterpreterState* interpreter, const ThreadRole& role, AsyncLoop* loop) noexcept
    : interpreter_{interpreter},
      role_{role},
      loop_{loop},
      call_{loop != nullptr && role.node_class == NodeClass::kAsync ? loop->find(role.name.view())
                                                                    : nullptr} {}

GilHook::~GilHook() = default;

void GilHook::thread_started() noexcept {
  auto thread = std::make_unique<OnThread>(interpreter_, role_);
  seat_ = thread->seat;
  const std::scoped_lock lock{watched_};
  thread_ = std::move(thread);
}

void GilHook::thread_stopping() noexcept {
  thread_->bells.ring();
  seat_ = nullptr;
  // Moved out under the lock and destroyed after it: the destructor waits for the GIL, and
  // debugged() must not wait for that.
  const auto thread = [this] {
    const std::scoped_lock lock{watched_};
    return std::move(thread_);
  }();
}

bool GilHook::debugged() noexcept {
  if (call_ != nullptr && loop_->traced()) return true;
  const std::scoped_lock lock{watched_};
  return thread_ != nullptr && thread_->python.traced();
}

Nanos GilHook::lead(TimePoint release) noexcept {
  const Nanos lead = lead_.lead(MonotonicClock::now());
  // Do not take the GIL early when another tick wants it before this release.
  GilSeat* const seat = thread_->seat;
  if (lead == Nanos{} || seat == nullptr) return lead;
  return GilArbiter::instance().alone_until(*seat, release) ? lead : Nanos{};
}

// The thread of an async node has no seat.
[[gnu::hot]] bool GilHook::ticked() noexcept {
  return seat_ != nullptr ? !GilArbiter::kept(*seat_) : call_ != nullptr;
}

TickLoss GilHook::loss() noexcept {
  if (seat_ == nullptr) return {.awaited = std::exchange(awaited_in_tick, {})};
  const GilArbiter::Loss loss = GilArbiter::instance().ticked(*seat_);
  return {.lost = loss.lost, .time = loss.time, .to = loss.to};
}

bool GilHook::holder_was_off_cpu() noexcept {
  return off_cpu_;
}

// An async node waits for the asyncio loop: what keeps it waiting is the node whose code the loop
// runs. Any other wait is for the holder of the GIL; if that is the loop's thread, the report names
// the node that it runs.
Holder GilHook::holder() noexcept {
  if (call_ != nullptr && !call_->runs()) {
    if (const Holder holder = loop_->holder(); holder.thread != 0) return holder;
  }
  Holder holder = GilArbiter::instance().holder();
  if (loop_ != nullptr) holder.thread = loop_->stand_in_for(holder.thread);
  return holder;
}

bool GilHook::awaits() noexcept {
  return call_ != nullptr && call_->awaits();
}

[[gnu::hot]] Nanos GilHook::enter(TimePoint release) noexcept {
  // Around init() and shutdown() there is no release, so there is nothing to ask or to measure.
  ticks_ = release != TimePoint{};
  GilSeat* const seat = ticks_ ? thread_->seat : nullptr;
  GilArbiter& arbiter = GilArbiter::instance();
  if (ticks_ && seat == nullptr && arbiter.refusal() == nullptr) arbiter.let_ticks_by();
  const TimePoint before = MonotonicClock::now();
  if (seat != nullptr) arbiter.begin(*seat, before);
  thread_->python.take();
  const TimePoint after = MonotonicClock::now();
  if (seat != nullptr) arbiter.got(*seat, before, after, release);
  if (ticks_) lead_.observe(after - before, after);
  off_cpu_ = false;
  if (seat != nullptr && after - before >= kLongGilWait) [[unlikely]]
    tell_long_wait(after - before);
  return after - before;
}

void GilHook::leave(TimePoint next) noexcept {
  Collector& collector = Collector::instance();
  // An event node has no next release.
  if (next == TimePoint{}) next = TimePoint::max();
  const GcPlan plan = ticks_ ? collector.plan(thread_->place, next) : GcPlan{};
  if (plan.step != GcStep::kNothing || plan.announced) {
    // Ring before the collection: subscribers to this batch's messages must not wait for it.
    thread_->bells.ring();
    collector.carry_out(plan);
  }
  GilSeat* const seat = ticks_ ? thread_->seat : nullptr;
  if (seat != nullptr) GilArbiter::instance().end(*seat, next);
  thread_->python.drop();
  if (seat != nullptr) GilArbiter::instance().ended(*seat);
  thread_->bells.ring();
}

void GilHook::tell_long_wait(Nanos wait) noexcept {
  const GilSeat& seat = *thread_->seat;
  // relaxed: numbers on their own; the helper wrote them while this thread waited.
  const pid_t holder = seat.held_by.load(std::memory_order_relaxed);
  const Nanos watched{seat.holder_watched_ns.load(std::memory_order_relaxed)};
  const Nanos ran{seat.holder_ran_ns.load(std::memory_order_relaxed)};
  const Nanos off_cpu{seat.holder_off_cpu_ns.load(std::memory_order_relaxed)};
  const HolderDid most = holder_did(watched, ran, off_cpu);
  off_cpu_ = holder != 0 && most == HolderDid::kNoCpu;
  if (!long_waits_.admit(MonotonicClock::now())) return;
  const char* did = "running: a call that computes without giving the GIL away";
  if (most == HolderDid::kSlept) did = "asleep: a call that blocks without giving the GIL away";
  if (off_cpu_) did = "without a CPU: other threads kept it from running";
  char text[300];
  int length = std::snprintf(text, sizeof text, "node '%.64s' waited %lld ms for the GIL",
                             role_.name.view().data(), static_cast<long long>(wait / 1ms));
  if (holder != 0) {
    length += std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length),
                            "; thread %d had it and was %s", holder, did);
  }
  // No node runs at this point. Name the source, so that 'horusctl log NODE' finds the line.
  const LogSource source{.node = &role_.name, .tick = current_tick(*role_.stats)};
  const LogNaming naming{source};
  log(LogLevel::kWarning, text);
}

std::size_t executor_stack() noexcept {
  constexpr std::size_t kLeast = 2U << 20U;
  constexpr std::size_t kUnlimited = 8U << 20U;
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0) return kLeast;
  if (limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
  // In whole pages, as pthread_attr_setstacksize() requires.
  return std::max<std::size_t>(kLeast, limit.rlim_cur / 4096 * 4096);
}

std::unique_ptr<GroupHook> GilHooks::make(const ThreadRole& role) {
  return std::make_unique<GilHook>(interpreter_, role, loop_);
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include "rt/executor.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <horus/result.hpp>

#include "rt/group_hook.hpp"

namespace horus {
namespace {

// A sleeping executor looks for requests at least this often. So nobody has to wake it (RT-4).
constexpr Nanos kLongestSleep = 100ms;

// A thread that is awake so long before its release fetches the nodes' data meanwhile.
constexpr Nanos kTimeToFetch = 2us;

/// The shortest period of the group's nodes. Read each time: their rates may change.
Nanos shortest_period(const RateGroup& group) noexcept {
  Nanos shortest = Nanos::max();
  for (const auto& runner : group.runners()) {
    shortest = std::min(shortest, Nanos{runner->stats().period_ns.value()});
  }
  return shortest;
}

/// The hook of a thread that has nothing to do around its ticks.
class NoHook final : public GroupHook {};

}  // namespace

std::optional<TimePoint> StartGate::arrive() noexcept {
  // release: the scheduler sees what the inits have done.
  arrived_.fetch_add(1, std::memory_order_release);
  arrived_.notify_all();
  std::int64_t epoch = kUndecided;
  // acquire: shows us all that the scheduler did before it decided.
  while ((epoch = epoch_ns_.load(std::memory_order_acquire)) == kUndecided) {
    epoch_ns_.wait(kUndecided, std::memory_order_acquire);
  }
  if (epoch == kClosed) return std::nullopt;
  return from_ns(epoch);
}

void StartGate::wait_for_arrivals(std::uint32_t executors) noexcept {
  std::uint32_t arrived = 0;
  // acquire: see arrive().
  while ((arrived = arrived_.load(std::memory_order_acquire)) < executors) {
    arrived_.wait(arrived, std::memory_order_acquire);
  }
}

void StartGate::open(TimePoint epoch) noexcept {
  decide(to_ns(epoch));
}

void StartGate::close() noexcept {
  decide(kClosed);
}

void StartGate::decide(std::int64_t epoch_ns) noexcept {
  std::int64_t undecided = kUndecided;
  // release: the executors see all that was done before.
  epoch_ns_.compare_exchange_strong(undecided, epoch_ns, std::memory_order_release,
                                    std::memory_order_relaxed);
  epoch_ns_.notify_all();
}

Executor::Executor(Nanos period, RateGroup& group, std::unique_ptr<GroupHook> hook,
                   const ExecutorContext& context)
    : group_{group},
      hook_{hook ? std::move(hook) : std::make_unique<NoHook>()},
      context_{context},
      lead_{context.spin_limit, period} {
  HORUS_CHECK(period > Nanos{} || context.wake != nullptr);
}

void Executor::run() noexcept {
  bind_log_channel(context_.log);
  hook_->thread_started();
  for (const auto& runner : group_.runners()) runner->stats().tid.set(::gettid());
  std::atomic<NodeActivity>& activity = group_.progress().activity;
  // relaxed: see Progress.
  activity.store(NodeActivity::kInit, std::memory_order_relaxed);
  hook_->enter(TimePoint{});
  group_.init();
  hook_->leave(TimePoint{});
  activity.store(NodeActivity::kTick, std::memory_order_relaxed);
  // Without an epoch, e.g. after a failed init(), there is no tick, but the shutdowns follow.
  if (const auto epoch = context_.gate.arrive()) {
    if (context_.wake != nullptr) {
      tick_on_events();
    } else {
      tick_periodically(*epoch);
    }
  }
  group_.progress().expect_nothing();
  activity.store(NodeActivity::kShutdown, std::memory_order_relaxed);
  hook_->enter(TimePoint{});
  group_.shutdown();
  hook_->leave(TimePoint{});
  hook_->thread_stopping();
  activity.store(NodeActivity::kNone, std::memory_order_relaxed);
  bind_log_channel(nullptr);
}

[[gnu::noinline]] bool Executor::follow_what_is_due() noexcept {
  const bool changes = group_.change_due();
  if (!changes && !group_.safe_state_due()) return false;
  hook_->enter(TimePoint{});
  group_.follow_safe_state();
  if (changes) group_.follow_changes();
  hook_->leave(TimePoint{});
  return true;
}

inline bool Executor::follow_requests() noexcept {
  return !group_.undisturbed() && follow_what_is_due();
}

[[gnu::always_inline]] inline std::optional<TimePoint> Executor::sleep_until(
    TimePoint wake, TimePoint now) noexcept {
  do {
    // Checked before each sleep, and also when there is no time to sleep.
    if (context_.control.stopping() || follow_requests()) return std::nullopt;
    if (now >= wake) return now;
    // The end is set while the threads run already, so it may come before the release waited for.
    const TimePoint end = context_.control.end();
    if (now >= end) return std::nullopt;
    context_.clock.sleep_until(std::min({wake, end, now + kLongestSleep}));
    now = context_.clock.now();
  } while (now < wake);
  lead_.record(now - wake);
  return now;
}

/// Without a GIL the hook does not wait, so `now` is still the time: the clock is not read again.
inline Executor::Begin Executor::enter_hook(TimePoint release, TimePoint now) noexcept {
  const Nanos gil_wait = hook_->enter(release);
  return {gil_wait < Nanos{} ? now : context_.clock.now(), gil_wait};
}

[[gnu::always_inline]] inline std::optional<Executor::Begin> Executor::wait_for_release(
    TimePoint release, TimePoint now) noexcept {
  const bool spins = context_.spin_limit > Nanos{};
  // A hook that enters before the release holds the GIL until the release. Only a thread that spins
  // holds it for a short enough time.
  const Nanos hook_lead =
      spins ? std::clamp(hook_->lead(release), Nanos{}, shortest_period(group_) / 2) : Nanos{};
  const auto awake = sleep_until(release - lead_.value() - hook_lead, now);
  if (!awake) return std::nullopt;
  if (!spins) return enter_hook(release, *awake);
  if (release - *awake > kTimeToFetch) group_.prefetch();
  if (hook_lead == Nanos{}) return enter_hook(release, context_.clock.spin_until(release));
  const Nanos gil_wait = hook_->enter(release);
  return Begin{context_.clock.spin_until(release), gil_wait};
}

// hot: see RateGroup::tick_due().
[[gnu::hot]] void Executor::tick_periodically(TimePoint epoch) noexcept {
  RunControl& control = context_.control;
  group_.begin_grid(epoch);
  TimePoint release = epoch;
  TimePoint now = context_.clock.now();
  for (;;) {
    const TimePoint end = control.end();
    if (release >= end) [[unlikely]] {
      // No release is left before the end. The thread stays until the end: the run has to last as
      // long as requested, and a node that gets another rate may still tick.
      group_.progress().expect_nothing();
      if (sleep_until(end, now)) return;
    } else {
      group_.progress().expect_next(release);
      if (const auto begin = wait_for_release(release, now)) [[likely]] {
        // A late wake-up gives up the releases whose whole period has passed, on the same grid
        // (RT-1).
        group_.progress().expect(begin->now);
        control.safety().obey();
        const BatchEnd ended = group_.tick_due(begin->now, control.end(), begin->gil_wait);
        release = ended.next;
        hook_->leave(release);
        now = begin->gil_wait < Nanos{} ? ended.at : context_.clock.now();
        continue;
      }
    }
    // The wait was broken off: by a stop, or by a request that took time or changed the releases.
    if (control.stopping() || group_.empty()) return;
    release = group_.next_release();
    now = context_.clock.now();
  }
}

void Executor::tick_on_events() noexcept {
  RunControl& control = context_.control;
  while (!control.stopping() && !group_.empty()) {
    group_.progress().expect_nothing();
    if (follow_requests()) continue;
    const TimePoint now = context_.clock.now();
    const TimePoint end = control.end();
    if (now >= end) return;
    const TimePoint until = std::min(end, now + kLongestSleep);
    if (group_.resting(now)) {
      context_.clock.sleep_until(until);
      continue;
    }
    if (!context_.wake->wait_until(until) || control.stopping()) continue;
    const TimePoint release = context_.clock.now();
    group_.progress().expect(release);
    const Nanos gil_wait = hook_->enter(release);
    control.safety().obey();
    group_.tick(release, context_.clock.now(), gil_wait);
    hook_->leave(TimePoint{});
  }
}

}  // namespace horus

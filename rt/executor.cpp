// SPDX-License-Identifier: Apache-2.0
#include "rt/executor.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "rt/base/check.hpp"
#include "rt/release.hpp"

namespace horus {
namespace {

// A sleeper looks at the stop flag at least so often: waking it would take a system call that an
// executor must not answer to (RT-4).
constexpr Nanos kLongestSleep = 100ms;

/// The hook of a thread that has nothing to do around its ticks.
class NoHook final : public GroupHook {};

}  // namespace

std::optional<TimePoint> StartGate::arrive() noexcept {
  // release: the scheduler sees what the inits have done.
  arrived_.fetch_add(1, std::memory_order_release);
  arrived_.notify_all();
  std::int64_t epoch = kUndecided;
  // acquire: shows us all that the scheduler did before it opened the gate.
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
  // release: executors see all that was done before.
  epoch_ns_.store(to_ns(epoch), std::memory_order_release);
  epoch_ns_.notify_all();
}

void StartGate::close() noexcept {
  // release: as open().
  epoch_ns_.store(kClosed, std::memory_order_release);
  epoch_ns_.notify_all();
}

Executor::Executor(Nanos period, RateGroup& group, std::unique_ptr<GroupHook> hook,
                   const ExecutorContext& context)
    : period_{period},
      group_{group},
      hook_{hook ? std::move(hook) : std::make_unique<NoHook>()},
      context_{context},
      lead_{context.spin_limit, period} {
  HORUS_CHECK(period > Nanos{} || context.wake != nullptr);
}

void Executor::run() noexcept {
  bind_log_channel(context_.log);
  hook_->thread_started();
  for (const auto& runner : group_.runners()) runner->stats().tid.set(::gettid());
  hook_->enter(TimePoint{});
  group_.init();
  hook_->leave(TimePoint{});
  if (const auto epoch = context_.gate.arrive()) {
    if (context_.wake != nullptr) {
      tick_on_events();
    } else {
      tick_periodically(*epoch);
    }
  }
  group_.progress().owe_nothing();
  hook_->enter(TimePoint{});
  group_.shutdown();
  hook_->leave(TimePoint{});
  hook_->thread_stopping();
  bind_log_channel(nullptr);
}

void Executor::tick_periodically(TimePoint epoch) noexcept {
  RunControl& control = context_.control;
  TimePoint release = epoch;
  while (!control.stopping() && release < control.end()) {
    group_.progress().owe(release);
    const auto gil_wait = wait_for_release(release);
    if (!gil_wait) return;
    // A late wake-up gives up the releases whose whole period has passed, on the same grid (RT-1).
    const TimePoint now = context_.clock.now();
    const NextRelease due = next_release(release - period_, period_, now);
    const TimePoint end = control.end();
    if (due.at >= end) {
      const Nanos left = end - release;
      group_.skip(static_cast<std::uint64_t>((left + period_ - 1ns) / period_));
      hook_->leave(due.at);
      return;
    }
    group_.skip(due.skipped);
    group_.progress().owe(now);
    group_.tick(due.at, now, *gil_wait);
    release = due.at + period_;
    hook_->leave(release);
  }
}

std::optional<Nanos> Executor::wait_for_release(TimePoint release) noexcept {
  const bool spins = context_.spin_limit > Nanos{};
  // A hook that begins before the release holds what it takes until then: only a spin is short
  // enough for that.
  const Nanos hook_lead = spins ? std::clamp(hook_->lead(release), Nanos{}, period_ / 2) : Nanos{};
  if (!sleep_until(release - lead_.value() - hook_lead)) return std::nullopt;
  if (!spins) return hook_->enter(release);
  if (hook_lead == Nanos{}) {
    context_.clock.spin_until(release);
    return hook_->enter(release);
  }
  const Nanos gil_wait = hook_->enter(release);
  context_.clock.spin_until(release);
  return gil_wait;
}

bool Executor::sleep_until(TimePoint wake) noexcept {
  TimePoint now = context_.clock.now();
  if (now >= wake) return true;
  while (now < wake) {
    if (context_.control.stopping()) return false;
    follow_safe_state();
    context_.clock.sleep_until(std::min(wake, now + kLongestSleep));
    now = context_.clock.now();
  }
  lead_.record(now - wake);
  return true;
}

void Executor::follow_safe_state() noexcept {
  if (!group_.safe_state_due()) return;
  hook_->enter(TimePoint{});
  group_.follow_safe_state();
  hook_->leave(TimePoint{});
}

void Executor::tick_on_events() noexcept {
  RunControl& control = context_.control;
  while (!control.stopping()) {
    group_.progress().owe_nothing();
    follow_safe_state();
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
    group_.progress().owe(release);
    const Nanos gil_wait = hook_->enter(release);
    group_.tick(release, context_.clock.now(), gil_wait);
    hook_->leave(TimePoint{});
  }
}

}  // namespace horus

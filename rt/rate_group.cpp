// SPDX-License-Identifier: Apache-2.0
#include "rt/rate_group.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace horus {

RateGroup::RateGroup(std::vector<std::unique_ptr<NodeRunner>> runners)
    : runners_{std::move(runners)} {}

void RateGroup::begin(std::size_t index, NodeActivity activity) noexcept {
  progress_.expect(runners_[index]->now());
  // relaxed: see Progress.
  progress_.activity.store(activity, std::memory_order_relaxed);
  progress_.running.store(static_cast<int>(index), std::memory_order_relaxed);
}

void RateGroup::end() noexcept {
  // relaxed: see Progress.
  progress_.running.store(-1, std::memory_order_relaxed);
  progress_.expect_nothing();
}

void RateGroup::init() noexcept {
  bool succeeded = true;
  for (std::size_t i = 0; i < runners_.size() && succeeded; ++i) {
    begin(i, NodeActivity::kInit);
    succeeded = runners_[i]->init();
  }
  end();
}

void RateGroup::tick(TimePoint release, TimePoint now, Nanos gil_wait) noexcept {
  Predecessors before{.begun = now, .gil_wait = gil_wait, .free = free_};
  for (auto at = runners_.begin(); at != runners_.end(); ++at) {
    now = tick_one(at, release, now, before);
  }
  free_ = now;
  progress_.running.store(-1, std::memory_order_relaxed);  // relaxed: see Progress.
  if (gil_wait < Nanos{}) return;
  // Only now, see tick_due().
  for (auto& runner : runners_) runner->record_gil_wait(gil_wait);
}

void RateGroup::begin_grid(TimePoint epoch) noexcept {
  for (auto& runner : runners_) runner->begin_grid(epoch);
}

void RateGroup::prefetch() const noexcept {
  // More would push the first ones out of the cache again, and take too long.
  constexpr std::size_t kMost = 16;
  const std::span runners{runners_.data(), std::min(runners_.size(), kMost)};
  for (const auto& runner : runners) {
    runner->prefetch();
    // A node that was removed may be destroyed by now.
    if (!runner->gone()) runner->node().prefetch();
  }
  for (const auto& runner : runners) runner->prefetch_buckets();
}

TimePoint RateGroup::next_release() const noexcept {
  TimePoint next = RunControl::kNever;
  for (const auto& runner : runners_) next = std::min(next, runner->next());
  return next;
}

// hot, as all that a tick runs through: such functions lie side by side, on few pages.
[[gnu::hot]] BatchEnd RateGroup::tick_due(TimePoint now, TimePoint end, Nanos gil_wait) noexcept {
  const TimePoint begin = now;
  TimePoint next = RunControl::kNever;
  Predecessors before{.begun = now, .gil_wait = gil_wait, .free = free_};
  for (auto at = runners_.begin(); at != runners_.end(); ++at) {
    const TimePoint release = (*at)->take_release(begin, end);
    if (release != RunControl::kNever) now = tick_one(at, release, now, before);
    next = std::min(next, (*at)->next());
  }
  free_ = now;
  progress_.running.store(-1, std::memory_order_relaxed);  // relaxed: see Progress.
  if (gil_wait < Nanos{}) return {now, next};
  // Recorded after all ticks: before them it would delay the later nodes.
  for (auto& runner : runners_) {
    if (runner->released()) runner->record_gil_wait(gil_wait);
  }
  return {now, next};
}

inline TimePoint RateGroup::tick_one(Runners::iterator at, TimePoint release, TimePoint now,
                                     Predecessors& before) noexcept {
  NodeRunner& runner = **at;
  const bool last = at + 1 == runners_.end();
  // The next node's data has left the cache since its last release: fetch it during this tick.
  if (!last) at[1]->prefetch();
  const auto index = at - runners_.begin();
  // relaxed: see Progress.
  progress_.running.store(static_cast<int>(index), std::memory_order_relaxed);
  const TimePoint start = now;
  now = runner.undisturbed()
            ? runner.tick(release, now, before)
            : tick_disturbed(static_cast<std::size_t>(index), release, now, before);
  progress_.expect(now);
  if (!last && now - start > before.took) {
    before.took = now - start;
    before.longest = &runner;
  }
  return now;
}

/// A tick before which, or instead of which, something has to be done.
[[gnu::noinline]] TimePoint RateGroup::tick_disturbed(std::size_t index, TimePoint release,
                                                      TimePoint now,
                                                      const Predecessors& before) noexcept {
  NodeRunner& runner = *runners_[index];
  if (runner.safe_state_due()) {
    follow_safe_state(index);
    now = runner.now();
  }
  if (runner.restart_due(release) && !restart(index, now)) return now;
  return runner.run(release, now, before);
}

/// The init() of a restart is shown as such, because it may take longer than a tick.
bool RateGroup::restart(std::size_t index, TimePoint& now) noexcept {
  begin(index, NodeActivity::kInit);
  const bool restarted = runners_[index]->restart();
  now = runners_[index]->now();
  progress_.expect(now);
  progress_.activity.store(NodeActivity::kTick, std::memory_order_relaxed);  // relaxed: as above.
  return restarted;
}

void RateGroup::shutdown() noexcept {
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    begin(i, NodeActivity::kShutdown);
    runners_[i]->shutdown();
  }
  end();
}

void RateGroup::shut_down_others(std::atomic<const NodeRunner*>& calls) noexcept {
  // relaxed: see Progress.
  const int blocked = progress_.running.load(std::memory_order_relaxed);
  const auto is_blocked = [&](std::size_t i) { return static_cast<int>(i) == blocked; };
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    if (!is_blocked(i)) runners_[i]->bar();
  }
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    // The thread has come back: it shuts down its nodes itself.
    if (progress_.running.load(std::memory_order_relaxed) != blocked) break;
    if (is_blocked(i)) continue;
    calls.store(runners_[i].get(), std::memory_order_relaxed);  // relaxed: used in messages only.
    runners_[i]->shut_down_for();
  }
  calls.store(nullptr, std::memory_order_relaxed);
}

bool RateGroup::safe_state_due() const noexcept {
  return std::any_of(runners_.begin(), runners_.end(),
                     [](const auto& runner) { return runner->safe_state_due(); });
}

/// Shown as kSafeState, so that the watchdog does not take it for a tick.
void RateGroup::follow_safe_state(std::size_t index) noexcept {
  begin(index, NodeActivity::kSafeState);
  runners_[index]->follow_safe_state_itself();
  progress_.expect(runners_[index]->now());
  progress_.activity.store(NodeActivity::kTick, std::memory_order_relaxed);  // relaxed: as above.
}

void RateGroup::follow_safe_state() noexcept {
  // relaxed: see Progress.
  const auto expected = progress_.expected_since_ns.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < runners_.size(); ++i) follow_safe_state(i);
  end();
  if (expected == Progress::kNothingExpected) return;
  // The release that is waited for may have passed meanwhile; that is not the thread's silence.
  progress_.expect(std::max(from_ns(expected), runners_.front()->now()));
}

bool RateGroup::change_due() const noexcept {
  return std::any_of(runners_.begin(), runners_.end(),
                     [](const auto& runner) { return runner->change_due(); });
}

void RateGroup::follow_changes() noexcept {
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    if (!runners_[i]->change_due()) continue;
    begin(i, NodeActivity::kShutdown);
    runners_[i]->follow_change();
  }
  end();
  progress_.activity.store(NodeActivity::kTick, std::memory_order_relaxed);  // relaxed: as above.
}

bool RateGroup::empty() const noexcept {
  return std::all_of(runners_.begin(), runners_.end(),
                     [](const auto& runner) { return runner->gone(); });
}

bool RateGroup::resting(TimePoint now) const noexcept {
  return std::all_of(runners_.begin(), runners_.end(),
                     [now](const auto& runner) { return runner->resumes_at() > now; });
}

}  // namespace horus

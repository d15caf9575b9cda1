// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "rt/node_runner.hpp"

namespace horus {

/// What a watchdog sees of one executor thread.
///
/// Thread safety: written by the executor, read by any thread.
struct Progress {
  static constexpr std::int64_t kNothingOwed = std::numeric_limits<std::int64_t>::max();

  /// Since when the thread owes a sign of life: the start of the running tick, or the release that
  /// is waited for. kNothingOwed: idle for lack of events, not started, or ended.
  std::atomic<std::int64_t> owed_since_ns{kNothingOwed};
  /// The index in the group of the node that runs; -1: none.
  std::atomic<int> running{-1};
  /// Where in its life the thread is: what of the running node's runs. kNone: before and after.
  std::atomic<NodeActivity> activity{NodeActivity::kNone};

  // relaxed throughout: the watchdog compares numbers; nothing is published through them.
  void owe(TimePoint since) noexcept {
    owed_since_ns.store(to_ns(since), std::memory_order_relaxed);
  }
  /// The same, where the last tick ended before `since`.
  void owe_next(TimePoint since) noexcept {
    const std::int64_t owed = owed_since_ns.load(std::memory_order_relaxed);
    if (owed == kNothingOwed || owed < to_ns(since)) owe(since);
  }
  /// For another thread: what is owed is owed from `now` on, where it was owed since before.
  void forgive(TimePoint now) noexcept {
    std::int64_t since = owed_since_ns.load(std::memory_order_relaxed);
    if (since >= to_ns(now)) return;
    owed_since_ns.compare_exchange_strong(since, to_ns(now), std::memory_order_relaxed);
  }
  void owe_nothing() noexcept { owed_since_ns.store(kNothingOwed, std::memory_order_relaxed); }
};

/// What is known once a batch of ticks is over, so that nobody has to find it out again.
struct BatchEnd {
  TimePoint at{};    ///< When its last tick ended.
  TimePoint next{};  ///< The first release of any node that is to come.
};

/// The nodes of one thread, ticked one after the other in their order.
///
/// Thread safety: as NodeRunner.
class RateGroup {
 public:
  /// `runners` in the order in which they tick.
  explicit RateGroup(std::vector<std::unique_ptr<NodeRunner>> runners);

  /// Stops at the first node that fails.
  void init() noexcept;
  /// RT-safe as far as the nodes are. `now`: the clock's time, when the first node starts; each
  /// other one starts when the one before it has ended. `gil_wait` below 0: there is no GIL.
  void tick(TimePoint release, TimePoint now, Nanos gil_wait) noexcept;
  /// RT-safe. Every node's grid begins at `epoch`.
  void begin_grid(TimePoint epoch) noexcept;
  /// RT-safe. The first release of any node that is to come.
  TimePoint next_release() const noexcept;
  /// RT-safe as far as the nodes are. The same as tick(), of those whose release has come, each at
  /// its own; none at or after `end`.
  BatchEnd tick_due(TimePoint now, TimePoint end, Nanos gil_wait) noexcept;
  void shutdown() noexcept;
  /// From another thread: shuts down all but the node that runs, whose thread is blocked in it.
  /// `calls`: whose shutdown() it is in.
  void shut_down_others(std::atomic<const NodeRunner*>& calls) noexcept;

  /// RT-safe. No node has something to be seen to: nothing of the next two, at least.
  bool undisturbed() const noexcept {
    for (const auto& runner : runners_) {
      if (!runner->undisturbed()) return false;
    }
    return true;
  }
  /// RT-safe. Whether some node has not followed the last request for safe state.
  bool safe_state_due() const noexcept;
  /// RT-safe as far as the nodes are. On the group's own thread.
  void follow_safe_state() noexcept;
  /// RT-safe. Whether some node is to leave, or to have another rate.
  bool change_due() const noexcept;
  void follow_changes() noexcept;
  /// Whether every node has left.
  bool empty() const noexcept;
  /// True while every node rests until after `now`.
  bool resting(TimePoint now) const noexcept;

  Progress& progress() noexcept { return progress_; }
  const Progress& progress() const noexcept { return progress_; }
  const std::vector<std::unique_ptr<NodeRunner>>& runners() const noexcept { return runners_; }

 private:
  using Runners = std::vector<std::unique_ptr<NodeRunner>>;

  void begin(std::size_t index, NodeActivity activity) noexcept;
  bool restart(std::size_t index, TimePoint& now) noexcept;
  TimePoint tick_one(Runners::iterator at, TimePoint release, TimePoint now,
                     Predecessors& before) noexcept;
  TimePoint tick_disturbed(std::size_t index, TimePoint release, TimePoint now,
                           const Predecessors& before) noexcept;
  void follow_safe_state(std::size_t index) noexcept;
  void end() noexcept;

  Runners runners_;
  Progress progress_;
  TimePoint free_{};  // When the latest ticks were done.
};

}  // namespace horus

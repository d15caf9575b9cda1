// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "rt/node_runner.hpp"

namespace horus {

/// The signs of life of one executor thread, for the watchdog.
///
/// Thread safety: written by the executor, read by any thread. forgive() from any thread.
struct Progress {
  static constexpr std::int64_t kNothingExpected = std::numeric_limits<std::int64_t>::max();

  /// The instant from which the thread's silence counts: the start of the running callback, the end
  /// of the latest tick, or the release that is waited for. kNothingExpected: silence means
  /// nothing, because the thread waits for an event, has not started or has ended.
  std::atomic<std::int64_t> expected_since_ns{kNothingExpected};
  /// The index in the group of the node whose callback runs; -1: none.
  std::atomic<int> running{-1};
  /// The callback that runs or comes next. kNone: before the inits and after the shutdowns.
  std::atomic<NodeActivity> activity{NodeActivity::kNone};

  // relaxed throughout: the watchdog compares numbers; nothing is published through them.
  /// Silence counts from `since`.
  void expect(TimePoint since) noexcept {
    expected_since_ns.store(to_ns(since), std::memory_order_relaxed);
  }
  /// Silence counts from the release `since`, or from the end of the last tick if that was later.
  void expect_next(TimePoint since) noexcept {
    const std::int64_t expected = expected_since_ns.load(std::memory_order_relaxed);
    if (expected == kNothingExpected || expected < to_ns(since)) expect(since);
  }
  /// Called by another thread: silence before `now` no longer counts.
  void forgive(TimePoint now) noexcept {
    std::int64_t since = expected_since_ns.load(std::memory_order_relaxed);
    if (since >= to_ns(now)) return;
    // Fails if the executor has moved meanwhile: then there is nothing to forgive.
    expected_since_ns.compare_exchange_strong(since, to_ns(now), std::memory_order_relaxed);
  }
  /// Silence means nothing.
  void expect_nothing() noexcept {
    expected_since_ns.store(kNothingExpected, std::memory_order_relaxed);
  }
};

/// The result of a batch of ticks. It saves the executor a look at the clock and at the nodes.
struct BatchEnd {
  TimePoint at{};    ///< When the last tick ended.
  TimePoint next{};  ///< The earliest next release of all nodes.
};

/// The nodes of one thread, ticked one after the other.
///
/// Thread safety: all calls from the group's own thread, except shut_down_others(), progress() and
/// runners(), which may come from any thread.
class RateGroup {
 public:
  /// `runners` in the order in which they tick.
  explicit RateGroup(std::vector<std::unique_ptr<NodeRunner>> runners);

  /// Runs every init(), in order. Stops at the first node that fails.
  void init() noexcept;
  /// RT-safe as far as the nodes are. Ticks all nodes for `release`. `now` is the present time and
  /// the start of the first tick; each other tick starts when the one before it has ended.
  /// `gil_wait` is the wait for the GIL before the batch; negative: there is no GIL.
  void tick(TimePoint release, TimePoint now, Nanos gil_wait) noexcept;
  /// RT-safe. The first release of every node is `epoch`.
  void begin_grid(TimePoint epoch) noexcept;
  /// RT-safe. The earliest next release of all nodes; RunControl::kNever when there is none.
  TimePoint next_release() const noexcept;
  /// RT-safe. Fetches into the cache what the ticks will touch. Takes about a microsecond, which
  /// the thread has when it is awake before the release.
  void prefetch() const noexcept;
  /// RT-safe as far as the nodes are. As tick(), but ticks only the nodes whose release has come,
  /// each for its own release. Releases at or after `end` are not ticked.
  BatchEnd tick_due(TimePoint now, TimePoint end, Nanos gil_wait) noexcept;
  /// Runs every shutdown(), in order.
  void shutdown() noexcept;
  /// Called from another thread while this group's thread is blocked in one node: runs the
  /// shutdown() of all other nodes. `calls` shows the node whose shutdown() is running; null: none.
  void shut_down_others(std::atomic<const NodeRunner*>& calls) noexcept;

  /// RT-safe. True when no node needs anything before its next tick; then neither
  /// safe_state_due() nor change_due() holds.
  bool undisturbed() const noexcept {
    for (const auto& runner : runners_) {
      if (!runner->undisturbed()) return false;
    }
    return true;
  }
  /// RT-safe. Whether some node has not yet followed the latest rest or release of the run.
  bool safe_state_due() const noexcept;
  /// RT-safe as far as the nodes are. Lets each node follow it: see
  /// NodeRunner::follow_safe_state().
  void follow_safe_state() noexcept;
  /// RT-safe. Whether some node is to be removed, or to get another rate.
  bool change_due() const noexcept;
  /// Removes such nodes, and changes such rates.
  void follow_changes() noexcept;
  /// Whether every node was removed.
  bool empty() const noexcept;
  /// Whether every node rests after failures until later than `now`.
  bool resting(TimePoint now) const noexcept;

  Progress& progress() noexcept { return progress_; }
  const Progress& progress() const noexcept { return progress_; }
  const std::vector<std::unique_ptr<NodeRunner>>& runners() const noexcept { return runners_; }

 private:
  using Runners = std::vector<std::unique_ptr<NodeRunner>>;

  /// Notes in progress_ that a callback of a node begins; end() that none runs.
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
  TimePoint free_{};  // When the latest batch of ticks was over.
};

}  // namespace horus

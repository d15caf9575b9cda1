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

  // relaxed throughout: the watchdog compares numbers; nothing is published through them.
  void owe(TimePoint since) noexcept {
    owed_since_ns.store(to_ns(since), std::memory_order_relaxed);
  }
  void owe_nothing() noexcept { owed_since_ns.store(kNothingOwed, std::memory_order_relaxed); }
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
  /// RT-safe.
  void skip(std::uint64_t count) noexcept;
  void shutdown() noexcept;

  /// RT-safe. Whether some node has not followed the last request for safe state.
  bool safe_state_due() const noexcept;
  /// RT-safe as far as the nodes are.
  void follow_safe_state() noexcept;
  /// True while every node rests until after `now`.
  bool resting(TimePoint now) const noexcept;

  Progress& progress() noexcept { return progress_; }
  const Progress& progress() const noexcept { return progress_; }
  const std::vector<std::unique_ptr<NodeRunner>>& runners() const noexcept { return runners_; }

 private:
  std::vector<std::unique_ptr<NodeRunner>> runners_;
  Progress progress_;
};

}  // namespace horus

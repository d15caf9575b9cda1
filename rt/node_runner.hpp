// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/failure_policy.hpp"
#include "rt/log_queue.hpp"
#include "rt/node.hpp"
#include "rt/node_config.hpp"
#include "rt/run_control.hpp"

namespace horus {

/// Says "this happened" at most once a second, with how often it was left out since.
class LogLimit {
 public:
  /// Nothing to say now; otherwise how many were left out before this one.
  std::optional<std::uint64_t> admit(TimePoint now) noexcept;

 private:
  std::optional<TimePoint> last_;
  std::uint64_t suppressed_ = 0;
};

/// What a runner needs of its scheduler.
struct RunnerContext {
  Clock& clock;
  RunControl& control;
  GroupHook* hook = nullptr;    ///< Of its thread; may be null.
  int max_deadline_misses = 0;  ///< In a row; then safe state for all. 0: no limit.
  LogChannel* log = nullptr;    ///< The one that the node's thread logs through. May be null.
};

/// Runs one node: measures, ticks, judges, counts, and applies the policies. The one place where
/// a node's exceptions end.
///
/// Thread safety: set_budget(), isolate() and isolated() from any thread, the rest on the
/// node's own.
class NodeRunner {
 public:
  /// `node`, `stats` and what `context` refers to outlive the runner. Fills the fixed part of
  /// `stats`.
  NodeRunner(Node& node, const NodeConfig& config, NodeStats& stats, const RunnerContext& context);
  NodeRunner(const NodeRunner&) = delete;
  NodeRunner& operator=(const NodeRunner&) = delete;

  /// False when the node's init() threw; the run is then stopped.
  bool init() noexcept;
  /// RT-safe as far as the node is. One release, at `now`: a tick, or a skip where a policy says
  /// so. Returns the clock's time, so that nobody reads it twice: when the tick ended, or `now`.
  TimePoint run(TimePoint release, TimePoint now) noexcept;
  /// RT-safe. `count` releases before the next run() were given up.
  void skip(std::uint64_t count) noexcept;
  /// RT-safe. How long the thread waited for the GIL before this batch.
  void record_gil_wait(Nanos wait) noexcept;
  /// Calls the node's shutdown() if its init() had succeeded.
  void shutdown() noexcept;

  /// RT-safe. Whether safe state was asked for that this node has not followed.
  bool safe_state_due() const noexcept { return safe_episodes_ != control_.safe_episodes(); }
  /// RT-safe as far as the node is. Calls enter_safe_state() if it is due.
  void follow_safe_state() noexcept;

  /// From the next release on.
  void set_budget(Nanos execution) noexcept;
  /// Never ticks again. Brings the node's actuators to rest.
  void isolate() noexcept;
  bool isolated() const noexcept {
    // relaxed: a flag on its own.
    return isolated_.load(std::memory_order_relaxed);
  }
  /// Not before this instant will run() do anything.
  TimePoint resumes_at() const noexcept { return resume_at_; }

  const NodeConfig& config() const noexcept { return config_; }
  NodeStats& stats() noexcept { return stats_; }
  const NodeStats& stats() const noexcept { return stats_; }
  Node& node() noexcept { return node_; }

 private:
  template <typename Call>
  bool guarded(Call call) noexcept;
  void keep_error(std::string_view text) noexcept;
  void log_as(const LogSource* source) noexcept {
    if (log_ != nullptr) log_->source = source;
  }
  TimePoint tick(TimePoint release, TimePoint start) noexcept;
  /// Nothing is to be looked at before the tick.
  bool ordinary(TimePoint release) const noexcept {
    return !isolated() && release >= resume_at_ && !skip_next_ && !restart_pending_ &&
           !safe_state_due();
  }
  bool may_tick(TimePoint release, TimePoint& now) noexcept;
  void count(const TickTiming& timing, const Verdict& verdict) noexcept;
  TimePoint follow(const TickTiming& timing, bool missed, bool succeeded) noexcept;
  void count_loss(const TickLoss& loss) noexcept;
  void count_skipped_responses(const TickTiming& timing) noexcept;
  void follow_miss(const TickTiming& timing) noexcept;
  void follow_failure(TimePoint now) noexcept;
  void say_failure(TimePoint now, FailureAction action) noexcept;

  // What every tick reads comes first, on as few cache lines as it takes.
  Node& node_;
  NodeStats& stats_;
  Clock& clock_;
  RunControl& control_;
  LogChannel* const log_;
  GroupHook* const hook_;
  LogSource source_;  // Its tick is the number of the next one.
  const Nanos period_;
  Budget budget_;
  std::atomic<std::int64_t> wanted_budget_ns_;
  TimePoint resume_at_{};
  std::uint64_t owed_responses_ = 0;  // Skips whose response the next tick will tell.
  std::uint32_t safe_episodes_ = 0;   // Of the control's, those that this node has followed.
  std::atomic<bool> isolated_{false};
  bool initialised_ = false;
  bool in_miss_episode_ = false;
  bool skip_next_ = false;
  bool restart_pending_ = false;
  FailureRecord failures_{};
  const int max_deadline_misses_;
  const NodeConfig config_;
  LogLimit miss_log_;
  LogLimit failure_log_;
  Name<384> error_{};
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/event_log.hpp"
#include "rt/node.hpp"
#include "rt/node_config.hpp"
#include "rt/rt_profile.hpp"
#include "rt/stop.hpp"

namespace horus {

/// Where a scheduler writes its statistics: a shared page, or the heap. `nodes` has one entry
/// per added node, in the order they were added.
struct StatsBlock {
  HostStats* host = nullptr;
  std::span<NodeStats> nodes{};
};

/// Makes the hook of each executor thread.
class HookFactory {
 public:
  virtual ~HookFactory() = default;
  /// May return null: nothing to do around the ticks.
  virtual std::unique_ptr<GroupHook> make(const ThreadRole& role) = 0;
};

struct SchedulerOptions {
  RtProfile profile{};
  /// The longest lead before a release, to be spun away; 0 saves power: sleep only. Nothing: only
  /// where a node asked for real time or has a short deadline, see spin_policy.hpp.
  std::optional<Nanos> spin_limit = {};
  Nanos watchdog{};  ///< An executor's silence that is a warning; 0: ten periods, at least 100 ms.
  int max_deadline_misses = 0;  ///< In a row, of one node; then safe state for all. 0: no limit.
  CpuSet watchdog_cpus{};       ///< Where the watchdog and the log's drain thread run; empty: any.
  std::size_t stack_size = 2U << 20U;  ///< Of an executor thread; all of it is locked if memory is.
  HookFactory* hooks = nullptr;        ///< Outlives the scheduler.
  LogSink* log = nullptr;              ///< Outlives the scheduler. Null: stderr.
};

/// Plans nodes onto threads and runs them. One epoch; every node's releases lie on
/// epoch + k * period.
///
/// Thread safety: add() before start() from one thread; request_stop() from any thread and
/// signal handlers; the rest as said.
class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options, Clock& clock = system_clock());
  ~Scheduler();  ///< Stops and joins.
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// `node` outlives the scheduler; `wake` is required for event nodes. Fails with what
  /// validate() refuses, or a duplicate name.
  Status add(Node& node, const NodeConfig& config, WakeSource* wake = nullptr);
  std::size_t size() const noexcept;

  /// Checks the plan, starts the threads with policy, CPUs and stack set before they run, runs
  /// every init(), and returns once the first release is due. `stats` has size() nodes, zeroed
  /// or carried over from an earlier life, and outlives the scheduler. A failed init() is
  /// reported by wait().
  Status start(StatsBlock stats);

  /// Waits until stopped, at most `duration` counted from the epoch; then stops: the running
  /// ticks end, every shutdown() runs on its node's thread, threads are joined. Nodes tick at
  /// all releases before epoch + duration.
  StopReport wait(std::optional<Nanos> duration = {});

  /// RT-safe and async-signal-safe.
  void request_stop() noexcept;

  /// True once each periodic node has ticked (or five seconds of its grid have passed).
  bool ready() const noexcept;
  /// True while every executor moves: it has ticked, or waits for a release that is not overdue
  /// by its hard limit, or is idle for lack of events. From any thread.
  bool alive() const noexcept;
  /// How often the watchdog found an executor silent for its limit. From any thread.
  std::uint64_t watchdog_expirations() const noexcept;
  TimePoint epoch() const noexcept;
  Clock& clock() const noexcept;

  /// Takes effect at the node's next release. From any thread. kNotFound for an unknown name.
  Status set_budget(std::string_view node, Nanos execution) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace horus

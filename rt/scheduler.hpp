// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rt/base/black_box.hpp"
#include "rt/base/late_ticks.hpp"
#include "rt/base/outputs.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/event_log.hpp"
#include "rt/node.hpp"
#include "rt/node_config.hpp"
#include "rt/rt_profile.hpp"
#include "rt/run_guard.hpp"
#include "rt/safety.hpp"
#include "rt/stop.hpp"

namespace horus {

/// Where a scheduler writes its statistics: a shared page, or the heap. `nodes` has one entry
/// per added node, in the order they were added.
struct StatsBlock {
  HostStats* host = nullptr;
  std::span<NodeStats> nodes{};
  std::span<LateTicks> late{};  ///< As many, or none: then no late ticks are kept.
  StopWord* stop = nullptr;     ///< By which others learn of an emergency stop here. May be null.
  /// The stops of others that are obeyed. May be null.
  const StopWords* others = nullptr;
  BlackBox* box = nullptr;  ///< Null: no events are kept. Outlives the scheduler.
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
  Nanos watchdog{};    ///< An executor's silence that is a warning; 0: see silence_limit().
  Nanos first_tick{};  ///< A node's first tick has at least so long.
  std::optional<Nanos> hang_timeout = {};  ///< See WatchdogOptions.
  bool isolates_by_default = true;         ///< See WatchdogOptions.
  /// How long a stop waits for callbacks; then RunGuard::give_up(). 0: for ever.
  Nanos stop_timeout{};
  int max_deadline_misses = 0;  ///< In a row, of one node; then safe state for all. 0: no limit.
  CpuSet watchdog_cpus{};       ///< Where the watchdog and the log's drain thread run; empty: any.
  std::size_t stack_size = 2U << 20U;  ///< Of an executor thread; all of it is locked if memory is.
  HookFactory* hooks = nullptr;        ///< Outlives the scheduler.
  LogSink* log = nullptr;              ///< Outlives the scheduler. Null: stderr.
  RunGuard* guard = nullptr;           ///< Outlives the scheduler.
  Outputs* outputs = nullptr;          ///< Outlives the scheduler.
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
  /// True until a node is silent for so long that it is isolated. From any thread.
  bool alive() const noexcept;
  /// How often the watchdog found an executor silent for its limit. From any thread.
  std::uint64_t watchdog_expirations() const noexcept;
  TimePoint epoch() const noexcept;
  Clock& clock() const noexcept;

  /// RT-safe, and async-signal-safe. The emergency stop of the robot: see Safety.
  void estop(StopCause cause, std::string_view text) noexcept;
  /// At rest or not, and why; with the instant of the look, for release().
  Safety& safety() noexcept;
  /// kBusy where a node is the reason for a stop yet: see NodeRunner. From any thread.
  Status may_be_released() const noexcept;
  /// The run may be armed again: each node leaves its safe state. From any thread. Fails where
  /// something asked for rest since `seen`.
  Status release(Safety::View seen) noexcept;
  /// Of one actuator, or of all where `node` is empty. From any thread. kNotFound for an unknown
  /// name, kBusy with the reason where one may not be armed: then none is.
  Status arm(std::string_view node) noexcept;
  Status disarm(std::string_view node) noexcept;

  /// Takes effect at the node's next release. From any thread. kNotFound for an unknown name.
  Status set_budget(std::string_view node, Nanos execution) noexcept;
  /// Rate, budget, deadline and watchdog of the node of that name become those of `config` between
  /// two of its ticks; it stays on its thread. From any thread. Fails with what validate()
  /// refuses, kNotFound for an unknown name.
  Status update(const NodeConfig& config) noexcept;
  /// The node shuts down between two of its ticks, on its thread, and ticks no more; the others go
  /// on. Node::removed() follows. From any thread. kNotFound for an unknown name.
  Status remove(std::string_view node) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace horus

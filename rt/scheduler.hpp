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

/// The memory into which a scheduler writes its statistics: a shared page, or the heap. All of it
/// outlives the scheduler.
struct StatsBlock {
  HostStats* host = nullptr;          ///< Statistics of the host. May be null.
  std::span<NodeStats> nodes{};       ///< One per added node, in the order of add().
  std::span<LateTicks> late{};        ///< One per added node, or empty: no late ticks are kept.
  StopWord* stop = nullptr;           ///< Tells other hosts of emergency stops here. May be null.
  const StopWords* others = nullptr;  ///< Other hosts whose stops are obeyed here. May be null.
  BlackBox* box = nullptr;            ///< Where events are kept; null: nowhere.
};

/// Makes the hook of each executor thread.
class HookFactory {
 public:
  virtual ~HookFactory() = default;
  /// Called by Scheduler::start(), once per executor thread. May return null: the thread then needs
  /// no hook.
  virtual std::unique_ptr<GroupHook> make(const ThreadRole& role) = 0;
};

/// How a scheduler runs its nodes. The defaults need no rights and suit tests and tools.
struct SchedulerOptions {
  RtProfile profile{};  ///< Real-time settings; here `fifo`, `priority_ceiling` and `cpus` count.
  /// The longest spin before a release (RT-3). 0: threads only sleep, which saves power. Nothing:
  /// a thread spins only if one of its nodes asked for real time or has a short deadline, see
  /// spin_policy.hpp.
  std::optional<Nanos> spin_limit = {};
  Nanos watchdog{};    ///< Silence of a node after which a warning is logged; 0: silence_limit().
  Nanos first_tick{};  ///< A node's first tick may be silent for at least this long.
  std::optional<Nanos> hang_timeout = {};  ///< See WatchdogOptions.
  bool isolates_by_default = true;         ///< See WatchdogOptions.
  /// How long a stop waits for callbacks before it calls RunGuard::give_up(). 0: for ever.
  Nanos stop_timeout{};
  /// So many deadline misses of one node in a row put all nodes into safe state. 0: no limit.
  int max_deadline_misses = 0;
  CpuSet watchdog_cpus{};  ///< CPUs of the watchdog and other helper threads; empty: any.
  std::size_t stack_size = 2U << 20U;  ///< Of an executor thread. Locked memory locks all of it.
  HookFactory* hooks = nullptr;        ///< Outlives the scheduler. Null: no hooks.
  LogSink* log = nullptr;              ///< Outlives the scheduler. Null: stderr.
  RunGuard* guard = nullptr;           ///< Outlives the scheduler. Null: nobody is told of hangs.
  Outputs* outputs = nullptr;          ///< Outlives the scheduler. Null: nobody is told.
};

/// Plans nodes onto threads and runs them. All nodes of a run share one epoch: their releases are
/// at epoch + k * period. Use: add() each node, start(), wait(). A scheduler runs once.
///
/// Thread safety: add(), start() and wait() from one thread. request_stop() and estop() from any
/// thread and from signal handlers. All other calls from any thread; only those that say so are
/// RT-safe.
class Scheduler {
 public:
  /// `clock` outlives the scheduler.
  explicit Scheduler(SchedulerOptions options, Clock& clock = system_clock());
  ~Scheduler();  ///< Stops the run and joins its threads.
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Adds a node, before start(). `node` and `wake` outlive the scheduler. `wake` is required for
  /// event nodes, and ignored for others.
  /// \errors kInvalidArgument: what validate() refuses, a name that is taken, or no `wake`.
  Status add(Node& node, const NodeConfig& config, WakeSource* wake = nullptr);
  /// How many nodes were added.
  std::size_t size() const noexcept;

  /// Plans the nodes onto threads, starts the threads, runs every init(), and returns at the epoch,
  /// when the first release is due. `stats.nodes` has size() entries, zeroed or carried over from
  /// an earlier life. If an init() fails, start() succeeds, no node ticks, and wait() reports it.
  /// \errors those of make_plan() and RtThread::start().
  Status start(StatsBlock stats);

  /// Waits until the run stops, then ends it: running ticks finish, every shutdown() runs, threads
  /// are joined. With `duration` the run stops by itself at epoch + duration; nodes tick at all
  /// releases before that. Returns why the run stopped.
  StopReport wait(std::optional<Nanos> duration = {});

  /// RT-safe and async-signal-safe. The run stops; sleeping executors notice within 100 ms (RT-4).
  void request_stop() noexcept;

  /// True once each periodic node has ticked. A slow node delays this by at most five seconds from
  /// the epoch.
  bool ready() const noexcept;
  /// False while a node is silent for so long that it is isolated (RT-8).
  bool alive() const noexcept;
  /// How often the watchdog found an executor silent for its limit.
  std::uint64_t watchdog_expirations() const noexcept;
  /// Release 0 of every node; zero before start() has fixed it.
  TimePoint epoch() const noexcept;
  Clock& clock() const noexcept;

  /// RT-safe and async-signal-safe. Requests the emergency stop of the whole robot, see Safety.
  void estop(StopCause cause, std::string_view text) noexcept;
  /// Whether the run is at rest, and why. Its look() is the argument of release().
  Safety& safety() noexcept;
  /// Whether nothing speaks against a release.
  /// \errors kBusy: a critical node does not serve, or an input whose fallback is a stop is stale
  /// (RT-15).
  Status may_be_released() const noexcept;
  /// Ends the rest that the caller has seen: each node leaves its safe state, actuators stay
  /// disarmed. Does not ask may_be_released().
  /// \errors kBusy: a stop or safe state was requested after `seen` was taken.
  Status release(Safety::View seen) noexcept;
  /// Arms one actuator, or all if `node` is empty. If one of them may not be armed, none stays
  /// armed.
  /// \errors kNotFound: no such node; kBusy: one may not be armed, the text says why.
  Status arm(std::string_view node) noexcept;
  /// Disarms one actuator, or all if `node` is empty.
  /// \errors kNotFound: no such node.
  Status disarm(std::string_view node) noexcept;

  /// Changes the execution budget of a node from its next release on.
  /// \errors kNotFound: no such node; kInvalidArgument: not above 0, or above the period.
  Status set_budget(std::string_view node, Nanos execution) noexcept;
  /// Changes rate, budget, deadline and watchdog limit of the node named in `config` to those of
  /// `config`, between two of its ticks. Everything else in `config` is ignored. The node stays on
  /// its thread (RT-11).
  /// \errors kInvalidArgument: what validate() refuses; kNotFound: no such node.
  Status update(const NodeConfig& config) noexcept;
  /// Removes a node, between two of its ticks: its shutdown() and Node::removed() run on its
  /// thread, and it never ticks again. The other nodes go on. Returns before that has happened.
  /// \errors kNotFound: no such node.
  Status remove(std::string_view node) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace horus

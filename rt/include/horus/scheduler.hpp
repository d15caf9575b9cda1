// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <horus/log.hpp>
#include <horus/node.hpp>
#include <horus/realtime.hpp>
#include <horus/result.hpp>
#include <horus/text.hpp>
#include <horus/time.hpp>

/// A scheduler for a program of your own. Nodes of plug-ins need none: horusd has it.
///
///   Motor motor;
///   horus::Scheduler scheduler{{}};
///   horus::or_throw(scheduler.add(motor, {.name = horus::NodeName::clipped("motor"),
///                                         .rate = horus::Rate::from_hz(1000)}));
///   horus::or_throw(scheduler.start());
///   scheduler.wait(10s);
///   std::printf("%llu misses\n", scheduler.counts("motor")->missed);

namespace horus {

class Clock;
class HookFactory;
class Outputs;
class RunGuard;
class Safety;
struct StatsBlock;
enum class StopCause : std::uint32_t;

/// Why a run stopped.
enum class StopReason : std::uint8_t {
  kRequested,    ///< request_stop().
  kDuration,     ///< The given time is over.
  kMissPolicy,   ///< A node with on_miss = stop missed its deadline.
  kNodeFailure,  ///< A node with failure policy fatal threw; or one with restart, too often.
  kNotStarted,   ///< A node's init() threw.
};

/// The reason in words, for messages.
constexpr auto words_of(StopReason /*any*/) noexcept {
  return words_in_order<StopReason>("asked to", "the time is over",
                                    "missed its deadline, and its policy is to stop",
                                    "failed, and its policy is fatal", "did not start");
}

/// Why a run stopped, with the node that caused it.
struct StopReport {
  StopReason reason = StopReason::kRequested;
  std::string node;   ///< The node that caused the stop; empty: none did.
  std::string error;  ///< what() of its exception, or another detail; may be empty.
};

/// How a scheduler runs its nodes. The defaults need no rights and suit tests and tools.
struct SchedulerOptions {
  RtProfile profile{};  ///< Real-time settings; here `fifo`, `priority_ceiling` and `cpus` count.
  /// The longest spin before a release (RT-3). 0: threads only sleep, which saves power. Nothing:
  /// a thread spins only if one of its nodes asked for real time or has a short deadline.
  std::optional<Nanos> spin_limit = {};
  /// Silence of a node after which a warning is logged; after three times that it is isolated. 0: a
  /// limit that follows from the node's period.
  Nanos watchdog{};
  Nanos first_tick{};  ///< A node's first tick may be silent for at least this long.
  /// How long after its limit a silent node counts as lost: if it is critical, that is an emergency
  /// stop. Nothing: 10 s, and never for compute nodes.
  std::optional<Nanos> hang_timeout = {};
  /// False: nodes without a `watchdog` of their own are not isolated, because a default is a guess.
  /// That is always so for compute nodes.
  bool isolates_by_default = true;
  /// How long a stop waits for callbacks before it tells `guard` that they are lost. 0: for ever.
  Nanos stop_timeout{};
  /// So many deadline misses of one node in a row put all nodes into safe state. 0: no limit.
  int max_deadline_misses = 0;
  CpuSet watchdog_cpus{};  ///< CPUs of the watchdog and other helper threads; empty: any.
  std::size_t stack_size = 2U << 20U;  ///< Of an executor thread. Locked memory locks all of it.
  LogSink* log = nullptr;              ///< Outlives the scheduler. Null: stderr.

  // For the hosts of HORUS itself, as below in Scheduler. Each may be null, and outlives the
  // scheduler.
  HookFactory* hooks = nullptr;  ///< Takes the GIL around the ticks of Python nodes.
  RunGuard* guard = nullptr;     ///< Told of callbacks that do not return.
  Outputs* outputs = nullptr;  ///< Told which nodes are isolated, so that their readers fall back.
};

/// Whether a run is at rest, at one instant.
struct Rest {
  static constexpr std::uint64_t kResting = 1;
  static constexpr std::uint64_t kEstopped = 2;
  static constexpr int kEpisodeAt = 2;
  static constexpr std::uint64_t kEpisodes = (std::uint64_t{1} << 31U) - 1;

  std::uint64_t word = 0;  ///< The bits above, and in the highest 31 a count of requests.
  /// The run is at rest: by a fault or by an emergency stop.
  bool resting() const noexcept { return (word & kResting) != 0; }
  /// The run is at rest by an emergency stop.
  bool stopped() const noexcept { return (word & kEstopped) != 0; }
  /// Grows by one with each rest and each release, so it is odd while at rest.
  std::uint32_t episode() const noexcept {
    return static_cast<std::uint32_t>((word >> kEpisodeAt) & kEpisodes);
  }
};

/// What one node has done since its scheduler started.
struct TickCounts {
  std::uint64_t ticks = 0;
  std::uint64_t missed = 0;    ///< Ticks that ended after their deadline.
  std::uint64_t overruns = 0;  ///< Ticks that took longer than their budget.
  std::uint64_t skipped = 0;   ///< Releases without a tick: it was late, at rest, or isolated.
  std::uint64_t failures = 0;  ///< Callbacks that threw: init(), tick() or shutdown().
};

/// Plans nodes onto threads and runs them. All nodes of a run share one epoch: their releases are
/// at epoch + k * period. Use: add() each node, start(), wait(). A scheduler runs once.
///
/// Thread safety: add(), start() and wait() from one thread. request_stop() and estop() from any
/// thread and from signal handlers. All other calls from any thread; only those that say so are
/// RT-safe.
class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options);
  ~Scheduler();  ///< Stops the run and joins its threads.
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Adds a node, before start(). `node` and `wake` outlive the scheduler. `wake` is required for
  /// event nodes, and ignored for others.
  /// \errors kInvalidArgument: a limit of NodeConfig, a name that is taken, or no `wake`.
  Status add(Node& node, const NodeConfig& config, WakeSource* wake = nullptr);
  /// How many nodes were added.
  std::size_t size() const noexcept;

  /// Plans the nodes onto threads, starts the threads, runs every init(), and returns at the epoch,
  /// when the first release is due. If an init() fails, start() succeeds, no node ticks, and wait()
  /// reports it.
  /// \errors kInvalidArgument: a CPU that the process may not use; kExhausted, kPermission: the
  /// kernel refuses a thread.
  Status start();

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
  /// What a node has done since start(), removed ones too; nothing for another name or before that.
  std::optional<TickCounts> counts(std::string_view node) const noexcept;

  /// RT-safe and async-signal-safe. Requests the emergency stop of the whole robot. Its outputs are
  /// shut when the call returns. It holds until release(). `why` is cut after 159 bytes.
  void estop(std::string_view why) noexcept;
  /// Whether the run is at rest. The argument of release().
  Rest rest() const noexcept;
  /// Why the run is at rest, for people; empty when it is not, or just came to it. Allocates.
  std::string rest_reason() const;
  /// Whether nothing speaks against a release.
  /// \errors kBusy: a critical node does not serve, or an input whose fallback is a stop is stale
  /// (RT-15).
  Status may_be_released() const noexcept;
  /// Ends the rest that the caller has seen: each node leaves its safe state, actuators stay
  /// disarmed. Does not ask may_be_released().
  /// \errors kBusy: a stop or safe state was requested after `seen` was taken.
  Status release(Rest seen) noexcept;
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
  /// \errors kInvalidArgument: a limit of NodeConfig; kNotFound: no such node.
  Status update(const NodeConfig& config) noexcept;
  /// Removes a node, between two of its ticks: its shutdown() and Node::removed() run on its
  /// thread, and it never ticks again. The other nodes go on. Returns before that has happened.
  /// \errors kNotFound: no such node.
  Status remove(std::string_view node) noexcept;

  // For the hosts of HORUS itself, which give a scheduler a clock and shared memory. The types are
  // declared in headers that are not installed.
  Scheduler(SchedulerOptions options, Clock& clock);
  Status start(StatsBlock stats);
  Clock& clock() const noexcept;
  void estop(StopCause cause, std::string_view text) noexcept;
  Safety& safety() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace horus

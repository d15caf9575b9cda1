// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include <horus/log.hpp>
#include <horus/text.hpp>
#include <horus/time.hpp>

/// Nodes: what a scheduler ticks, and how it is told to.
///
///   class Motor : public horus::Node {
///    public:
///     void tick(const horus::Tick& tick) override { position_ += speed_ * tick.dt(); }
///     ...
///   };
///
/// horusd makes nodes from plug-ins (<horus/plugin.hpp>) and reads their NodeConfig from its
/// configuration. A program of your own adds them to a Scheduler (<horus/scheduler.hpp>).

namespace horus {

/// Whether a node, or a robot, may act. It may move something only in kArmed and kDegraded.
enum class SafetyState : std::uint32_t {
  kStarting,  ///< Its init() is not over.
  kDisarmed,  ///< Ready, but not allowed to act until it is armed.
  kArmed,     ///< Allowed to act.
  kDegraded,  ///< Armed, but does less than it was configured to do.
  kSafe,      ///< Latched: brought to rest by a fault.
  kEstopped,  ///< Latched: brought to rest by an emergency stop.
  kStopped,   ///< Its run is over.
};
constexpr auto words_of(SafetyState /*any*/) noexcept {
  return words_in_order<SafetyState>("starting", "disarmed", "armed", "degraded", "safe",
                                     "estopped", "stopped");
}
/// RT-safe. Whether a node in this state may move something.
constexpr bool may_act(SafetyState state) noexcept {
  return state == SafetyState::kArmed || state == SafetyState::kDegraded;
}
/// RT-safe. Whether the state holds until a release or the end of the run.
constexpr bool is_latched(SafetyState state) noexcept {
  return state == SafetyState::kSafe || state == SafetyState::kEstopped;
}

class Safety;

/// The limits of one tick. Zero means no limit.
struct Budget {
  Nanos execution{};  ///< Limit of finish - start, without awaited time.
  Nanos deadline{};   ///< Limit of finish - release. So a late wake-up counts.
};

/// The argument of Node::tick(): the times, limits and safety state of one tick. All instants are
/// on CLOCK_MONOTONIC. The object is valid during the call only.
struct Tick {
  std::uint64_t number = 0;  ///< Counts the node's ticks; 0 for the first.
  TimePoint release{};       ///< The instant at which the tick was planned to start.
  TimePoint start{};         ///< When the tick started: after the nodes before it in its thread.
  Nanos period{};            ///< 1/rate; 0 for event nodes.
  Budget budget{};           ///< The limits in force for this tick.
  SafetyState safety = SafetyState::kArmed;  ///< The node's state when the tick started.
  Safety* run = nullptr;  ///< Used by estop(). Null when no scheduler made this tick.

  /// True when the robot, or this node alone, was at rest as the tick started: the node must not
  /// move anything.
  constexpr bool safe() const noexcept { return is_latched(safety); }
  /// True when this node may move something. A node that is no actuator is always armed, except
  /// while the robot is at rest.
  constexpr bool armed() const noexcept { return may_act(safety); }
  /// RT-safe. Requests the emergency stop of the whole robot. It holds until it is released. `why`
  /// is cut after 159 bytes. Does nothing when no scheduler made this tick.
  void estop(std::string_view why) const noexcept;
  /// The period in seconds.
  constexpr double dt() const noexcept { return static_cast<double>(period.count()) * 1e-9; }
  /// When the tick must have finished. Equals `release` when the node has no deadline.
  constexpr TimePoint deadline() const noexcept { return release + budget.deadline; }
};

/// A unit of work that a scheduler runs at a rate or on events. Derive from it and implement
/// tick().
///
/// Thread safety: all callbacks run on the node's own thread, unless the callback says otherwise.
/// That thread may be shared with other nodes; their callbacks run one after the other.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  /// Prepares the node. Called once before the first tick, and again after each shutdown() when the
  /// failure policy restarts the node. May allocate and block. If the first init() throws, the run
  /// does not start; if a later one throws, the failure policy decides.
  virtual void init() {}
  /// Does the node's work for one release or event. In a real-time node it must not allocate, take
  /// a lock or make a system call. If it throws, the node's failure policy decides what follows.
  virtual void tick(const Tick& tick) = 0;
  /// Releases what init() acquired. Called after the last tick, if the latest init() succeeded. May
  /// allocate and block. If it throws, the failure is logged and counted, and the stop goes on. At
  /// a stop another thread calls it if this node's thread is blocked in another node's callback.
  virtual void shutdown() {}
  /// Brings the actuators to rest. What an actuator sends in here goes out although its outputs are
  /// shut. Called before the next tick after a request for safe state or an emergency stop, or
  /// right after a tick when a policy answers the node's own misses with safe state. If this node's
  /// thread hangs in another node's callback, another thread calls it. If it hangs in this node's
  /// callback, another thread calls it only where NodeConfig::safe_state_async is set.
  virtual void enter_safe_state() noexcept {}
  /// The rest that enter_safe_state() began was released. An actuator is still disarmed here.
  /// Called from the same threads as enter_safe_state().
  virtual void leave_safe_state() noexcept {}
  /// The node was removed from a run that goes on. Called after its shutdown(), as the last call.
  virtual void removed() noexcept {}
  /// The run is stopping: a callback that waits for something should give up, if it can. Called
  /// from the watchdog's thread, again and again until the run has ended, whether a callback is
  /// running or not. Must not wait itself.
  virtual void stop_waiting() noexcept {}
  /// Fetches into the cache what the next tick will touch, and does nothing else. Called where the
  /// node's thread is awake before the release.
  virtual void prefetch() const noexcept {}
};

/// Something that an event node waits for, e.g. a subscriber.
class WakeSource {
 public:
  virtual ~WakeSource() = default;
  /// Waits for work until `until`. Returns true once for each piece of work, whether the tick that
  /// follows handles it or not. Returns false at `until`, and may do so earlier for no reason.
  /// Takes no lock.
  virtual bool wait_until(TimePoint until) noexcept = 0;
  /// Makes a waiting wait_until() return. From any thread.
  virtual void interrupt() noexcept = 0;
};

/// How the scheduler runs a node. kTick, kCompute and kBestEffort nodes have a rate, kEvent nodes
/// wait for a WakeSource. kTick and kBestEffort nodes share threads; each other node has its own.
enum class NodeClass : std::uint32_t { kTick, kCompute, kEvent, kAsync, kBestEffort };

constexpr auto words_of(NodeClass /*any*/) noexcept {
  return words_in_order<NodeClass>("tick", "compute", "event", "async", "best_effort");
}

/// The range of whole numbers that a setting allows; both ends included.
struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;

  constexpr bool holds(std::int64_t number) const noexcept {
    return number >= low && number <= high;
  }
};

/// One number or duration of the struct `T`, and the name that users write for it. Tables of these
/// let the readers of configurations and Python share one list of settings.
template <typename T>
struct Setting {
  std::string_view name;  ///< The key in configurations and in Python.
  std::variant<int T::*, std::uint32_t T::*, Nanos T::*> value;  ///< The field it sets.
  Range range{};  ///< Allowed values of a number; unused for a duration.
};

/// What follows when a node misses its deadline again and again. A rung is reached at a number of
/// misses in a row, but not earlier than `least` after the rung below it; the first rung not
/// earlier than `least` after the first miss.
struct LadderConfig {
  std::uint32_t warn = 3;       ///< A line in the log.
  std::uint32_t degrade = 5;    ///< Half the rate, where NodeConfig::degrade allows it.
  std::uint32_t isolate = 10;   ///< The node goes to safe state; its readers take their fallbacks.
  std::uint32_t stop = 20;      ///< The run stops.
  std::uint32_t recover = 100;  ///< Good ticks in a row that take it off every rung but the stop.
  Nanos least = 50ms;           ///< Least time between two rungs.
};
inline constexpr std::array<Setting<LadderConfig>, 6> kLadderSettings{{
    {"warn", &LadderConfig::warn, {1, 1'000'000}},
    {"degrade", &LadderConfig::degrade, {1, 1'000'000}},
    {"isolate", &LadderConfig::isolate, {1, 1'000'000}},
    {"stop", &LadderConfig::stop, {1, 1'000'000}},
    {"recover", &LadderConfig::recover, {1, 1'000'000}},
    {"least", &LadderConfig::least},
}};

/// What follows when a tick misses its deadline. In each case the miss is logged, at most once a
/// second.
enum class MissPolicy : std::uint8_t {
  kWarn,      ///< Log it (rate-limited) and go on.
  kSkip,      ///< Give up the next release.
  kSafeMode,  ///< Call Node::enter_safe_state(), once per episode.
  kStop,      ///< Stop the scheduler.
};
constexpr auto words_of(MissPolicy /*any*/) noexcept {
  using enum MissPolicy;
  return std::to_array<Word<MissPolicy>>({{kWarn, "warn"},
                                          {kSkip, "skip"},
                                          {kSafeMode, "safe_mode"},
                                          {kSafeMode, "safemode"},
                                          {kStop, "stop"}});
}

/// What follows when a tick throws.
enum class FailureKind : std::uint8_t {
  kLog,      ///< Log, count, go on.
  kFatal,    ///< Stop the scheduler; run() fails.
  kRestart,  ///< shutdown() and init() again, `retries` times, first after `delay`, doubling.
  kSkip,     ///< After `failures` in a row rest for `rest`.
  kIgnore,   ///< Count, go on.
};
constexpr auto words_of(FailureKind /*any*/) noexcept {
  using enum FailureKind;
  return std::to_array<Word<FailureKind>>({{kLog, "log"},
                                           {kFatal, "fatal"},
                                           {kRestart, "restart"},
                                           {kSkip, "skip"},
                                           {kIgnore, "ignore"}});
}

/// What follows when a tick throws, with its numbers.
struct FailurePolicy {
  FailureKind kind = FailureKind::kLog;
  int retries = 5;      ///< For kRestart: restarts before the run stops.
  Nanos delay = 100ms;  ///< For kRestart: pause before the first restart; it doubles up to 30 s.
  int failures = 5;     ///< For kSkip: failures in a row before the node rests.
  Nanos rest = 30s;     ///< For kSkip: how long the node rests.
};
inline constexpr std::array<Setting<FailurePolicy>, 4> kFailureSettings{{
    {"retries", &FailurePolicy::retries, {0, 1000}},
    {"delay", &FailurePolicy::delay},
    {"failures", &FailurePolicy::failures, {1, 1000}},
    {"rest", &FailurePolicy::rest},
}};

inline constexpr Range kOrders{0, 255};
inline constexpr Range kPriorities{1, 98};  ///< 99 is left to the kernel's own threads.
inline constexpr Range kCpuIndices{0, CPU_SETSIZE - 1};

/// The rate of best-effort nodes that name none.
inline constexpr Rate kBestEffortRate = 100_hz;

/// All that a scheduler knows of a node before it runs. Scheduler::add() checks every limit.
struct NodeConfig {
  NodeName name{};  ///< Not empty, no control characters; unique in the scheduler.
  NodeClass node_class = NodeClass::kTick;
  /// Required for tick, compute and async nodes. Best-effort nodes have kBestEffortRate by default.
  /// Not allowed for event nodes.
  std::optional<Rate> rate = {};
  std::optional<Nanos> budget = {};  ///< Execution budget. Default: 80 % of the period.
  /// Counts from the release. Default: 95 % of the period, or the budget if only that is given.
  std::optional<Nanos> deadline = {};
  int order = 0;  ///< Order of ticks within a thread, of kOrders; lower ones first.
  MissPolicy on_miss = MissPolicy::kWarn;
  FailurePolicy failure{};
  /// Every node is warned. Its rate is halved only if `degrade` is set. It is isolated, and then
  /// the run stopped, only if `ladder` is given, on_miss is kSafeMode or kStop, or it is an
  /// actuator.
  std::optional<LadderConfig> ladder = {};
  bool degrade = false;              ///< The ladder may halve the rate.
  std::optional<int> priority = {};  ///< SCHED_FIFO, of kPriorities. Default: by the rate.
  std::optional<int> cpu = {};       ///< The CPU of its thread, of kCpuIndices.
  /// What the node sends moves something. It is disarmed until it is armed, and again whenever the
  /// robot comes to rest.
  bool actuator = false;
  bool arm_at_start = false;  ///< Arms an actuator after init(), but not after a crash of the host.
  /// The robot cannot do without the node. If it hangs, is isolated, rests after failures or ends
  /// the run, that is an emergency stop.
  bool critical = false;
  /// True: while a tick of the node hangs, another thread may call its enter_safe_state() at the
  /// same time. False: its own thread calls it once the tick has come back (RT-14).
  bool safe_state_async = false;
  std::optional<Nanos> watchdog = {};     ///< Default: the scheduler's; 0: none.
  LogLevel log_level = LogLevel::kDebug;  ///< Down to which its lines are written.
};

}  // namespace horus

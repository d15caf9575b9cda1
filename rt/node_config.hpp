// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "rt/base/cpu_set.hpp"
#include "rt/base/log_level.hpp"
#include "rt/base/name.hpp"
#include "rt/base/result.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "rt/base/words.hpp"
#include "rt/budget.hpp"
#include "rt/ladder.hpp"
#include "rt/settings.hpp"

namespace horus {

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

/// What follows when a tick throws, with its numbers. See after_failure().
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
inline constexpr Range kCpuIndices{0, CpuSet::kMaxCpus - 1};

/// The rate of best-effort nodes that name none.
inline constexpr Rate kBestEffortRate = 100_hz;

/// All that a scheduler knows of a node before it runs. validate() checks every limit.
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
  std::optional<LadderConfig> ladder = {};  ///< Default: see ladder_plan().
  bool degrade = false;                     ///< The ladder may halve the rate.
  std::optional<int> priority = {};         ///< SCHED_FIFO, of kPriorities. Default: by the rate.
  std::optional<int> cpu = {};              ///< The CPU of its thread, of kCpuIndices.
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

/// The first rule that `config` breaks, as kInvalidArgument that names the field.
[[nodiscard]] Status validate(const NodeConfig& config) noexcept;

/// The limits of the node's ticks: the given ones, or the defaults above. Event, async and
/// best-effort nodes have only the limits that are given.
[[nodiscard]] Budget effective_budget(const NodeConfig& config) noexcept;

/// The ladder of the node. Every node is warned. Its rate is halved only if `degrade` is set. It is
/// isolated, and then the run stopped, only if `ladder` is given, on_miss is safe_mode or stop, or
/// the node is an actuator.
[[nodiscard]] LadderPlan ladder_plan(const NodeConfig& config) noexcept;

}  // namespace horus

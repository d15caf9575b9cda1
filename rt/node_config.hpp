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

/// What follows when a tick misses its deadline.
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

struct FailurePolicy {
  FailureKind kind = FailureKind::kLog;
  int retries = 5;
  Nanos delay = 100ms;
  int failures = 5;
  Nanos rest = 30s;
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

/// Everything a scheduler knows of a node before it runs. validate() holds every limit.
struct NodeConfig {
  NodeName name{};
  NodeClass node_class = NodeClass::kTick;
  std::optional<Rate> rate = {};     ///< Required, but for event and best-effort nodes.
  std::optional<Nanos> budget = {};  ///< Default: 80 % of the period.
  /// From the release. Default: 95 % of the period, or the budget if only that is given.
  std::optional<Nanos> deadline = {};
  int order = 0;  ///< Of kOrders, lower first.
  MissPolicy on_miss = MissPolicy::kWarn;
  FailurePolicy failure{};
  std::optional<LadderConfig> ladder = {};  ///< See ladder_plan().
  bool degrade = false;                     ///< The ladder may halve the rate.
  std::optional<int> priority = {};         ///< SCHED_FIFO, of kPriorities.
  std::optional<int> cpu = {};
  /// What it sends moves something: it is disarmed until somebody arms it, and whenever the robot
  /// comes to rest.
  bool actuator = false;
  bool arm_at_start = false;  ///< Of an actuator; never after a crash.
  /// The robot cannot do without it: that it hangs, is isolated, rests after failures or ends the
  /// run is an emergency stop.
  bool critical = false;
  /// While its tick hangs, its enter_safe_state() is called beside that tick, by another thread.
  /// False: by its own thread, once the tick has come back.
  bool safe_state_async = false;
  std::optional<Nanos> watchdog = {};     ///< Default: the scheduler's; 0: none.
  LogLevel log_level = LogLevel::kDebug;  ///< Down to which its lines are written.
};

/// The first rule that `config` breaks, as kInvalidArgument that names the field.
[[nodiscard]] Status validate(const NodeConfig& config) noexcept;

/// What a tick of the node may cost: as given, or the defaults above. Event, async and
/// best-effort nodes have no limit that is not given.
[[nodiscard]] Budget effective_budget(const NodeConfig& config) noexcept;

/// What follows misses in a row: a warning for every node, half the rate where `degrade` allows it.
/// A node is isolated, and the run stopped, where `ladder` or an on_miss of safe_mode or stop asks
/// for it.
[[nodiscard]] LadderPlan ladder_plan(const NodeConfig& config) noexcept;

}  // namespace horus

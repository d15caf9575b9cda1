// SPDX-License-Identifier: Apache-2.0
#include "rt/node_config.hpp"

#include <horus/node.hpp>
#include <horus/result.hpp>

#include "rt/ladder.hpp"
#include "rt/settings.hpp"

namespace horus {
namespace {

constexpr auto kOrderRule = in_words("order must be ", kOrders);
constexpr auto kPriorityRule = in_words("priority must be ", kPriorities);

bool has_control_character(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

bool positive(const std::optional<Nanos>& duration) noexcept {
  return !duration || *duration > Nanos{};
}

Status validate_arming(const NodeConfig& config, const auto& refuse) {
  if (config.arm_at_start && !config.actuator) {
    return refuse("arm_at_start is for actuators: set actuator, too");
  }
  return {};
}

Status validate_times(const NodeConfig& config, const auto& refuse) {
  if (!positive(config.budget)) return refuse("budget must be above 0");
  if (!positive(config.deadline)) return refuse("deadline must be above 0");
  if (config.watchdog.value_or(Nanos{}) < Nanos{}) return refuse("watchdog must not be below 0");
  if (config.budget && config.deadline && *config.deadline < *config.budget) {
    return refuse("deadline is below budget: a tick that uses its budget would miss it");
  }
  if (!config.rate) return {};
  if (config.budget && *config.budget > config.rate->period()) {
    return refuse("budget is longer than the period 1/rate");
  }
  return {};
}

Status validate_failure(const FailurePolicy& failure, const auto& refuse) {
  if (failure.retries < 0) return refuse("failure retries must not be below 0");
  if (failure.delay < Nanos{}) return refuse("failure delay must not be below 0");
  if (failure.failures < 1) return refuse("failure count must be at least 1");
  if (failure.rest < Nanos{}) return refuse("failure rest must not be below 0");
  return {};
}

/// The numbers must not fall from rung to rung: a rung that is due before the one below it could
/// never take effect by itself.
Status validate_ladder(const NodeConfig& config, const auto& refuse) {
  const LadderConfig ladder = config.ladder.value_or(LadderConfig{});
  if (ladder.warn < 1) return refuse("ladder: warn must be at least 1");
  if (ladder.recover < 1) return refuse("ladder: recover must be at least 1");
  if (ladder.least < Nanos{}) return refuse("ladder: least must not be below 0");
  if (ladder.degrade < ladder.warn) return refuse("ladder: degrade must not be below warn");
  if (ladder.isolate < ladder.degrade) return refuse("ladder: isolate must not be below degrade");
  if (ladder.stop < ladder.isolate) return refuse("ladder: stop must not be below isolate");
  if (config.degrade && !config.rate) return refuse("degrade needs a rate, which it halves");
  return {};
}

}  // namespace

Status validate(const NodeConfig& config) noexcept {
  const auto refuse = [&config](const char* what) -> Status {
    return Error{Errc::kInvalidArgument, what, 0, Name<200>::clipped(config.name.view())};
  };
  const bool needs_rate =
      config.node_class != NodeClass::kEvent && config.node_class != NodeClass::kBestEffort;
  if (config.name.empty()) return refuse("name must not be empty");
  if (has_control_character(config.name.view())) {
    return refuse("name must not hold control characters");
  }
  if (needs_rate && !config.rate) return refuse("rate is required");
  if (config.rate && config.rate->period() <= Nanos{}) return refuse("rate must be above 0");
  if (config.node_class == NodeClass::kEvent && config.rate) {
    return refuse("rate and on exclude each other");
  }
  if (auto times = validate_times(config, refuse); !times) return times;
  if (auto arming = validate_arming(config, refuse); !arming) return arming;
  if (!kOrders.holds(config.order)) return refuse(kOrderRule.data());
  if (!kPriorities.holds(config.priority.value_or(kPriorities.low))) {
    return refuse(kPriorityRule.data());
  }
  if (!kCpuIndices.holds(config.cpu.value_or(0))) return refuse("cpu must be the index of a CPU");
  if (auto ladder = validate_ladder(config, refuse); !ladder) return ladder;
  return validate_failure(config.failure, refuse);
}

LadderPlan ladder_plan(const NodeConfig& config) noexcept {
  const bool asked = config.on_miss == MissPolicy::kSafeMode || config.on_miss == MissPolicy::kStop;
  return {.numbers = config.ladder.value_or(LadderConfig{}),
          .acts = config.ladder.has_value() || asked || config.actuator,
          .degrades = config.degrade};
}

Budget effective_budget(const NodeConfig& config) noexcept {
  const bool limited =
      config.node_class == NodeClass::kTick || config.node_class == NodeClass::kCompute;
  Budget budget{.execution = config.budget.value_or(Nanos{}),
                .deadline = config.deadline.value_or(config.budget.value_or(Nanos{}))};
  if (!limited || !config.rate) return budget;
  const Nanos period = config.rate->period();
  // Without a deadline, a given budget is the deadline as well; that was set above.
  if (!config.budget) budget.execution = period * 80 / 100;
  if (!config.budget && !config.deadline) budget.deadline = period * 95 / 100;
  return budget;
}

}  // namespace horus

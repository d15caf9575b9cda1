// SPDX-License-Identifier: Apache-2.0
#include "rt/node_config.hpp"

#include <array>
#include <utility>

namespace horus {
namespace {

constexpr int kMaxOrder = 255;
constexpr int kMaxPriority = 99;

bool has_control_character(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

bool positive(const std::optional<Nanos>& duration) noexcept {
  return !duration || *duration > Nanos{};
}

Status validate_times(const NodeConfig& config, const auto& refuse) {
  if (!positive(config.budget)) return refuse("budget must be above 0");
  if (!positive(config.deadline)) return refuse("deadline must be above 0");
  if (!positive(config.watchdog)) return refuse("watchdog must be above 0");
  if (!config.rate) return {};
  if (config.budget && *config.budget > config.rate->period()) {
    return refuse(
        "budget is longer than the period 1/rate: it looks like microseconds given as seconds "
        "(300 us is 300e-6 s, in Python 300 * horus.us)");
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
  if (config.order < 0 || config.order > kMaxOrder) return refuse("order must be 0 to 255");
  if (config.priority && (*config.priority < 1 || *config.priority > kMaxPriority)) {
    return refuse("priority must be 1 to 99");
  }
  if (config.cpu && (*config.cpu < 0 || *config.cpu >= CpuSet::kMaxCpus)) {
    return refuse("cpu must be the index of a CPU");
  }
  return validate_failure(config.failure, refuse);
}

Budget effective_budget(const NodeConfig& config) noexcept {
  const bool limited =
      config.node_class == NodeClass::kTick || config.node_class == NodeClass::kCompute;
  Budget budget{.execution = config.budget.value_or(Nanos{}),
                .deadline = config.deadline.value_or(config.budget.value_or(Nanos{}))};
  if (!limited || !config.rate) return budget;
  const Nanos period = config.rate->period();
  if (!config.budget) budget.execution = period * 80 / 100;
  if (!config.budget && !config.deadline) budget.deadline = period * 95 / 100;
  return budget;
}

std::optional<MissPolicy> parse_miss_policy(std::string_view text) noexcept {
  static constexpr std::array<std::pair<std::string_view, MissPolicy>, 5> kTexts{{
      {"warn", MissPolicy::kWarn},
      {"skip", MissPolicy::kSkip},
      {"safe_mode", MissPolicy::kSafeMode},
      {"safemode", MissPolicy::kSafeMode},
      {"stop", MissPolicy::kStop},
  }};
  for (const auto& [name, policy] : kTexts) {
    if (name == text) return policy;
  }
  return std::nullopt;
}

std::optional<FailureKind> parse_failure_kind(std::string_view text) noexcept {
  static constexpr std::array<std::pair<std::string_view, FailureKind>, 5> kTexts{{
      {"log", FailureKind::kLog},
      {"fatal", FailureKind::kFatal},
      {"restart", FailureKind::kRestart},
      {"skip", FailureKind::kSkip},
      {"ignore", FailureKind::kIgnore},
  }};
  for (const auto& [name, kind] : kTexts) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

}  // namespace horus

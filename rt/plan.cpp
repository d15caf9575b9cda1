// SPDX-License-Identifier: Apache-2.0
#include "rt/plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>

namespace horus {
namespace {

// Slightly above 1, so that rounding does not refuse a set that fills a CPU exactly.
constexpr double kFull = 1.0 + 1e-9;

/// The share of a CPU that a node needs; 0 when it is not known, because no budget is given (RT-7).
double utilisation(const NodeConfig& config) noexcept {
  if (!config.budget || !config.rate) return 0.0;
  return static_cast<double>(config.budget->count()) /
         static_cast<double>(config.rate->period().count());
}

double utilisation(std::span<const NodeConfig> configs, std::span<const std::size_t> nodes) {
  double sum = 0.0;
  for (const std::size_t node : nodes) sum += utilisation(configs[node]);
  return sum;
}

/// The error `what` with a subject such as "motor 80 %, imu 50 %".
Error too_much(const char* what, std::span<const NodeConfig> configs,
               std::span<const std::size_t> nodes) {
  std::string text;
  for (const std::size_t node : nodes) {
    const auto percent = std::lround(utilisation(configs[node]) * 100.0);
    if (percent == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::string{configs[node].name.view()} + " " + std::to_string(percent) + " %";
  }
  return {Errc::kInvalidArgument, what, 0, Name<200>::clipped(text)};
}

Nanos period_of(const NodeConfig& config) noexcept {
  if (config.node_class == NodeClass::kEvent) return Nanos{};
  return config.rate ? config.rate->period() : Nanos{};
}

bool shares_thread(NodeClass node_class) noexcept {
  return node_class == NodeClass::kTick || node_class == NodeClass::kBestEffort;
}

/// The steps of make_plan(). Each works on groups_, the threads planned so far.
class Planner {
 public:
  Planner(std::span<const NodeConfig> configs, const PlanLimits& limits)
      : configs_{configs}, limits_{limits} {}

  Result<std::vector<GroupPlan>> plan() {
    if (auto there = check_cpus(); !there) return there.error();
    group();
    if (auto fits = check_threads(); !fits) return fits.error();
    place();
    if (auto fits = check_cpu_room(); !fits) return fits.error();
    prioritise();
    return std::move(groups_);
  }

 private:
  Status check_cpus() const {
    for (const auto& config : configs_) {
      const bool there = !config.cpu || limits_.allowed.contains(*config.cpu) ||
                         limits_.realtime.contains(*config.cpu);
      if (!there) {
        const std::string subject =
            "node '" + std::string{config.name.view()} + "', CPU " + std::to_string(*config.cpu) +
            ", allowed: " + limits_.allowed.text() +
            (limits_.realtime.empty() ? "" : ", real-time: ") + limits_.realtime.text();
        return Error{Errc::kInvalidArgument, "place a node on a CPU that this process may not use",
                     0, Name<200>::clipped(subject)};
      }
    }
    return {};
  }

  /// Makes the threads: nodes with the same key share one.
  void group() {
    // Class, CPU, period, own priority; and for a node that shares no thread its index + 1.
    using Key = std::tuple<NodeClass, int, Nanos, int, std::size_t>;
    std::map<Key, GroupPlan> groups;
    for (std::size_t node = 0; node < configs_.size(); ++node) {
      const NodeConfig& config = configs_[node];
      const Key key{config.node_class, config.cpu.value_or(-1), period_of(config),
                    config.priority.value_or(0),
                    shares_thread(config.node_class) ? std::size_t{0} : node + 1};
      GroupPlan& group = groups[key];
      group.node_class = config.node_class;
      group.period = period_of(config);
      group.cpu = config.cpu.value_or(-1);
      group.priority = config.priority.value_or(0);
      group.nodes.push_back(node);
    }
    for (auto& [key, group] : groups) {
      std::stable_sort(group.nodes.begin(), group.nodes.end(),
                       [this](auto a, auto b) { return configs_[a].order < configs_[b].order; });
      groups_.push_back(std::move(group));
    }
  }

  /// Nodes on one thread run one after the other, so their budgets must fit into one period.
  Status check_threads() const {
    for (const auto& group : groups_) {
      if (utilisation(configs_, group.nodes) > kFull) {
        return too_much(
            "plan the nodes: the budgets of one rate need more than its period; lower one, or give "
            "a node another cpu or compute",
            configs_, group.nodes);
      }
    }
    return {};
  }

  /// Places each thread of tick nodes without a CPU of its own on the real-time CPU with the most
  /// room, the one with the greatest need first.
  void place() {
    std::vector<GroupPlan*> homeless;
    for (auto& group : groups_) {
      if (group.cpu >= 0) {
        group.cpus = CpuSet::of(group.cpu);
      } else if (group.node_class == NodeClass::kTick) {
        homeless.push_back(&group);
      } else {
        group.cpus = limits_.housekeeping.empty() ? limits_.realtime : limits_.housekeeping;
      }
    }
    if (limits_.realtime.empty()) return;
    std::stable_sort(homeless.begin(), homeless.end(), [this](const auto* a, const auto* b) {
      return utilisation(configs_, a->nodes) > utilisation(configs_, b->nodes);
    });
    for (GroupPlan* group : homeless) {
      group->cpu = roomiest();
      group->cpus = CpuSet::of(group->cpu);
    }
  }

  int roomiest() const {
    int best = limits_.realtime.first();
    for (int cpu = best + 1; cpu < CpuSet::kMaxCpus; ++cpu) {
      if (limits_.realtime.contains(cpu) && load(cpu) < load(best)) best = cpu;
    }
    return best;
  }

  /// The known need on a CPU, and then the number of threads there: so threads whose need is not
  /// known are spread as well.
  std::pair<double, int> load(int cpu) const {
    std::pair<double, int> sum{0.0, 0};
    for (const auto& group : groups_) {
      if (group.cpu != cpu || group.cpus.empty()) continue;
      sum.first += utilisation(configs_, group.nodes);
      ++sum.second;
    }
    return sum;
  }

  /// The budgets of tick nodes must fit on each CPU, and on all CPUs together.
  Status check_cpu_room() const {
    std::map<int, std::vector<std::size_t>> by_cpu;
    std::vector<std::size_t> all;
    for (const auto& group : groups_) {
      if (group.node_class != NodeClass::kTick) continue;
      auto& nodes = by_cpu[group.cpu];
      nodes.insert(nodes.end(), group.nodes.begin(), group.nodes.end());
      all.insert(all.end(), group.nodes.begin(), group.nodes.end());
    }
    for (const auto& [cpu, nodes] : by_cpu) {
      if (cpu >= 0 && utilisation(configs_, nodes) > kFull) {
        return too_much("plan the nodes: their budgets need more than the whole of one CPU",
                        configs_, nodes);
      }
    }
    // With real-time CPUs each group has one, and has been looked at above.
    if (limits_.realtime.empty() && utilisation(configs_, all) > kFull * limits_.allowed.count()) {
      return too_much("plan the nodes: their budgets need more than all CPUs", configs_, all);
    }
    return {};
  }

  /// Rate-monotonic priorities; see make_plan().
  void prioritise() {
    std::set<Nanos> periods;
    for (const auto& group : groups_) {
      if (group.node_class == NodeClass::kTick) periods.insert(group.period);
    }
    for (auto& group : groups_) {
      if (limits_.priority_ceiling == 0) {
        group.priority = 0;
      } else if (group.priority == 0 && group.node_class == NodeClass::kTick) {
        const auto rank = std::distance(periods.begin(), periods.find(group.period));
        group.priority = std::max(1, limits_.priority_ceiling - static_cast<int>(rank));
      }
    }
  }

  std::span<const NodeConfig> configs_;
  const PlanLimits& limits_;
  std::vector<GroupPlan> groups_;
};

}  // namespace

Result<std::vector<GroupPlan>> make_plan(std::span<const NodeConfig> configs,
                                         const PlanLimits& limits) {
  return Planner{configs, limits}.plan();
}

}  // namespace horus

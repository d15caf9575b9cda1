// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <horus/node.hpp>
#include <horus/realtime.hpp>
#include <horus/result.hpp>

namespace horus {

/// The CPUs and priorities that a plan may use.
struct PlanLimits {
  CpuSet realtime{};      ///< For tick nodes; empty: any CPU of `allowed`.
  CpuSet housekeeping{};  ///< For all other classes of nodes; empty: the same as `realtime`.
  /// The CPUs that the planning thread may use: perhaps those for housekeeping alone.
  CpuSet allowed{};
  int priority_ceiling = 0;  ///< The highest SCHED_FIFO priority; 0: no SCHED_FIFO.
};

/// The plan for one thread.
struct GroupPlan {
  NodeClass node_class = NodeClass::kTick;
  Nanos period{};                  ///< 0: an event node.
  CpuSet cpus{};                   ///< The CPUs that the thread may use; empty: any.
  int cpu = -1;                    ///< The CPU, if it is bound to one; otherwise -1.
  int priority = 0;                ///< SCHED_FIFO priority; 0: the ordinary policy.
  std::vector<std::size_t> nodes;  ///< Indices into the configurations, in the order of ticks.
};

/// Decides which node runs on which thread. Pure.
///
/// Tick nodes with the same CPU, period and own priority share a thread; they tick in their
/// `order`. So do best-effort nodes. Each compute, event and async node has a thread of its own.
/// Threads of tick nodes without a CPU of their own are each placed on the real-time CPU with the
/// most room, those with the greatest need first. Tick nodes without a priority of their own get
/// rate-monotonic ones: the shortest period gets the ceiling, each longer period one less, at least
/// 1.
///
/// \errors kInvalidArgument: a node wants a CPU outside of `allowed` and `realtime`, or the given
/// budgets together need more time than there is (RT-7). The subject names the nodes.
[[nodiscard]] Result<std::vector<GroupPlan>> make_plan(std::span<const NodeConfig> configs,
                                                       const PlanLimits& limits);

}  // namespace horus

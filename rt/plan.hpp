// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "rt/base/result.hpp"
#include "rt/node_config.hpp"

namespace horus {

/// What a plan may use.
struct PlanLimits {
  CpuSet realtime{};         ///< For nodes with a rate; empty: any CPU of `allowed`.
  CpuSet housekeeping{};     ///< For compute, event, async and best-effort nodes; empty: as above.
  CpuSet allowed{};          ///< Where this process may run at all.
  int priority_ceiling = 0;  ///< 0: no SCHED_FIFO.
};

/// The nodes of one thread.
struct GroupPlan {
  NodeClass node_class = NodeClass::kTick;
  Nanos period{};                  ///< 0: an event node.
  CpuSet cpus{};                   ///< One CPU, or the set that it may roam.
  int cpu = -1;                    ///< That one CPU, or -1.
  int priority = 0;                ///< SCHED_FIFO, 0: the ordinary policy.
  std::vector<std::size_t> nodes;  ///< Indices into the configurations, in the order of ticks.
};

/// Which node runs on which thread. Nodes with a rate share a thread per (CPU, period, own
/// priority), ticked in their order; each compute, event and async node has a thread of its own.
/// Nodes without a CPU of their own go, rate by rate, to the real-time CPU with the most room.
/// Priorities are rate-monotonic: the shortest period has the ceiling, each longer one less.
///
/// \errors kInvalidArgument: a CPU that is not there, or budgets (those that were given) that
/// together need more time than there is; the subject names the nodes.
[[nodiscard]] Result<std::vector<GroupPlan>> make_plan(std::span<const NodeConfig> configs,
                                                       const PlanLimits& limits);

}  // namespace horus

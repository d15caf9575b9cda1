// SPDX-License-Identifier: Apache-2.0
#include "rt/base/tick_stats.hpp"

namespace horus {

const char* to_text(NodeClass node_class) noexcept {
  switch (node_class) {
    case NodeClass::kTick: return "tick";
    case NodeClass::kCompute: return "compute";
    case NodeClass::kEvent: return "event";
    case NodeClass::kAsync: return "async";
    case NodeClass::kBestEffort: return "best_effort";
  }
  return "unknown";  // Reachable: the value may come from another process's memory.
}

const char* to_text(NodeActivity activity) noexcept {
  switch (activity) {
    case NodeActivity::kNone: return "none";
    case NodeActivity::kInit: return "init";
    case NodeActivity::kTick: return "tick";
    case NodeActivity::kShutdown: return "shutdown";
    case NodeActivity::kSafeState: return "safe_state";
  }
  return "unknown";
}

const char* to_text(Rung rung) noexcept {
  switch (rung) {
    case Rung::kNone: return "none";
    case Rung::kWarned: return "warned";
    case Rung::kDegraded: return "degraded";
    case Rung::kIsolated: return "isolated";
    case Rung::kStopped: return "stopped";
  }
  return "unknown";  // Reachable: the value may come from another process's memory.
}

const char* to_text(NodeState state) noexcept {
  switch (state) {
    case NodeState::kUninitialized: return "uninitialized";
    case NodeState::kInitializing: return "initializing";
    case NodeState::kRunning: return "running";
    case NodeState::kStopping: return "stopping";
    case NodeState::kStopped: return "stopped";
    case NodeState::kError: return "error";
    case NodeState::kCrashed: return "crashed";
  }
  return "unknown";  // Reachable: the value may come from another process's memory.
}

void take_counts(const NodeStats& node, NodeCounts& counts) noexcept {
  for (const auto& row : kRecentCounts<Counter>) {
    (counts.*row.count).set((node.*row.taken_from).value());
  }
}

std::uint64_t forced_collections(const GcStats& gc) noexcept {
  std::uint64_t forced = 0;
  for (const GcStats::Generation& generation : gc.generation) forced += generation.forced.value();
  return forced;
}

void take_snapshot(HostStats& host, std::span<NodeStats> nodes, TimePoint now) noexcept {
  // The place that is written now is none of the last minute's.
  const std::size_t place = host.snapshots.value() % kSnapshots;
  HostStats::Snapshot& snapshot = host.snapshot[place];
  snapshot.at_ns.set(to_ns(now));
  snapshot.lives.set(host.lives.value());
  snapshot.gc_forced.set(forced_collections(host.gc));
  for (NodeStats& node : nodes) take_counts(node, node.snapshots[place]);
  host.snapshots.add();
}

}  // namespace horus

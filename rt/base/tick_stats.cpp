// SPDX-License-Identifier: Apache-2.0
#include "rt/base/tick_stats.hpp"

namespace horus {

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
  // The oldest snapshot is overwritten. It is older than a minute, so no reader needs it.
  const std::size_t place = host.snapshots.value() % kSnapshots;
  HostStats::Snapshot& snapshot = host.snapshot[place];
  snapshot.at_ns.set(to_ns(now));
  snapshot.lives.set(host.lives.value());
  snapshot.gc_forced.set(forced_collections(host.gc));
  for (NodeStats& node : nodes) take_counts(node, node.snapshots[place]);
  host.snapshots.add();
}

}  // namespace horus

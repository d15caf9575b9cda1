// SPDX-License-Identifier: Apache-2.0
#include "service/wire/windows.hpp"

#include <algorithm>
#include <iterator>

namespace horus::wire {
namespace {

std::uint64_t grown(const Counter& now, const Counter& before) noexcept {
  const std::uint64_t later = now.value();
  return later - std::min(later, before.value());
}

/// What a host had counted before its start. For hosts that are younger than the window.
const NodeCounts kNone{};

}  // namespace

std::optional<std::size_t> snapshot_before(const HostStats& host, TimePoint now, Nanos length) {
  const std::uint64_t taken = host.snapshots.value();
  // The owner may be writing the oldest ones right now.
  const std::uint64_t kept = std::min<std::uint64_t>(taken, kSnapshots - 2);
  for (std::uint64_t back = 1; back <= kept; ++back) {
    const std::size_t place = (taken - back) % kSnapshots;
    if (from_ns(host.snapshot[place].at_ns.value()) <= now - length) return place;
  }
  // Older snapshots were overwritten: take the oldest that is kept.
  if (taken > kept) return (taken - kept) % kSnapshots;
  return std::nullopt;
}

TimePoint counted_until(const HostStats& host, bool alive, TimePoint now) {
  const std::uint64_t taken = host.snapshots.value();
  if (alive || taken == 0) return now;
  return std::clamp(from_ns(host.snapshot[(taken - 1) % kSnapshots].at_ns.value()), TimePoint{},
                    now);
}

WindowView window_of(const HostStats& host, const NodeStats& node, TimePoint now, Nanos length) {
  const auto place = snapshot_before(host, now, length);
  const NodeCounts& before = place ? node.snapshots[*place] : kNone;
  WindowView window;
  for (std::size_t i = 0; i < std::size(kRecentCounts<Counter>); ++i) {
    const auto& row = kRecentCounts<Counter>[i];
    window.*kRecentCounts<std::uint64_t>[i].count = grown(node.*row.taken_from, before.*row.count);
  }
  return window;
}

}  // namespace horus::wire

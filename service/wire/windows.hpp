// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "rt/base/tick_stats.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::wire {

/// Index of the latest snapshot in a host's page that is at least `length` older than `now`, else
/// the oldest one that is kept. Nothing: the host is younger than `length`.
std::optional<std::size_t> snapshot_before(const HostStats& host, TimePoint now, Nanos length);

/// Until when a host's counts are known: `now` for a living host, the time of its last snapshot for
/// a dead one. Never after `now`, whatever the page says.
TimePoint counted_until(const HostStats& host, bool alive, TimePoint now);

/// What `node` has counted in the last `length`; as snapshots are about 1 s apart, up to a second
/// more. Trusts nothing in the page: a count that went back is 0.
WindowView window_of(const HostStats& host, const NodeStats& node, TimePoint now, Nanos length);

}  // namespace horus::wire

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "rt/base/tick_stats.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::wire {

/// The latest snapshot of a host's page that is at least `length` older than `now`; nothing: the
/// host is younger than that.
std::optional<std::size_t> snapshot_before(const HostStats& host, TimePoint now, Nanos length);

/// Until when a host counted: `now`, or of a dead one its last snapshot.
TimePoint counted_until(const HostStats& host, bool alive, TimePoint now);

/// What `node` has counted in the last `length`, up to a second more; never trusts the page.
WindowView window_of(const HostStats& host, const NodeStats& node, TimePoint now, Nanos length);

}  // namespace horus::wire

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/wire/stats_view.hpp"

namespace horus::cli {

/// `now` with its durations replaced by those that were counted since `before`: what a live view
/// shows. Counters stay totals. A host or node that `before` does not know, or that began anew
/// since, stays as it is. Smallest and largest are of the precision of their buckets.
wire::StatsView since(const wire::StatsView& before, wire::StatsView now);

}  // namespace horus::cli

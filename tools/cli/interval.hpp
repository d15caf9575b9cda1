// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/base/histogram.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::cli {

/// `now` with its durations replaced by those that were counted since `before`: what a live view
/// shows. Counters stay totals. A host or node that `before` does not know, or that began anew
/// since, stays as it is. Smallest and largest are of the precision of their buckets.
wire::StatsView since(const wire::StatsView& before, wire::StatsView now);

/// The same of one histogram, for who reads it himself: its buckets and its largest.
HistogramSnapshot since(const HistogramSnapshot& before, const HistogramSnapshot& now);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/base/histogram.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::cli {

/// For a live view (CLI-4): returns `now` with each histogram reduced to the values that were
/// recorded since `before`. Counters stay totals. A host or node that `before` does not have, or
/// that has started anew since, stays unchanged. Minimum and maximum are as exact as a bucket.
wire::StatsView since(const wire::StatsView& before, wire::StatsView now);

/// The same for one histogram. Only its buckets and its maximum are set.
HistogramSnapshot since(const HistogramSnapshot& before, const HistogramSnapshot& now);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "service/wire/health.hpp"
#include "service/wire/stats_view.hpp"

namespace horus::cli {

/// Three tables: hosts, nodes, and the garbage collectors of Python hosts.
std::string stats_text(const wire::StatsView& stats, std::size_t width);

/// Reduces the statistics to the node `name` and the hosts that have it; no hosts when there is no
/// such node.
wire::StatsView only_node(wire::StatsView stats, std::string_view name);

/// "C++" for "cpp", "Python" for "python"; any other text unchanged.
std::string kind_text(std::string_view kind);

/// The statistics as OpenMetrics text, "# EOF" included (CLI-6). Histograms have fixed bounds, 1 us
/// to 1 s in steps of 1, 2, 5. A value just below a bound may count above it, if its bucket reaches
/// over the bound; buckets are 3.125 % wide. With `health`, also the verdict and its reasons. These
/// are labelled by host, node and advice, which do not change as numbers do.
std::string stats_openmetrics(const wire::StatsView& stats,
                              const std::optional<wire::HealthView>& health = {});

}  // namespace horus::cli

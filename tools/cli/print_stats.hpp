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

/// Only the node `name`, in whatever host; nothing is left when there is none.
wire::StatsView only_node(wire::StatsView stats, std::string_view name);

/// "C++" or "Python".
std::string kind_text(std::string_view kind);

/// The statistics in OpenMetrics text, up to and with "# EOF". Histograms have fixed bounds from
/// 1 us to 1 s in steps of 1, 2, 5; a count moves to the next bound by at most a bucket, 3.125 %.
/// With `health`, its word and its reasons: host, node and what to do, which stay while numbers
/// move.
std::string stats_openmetrics(const wire::StatsView& stats,
                              const std::optional<wire::HealthView>& health = {});

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "service/wire/stats_view.hpp"

namespace horus::cli {

/// The nodes of living hosts: where and how each runs.
std::string nodes_text(const wire::StatsView& stats, std::size_t width);
/// The same, one line of JSON for each node.
std::string nodes_lines(const wire::StatsView& stats);

}  // namespace horus::cli

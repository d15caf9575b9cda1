// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "rt/base/time.hpp"
#include "shm/stats_page.hpp"

namespace horus::cli {

/// Why the late ticks of a page's node were late: what most of them have in common, then the latest
/// `most` of them, the last one first.
std::string why_text(const shm::StatsPage& page, std::size_t node, std::size_t most, TimePoint now);
/// One line of JSON for each, the last one first.
std::string why_lines(const shm::StatsPage& page, std::size_t node, std::size_t most,
                      TimePoint now);

}  // namespace horus::cli

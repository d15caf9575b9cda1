// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include <horus/time.hpp>

#include "shm/stats_page.hpp"

namespace horus::cli {

/// Explains why ticks of a node were late: the cause that most of them share, then the latest
/// `most` of them, the newest first. `node`: its index in the page.
std::string why_text(const shm::StatsPage& page, std::size_t node, std::size_t most, TimePoint now);
/// The same ticks, one line of JSON each, the newest first.
std::string why_lines(const shm::StatsPage& page, std::size_t node, std::size_t most,
                      TimePoint now);

}  // namespace horus::cli

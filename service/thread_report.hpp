// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "rt/base/tick_stats.hpp"

namespace horus::service {

/// A line for each thread of this process: its name, and the nodes that it ticks with their last
/// ticks. For the log of a robot that seems to hang.
std::vector<std::string> thread_report(std::span<const NodeStats> nodes,
                                       TimePoint now = MonotonicClock::now());

}  // namespace horus::service

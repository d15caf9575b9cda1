// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "rt/base/tick_stats.hpp"

namespace horus::service {

/// One line for each thread of this process: its id, its name, and for each of `nodes` that it
/// ticks the node's state and last tick. For the log of a robot that seems to hang. Reads /proc, so
/// it is not RT-safe; it waits for no node.
std::vector<std::string> thread_report(std::span<const NodeStats> nodes,
                                       TimePoint now = MonotonicClock::now());

}  // namespace horus::service

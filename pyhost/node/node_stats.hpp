// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include "pyhost/node/py_node.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::py {

/// Everything that is counted of one node, read in place; what Scheduler.get_node_stats()
/// returns.
pybind11::dict stats_of(PyNode& node);

/// Counts over all nodes of a host.
pybind11::dict safety_stats_of(std::span<const NodeStats> nodes, const char* state);

}  // namespace horus::py

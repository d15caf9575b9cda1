// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include "pyhost/node/py_node.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus::py {

/// The result of Scheduler.get_node_stats(): everything that is counted of one node, read from the
/// statistics page while the node may run. Zeros before the first run. With the GIL.
pybind11::dict stats_of(PyNode& node);

/// Deadline misses and budget overruns, summed over all nodes of a host. `state`: the value for
/// "state". With the GIL.
pybind11::dict safety_stats_of(std::span<const NodeStats> nodes, const char* state);

}  // namespace horus::py

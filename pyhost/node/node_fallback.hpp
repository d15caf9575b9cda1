// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pyhost/node/py_node.hpp"

namespace horus::py {

/// Reads timeout= and fallback= of a subscription into `port`. If the port has no type yet, takes
/// the message class that the topic's name stands for. `who`: the argument, "subs". Throws
/// ValueError and TypeError that begin with `who` and the topic.
void read_fallback(const PortArguments& arguments, const char* who, NodeSpec::PortSpec& port);

}  // namespace horus::py

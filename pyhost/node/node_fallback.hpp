// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pyhost/node/py_node.hpp"

namespace horus::py {

/// Reads timeout= and fallback= of a subscription whose type is known by now, or by its topic's
/// name from here on. Throws ValueError and TypeError that begin with `who` and the topic.
void read_fallback(const PortArguments& arguments, const char* who, NodeSpec::PortSpec& port);

}  // namespace horus::py

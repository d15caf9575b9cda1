// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "shm/registry.hpp"

namespace horus::cli {

/// Which nodes send what to whom: one line for each topic with a living publisher or subscriber.
std::string graph_text(const std::vector<shm::TopicInfo>& topics);
/// The same in the DOT language of Graphviz.
std::string graph_dot(const std::vector<shm::TopicInfo>& topics);

}  // namespace horus::cli

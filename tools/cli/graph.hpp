// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "shm/registry.hpp"

namespace horus::cli {

/// Who sends what to whom: a line for each topic that somebody uses.
std::string graph_text(const std::vector<shm::TopicInfo>& topics);
/// The same for Graphviz.
std::string graph_dot(const std::vector<shm::TopicInfo>& topics);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "rt/node.hpp"
#include "rt/node_config.hpp"
#include "service/config.hpp"
#include "shm/session.hpp"

namespace horus::service {

/// A node that a plug-in made, with what the scheduler needs for it.
struct LoadedNode {
  NodeConfig config{};
  std::unique_ptr<Node, void (*)(Node*)> node{nullptr, [](Node*) {}};
  std::unique_ptr<WakeSource> wake;  ///< Event nodes only. Before `node` in destruction.
};

/// Opens the plug-ins of `config` (checked) and makes every node, in order. `stats`, one for each
/// node in the same order, is where a node's messages are counted; it outlives the nodes. Plug-ins
/// are never unloaded: their code may still be on a thread's way out. The error is one line with
/// the place of the node.
std::variant<std::vector<LoadedNode>, ConfigError> load_nodes(const Config& config,
                                                              shm::Session& topics,
                                                              std::span<NodeStats> stats);

/// Whether each node's plug-in is one and has its type: what can be known without making nodes.
/// Loads the plug-ins.
std::optional<ConfigError> check_plugins(const Config& config);

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <horus/node.hpp>
#include <horus/topic.hpp>

#include "rt/base/tick_stats.hpp"
#include "service/config.hpp"

namespace horus::service {

/// A node that a plug-in made, with what the scheduler needs for it.
struct LoadedNode {
  NodeConfig config{};
  std::unique_ptr<Node, void (*)(Node*)> node{nullptr, [](Node*) {}};
  std::unique_ptr<WakeSource> wake;  ///< Event nodes only. Uses `node`, so it is destroyed first.
};

/// Opens the plug-ins of `config`, which has passed check_config(), and constructs every node, in
/// order. `stats` has one entry for each node, in the same order, in which the node's messages are
/// counted; it and `topics` outlive the nodes. Plug-ins are never unloaded, because a thread that
/// ends may still run their code.
/// Fails at the first plug-in or constructor that fails, and for parameters that no constructor
/// asked for. The error is one line with the place of the node. Not RT-safe.
std::variant<std::vector<LoadedNode>, ConfigError> load_nodes(const Config& config,
                                                              shm::Session& topics,
                                                              std::span<NodeStats> stats);

/// Checks what can be known without constructing nodes: whether each node's plug-in loads, has the
/// right ABI, and offers the node's type. Loads the plug-ins, which runs their static constructors.
std::optional<ConfigError> check_plugins(const Config& config);

}  // namespace horus::service

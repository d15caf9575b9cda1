// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rt/base/failures.hpp"
#include "service/wire/stats_view.hpp"
#include "shm/registry.hpp"

namespace horus::cli {

/// A table of the nodes of living hosts: where and how each runs.
std::string nodes_text(const wire::StatsView& stats, std::size_t width);
/// The same, one line of JSON for each node.
std::string nodes_lines(const wire::StatsView& stats);

/// Everything about one node, a line for each fact.
std::string node_text(const wire::HostView& host, const wire::NodeView& node);

/// A node's exceptions by type, the latest first, each with its traceback; empty: there were none.
std::string failures_text(const Failures& failures, TimePoint now);

/// All topics as they were at two moments, so that rates can be computed.
struct TopicLooks {
  std::vector<shm::TopicInfo> before;
  std::vector<shm::TopicInfo> now{};
  double apart_s = 0;  ///< Seconds between the two.
};
/// A table of what the node `node` of process `pid` sends and receives, and how often.
std::string node_topics_text(const TopicLooks& looks, const std::string& node, std::int64_t pid,
                             std::size_t width);

}  // namespace horus::cli

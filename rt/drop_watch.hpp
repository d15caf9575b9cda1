// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rt/base/black_box.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus {

/// Writes an event for each node that lost messages since the last look: one per node, however many
/// messages it lost.
///
/// Thread safety: one thread at a time, which is no executor.
class DropWatch {
 public:
  DropWatch() = default;
  /// Messages lost before now do not count.
  explicit DropWatch(std::span<const NodeStats> nodes) : nodes_{nodes}, seen_(nodes.size()) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) seen_[i] = counts_of(nodes_[i]);
  }

  /// Compares the counters with those of the last look. Call it about once a second.
  void look(BlackBox& box) noexcept {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Counts now = counts_of(nodes_[i]);
      const auto missed = static_cast<std::int64_t>(now.missed - seen_[i].missed);
      const auto refused = static_cast<std::int64_t>(now.refused - seen_[i].refused);
      seen_[i] = now;
      if (missed == 0 && refused == 0) continue;
      box.write({.kind = EventKind::kDrop, .numbers = {missed, refused}, .node = nodes_[i].name});
    }
  }

 private:
  struct Counts {
    std::uint64_t missed = 0;
    std::uint64_t refused = 0;
  };
  static Counts counts_of(const NodeStats& node) noexcept {
    return {node.messages_missed.value(), node.messages_refused.value()};
  }

  std::span<const NodeStats> nodes_;
  std::vector<Counts> seen_;
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <horus/scheduler.hpp>

#include "rt/base/late_ticks.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/stats_block.hpp"

namespace horus::test {

/// A host's statistics on the heap.
class HeapStats {
 public:
  explicit HeapStats(std::size_t nodes) : nodes_(nodes), late_(nodes) {}

  StatsBlock block() noexcept { return {.host = host_.get(), .nodes = nodes_, .late = late_}; }
  HostStats& host() noexcept { return *host_; }
  LateTicks& late(std::size_t node) noexcept { return late_[node]; }
  NodeStats& operator[](std::size_t node) noexcept { return nodes_[node]; }

 private:
  std::unique_ptr<HostStats> host_ = std::make_unique<HostStats>();
  std::vector<NodeStats> nodes_;
  std::vector<LateTicks> late_;
};

}  // namespace horus::test

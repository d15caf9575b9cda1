// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "rt/base/black_box.hpp"
#include "rt/base/late_ticks.hpp"
#include "rt/base/stop_words.hpp"
#include "rt/base/tick_stats.hpp"

namespace horus {

/// The memory into which a scheduler writes its statistics: a shared page, or the heap. All of it
/// outlives the scheduler.
struct StatsBlock {
  HostStats* host = nullptr;          ///< Statistics of the host. May be null.
  std::span<NodeStats> nodes{};       ///< One per added node, in the order of add().
  std::span<LateTicks> late{};        ///< One per added node, or empty: no late ticks are kept.
  StopWord* stop = nullptr;           ///< Tells other hosts of emergency stops here. May be null.
  const StopWords* others = nullptr;  ///< Other hosts whose stops are obeyed here. May be null.
  BlackBox* box = nullptr;            ///< Where events are kept; null: nowhere.
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "service/wire/stats_view.hpp"

namespace horus::cli {

/// What OpenMetrics calls a number. kNone: it is not exported.
enum class Metric : std::uint8_t { kNone, kCounter, kGauge, kHistogram };

/// One number of a node as people and OpenMetrics see it. Those of counters are made from
/// kNodeCounters.
struct NodeColumn {
  const char* title;  ///< Of the table; of a histogram, over its p50, p99 and max. Null: not there.
  const char* usual;  ///< The column is left out when each cell says this. Null: never left out.
  Metric metric;
  const char* family;  ///< OpenMetrics name, without "_total"; lines of one family are neighbours.
  const char* label;   ///< One more label, e.g. `kind="minor"`; null: none.
  const char* help;
  std::variant<std::string wire::NodeView::*, std::uint64_t wire::NodeView::*,
               std::int64_t wire::NodeView::*, double wire::NodeView::*,
               wire::HistogramView wire::NodeView::*,
               std::optional<wire::HistogramView> wire::NodeView::*>
      value;
};

std::span<const NodeColumn> node_columns();

}  // namespace horus::cli

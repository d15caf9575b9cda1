// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "service/wire/stats_view.hpp"

namespace horus::cli {

/// The type of a number in OpenMetrics. kNone: it is not exported.
enum class Metric : std::uint8_t { kNone, kCounter, kGauge, kHistogram };

/// One number of a node, as a column of the table and as a metric of OpenMetrics. The columns of
/// counters are made from kNodeCounters.
struct NodeColumn {
  /// Title in the table; of a histogram, above its p50, p99 and max. Null: not in the table.
  const char* title;
  const char* usual;   ///< The column is left out when all its cells say this. Null: always shown.
  Metric metric;       ///< Type in OpenMetrics.
  const char* family;  ///< OpenMetrics name without "_total". Columns of a family are neighbours.
  const char* label;   ///< One more label, e.g. `kind="minor"`; null: none.
  const char* help;    ///< Explanation, for the man page and OpenMetrics.
  std::variant<std::string wire::NodeView::*, std::uint64_t wire::NodeView::*,
               std::int64_t wire::NodeView::*, double wire::NodeView::*,
               wire::HistogramView wire::NodeView::*,
               std::optional<wire::HistogramView> wire::NodeView::*>
      value;
};

/// All columns, in the order of the table.
std::span<const NodeColumn> node_columns();

}  // namespace horus::cli

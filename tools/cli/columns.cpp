// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/columns.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace horus::cli {

using wire::NodeView;

namespace {

using enum Metric;

constexpr std::array kFirst{
    NodeColumn{"CLASS", nullptr, kNone, nullptr, nullptr,
               "What makes it tick: tick (a rate), event (a message), compute (a rate, on a thread "
               "of its own), async, best_effort.",
               &NodeView::node_class},
    NodeColumn{"STATE", "running", kNone, nullptr, nullptr,
               "Where in its life it is, or the callback that takes long.", &NodeView::state},
    NodeColumn{"RATE", nullptr, kGauge, "horus_node_rate_hertz", nullptr,
               "Ticks per second that are wanted.", &NodeView::rate_hz},
};
constexpr std::array kTimes{
    NodeColumn{"RUNG", "", kNone, nullptr, nullptr,
               "How far its misses in a row have led: warned, degraded, isolated or stopped.",
               &NodeView::rung},
    NodeColumn{"LATENESS", nullptr, kHistogram, "horus_wakeup_latency_seconds", nullptr,
               "Start of a tick after its release.", &NodeView::lateness},
    NodeColumn{"EXECUTION", nullptr, kHistogram, "horus_node_exec_seconds", nullptr,
               "End of a tick after its start.", &NodeView::execution},
    NodeColumn{nullptr, nullptr, kHistogram, "horus_node_response_seconds", nullptr,
               "End of a tick after its release.", &NodeView::response},
    NodeColumn{"GIL WAIT", "-", kHistogram, "horus_py_gil_wait_seconds", nullptr,
               "Wait of a Python node for the interpreter lock.", &NodeView::gil_wait},
    NodeColumn{"GIL LOST", "-", kHistogram, "horus_py_gil_lost_seconds", nullptr,
               "What ticks of a Python node lost while other threads had the interpreter lock.",
               &NodeView::gil_lost},
};
constexpr std::array kLast{
    NodeColumn{nullptr, nullptr, kCounter, "horus_thread_cpu_seconds", nullptr,
               "CPU time of the node's thread since its first release.", &NodeView::cpu_time_s},
    NodeColumn{nullptr, nullptr, kGauge, "horus_thread_rt_priority", nullptr,
               "SCHED_FIFO priority that is wanted; 0: none.", &NodeView::priority},
};

/// Adds the counters that the table or OpenMetrics shows, with those of one family next to each
/// other. `after_times`: those that stand behind the durations, or those before.
void add_counters(std::vector<NodeColumn>& columns, bool after_times) {
  for (const auto& row : kNodeCounters<std::uint64_t>) {
    const bool shown = row.column.title != nullptr || row.metric.family != nullptr;
    if (!shown || row.is(kAfterTimes) != after_times) continue;
    const Metric metric = row.metric.family == nullptr ? kNone
                          : row.is(kMayFall)           ? kGauge
                                                       : kCounter;
    const auto same = std::find_if(columns.rbegin(), columns.rend(), [&](const auto& column) {
      return column.label != nullptr && row.metric.label != nullptr &&
             std::string_view{column.family} == row.metric.family;
    });
    columns.insert(same == columns.rend() ? columns.end() : same.base(),
                   {row.column.title, row.column.usual, metric, row.metric.family, row.metric.label,
                    row.help, row.count});
  }
}

std::vector<NodeColumn> all_columns() {
  std::vector<NodeColumn> columns{kFirst.begin(), kFirst.end()};
  add_counters(columns, /*after_times=*/false);
  columns.insert(columns.end(), kTimes.begin(), kTimes.end());
  add_counters(columns, /*after_times=*/true);
  columns.insert(columns.end(), kLast.begin(), kLast.end());
  return columns;
}

}  // namespace

std::span<const NodeColumn> node_columns() {
  static const std::vector<NodeColumn> columns = all_columns();
  return columns;
}

}  // namespace horus::cli

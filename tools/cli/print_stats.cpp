// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/print_stats.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rt/base/printable.hpp"
#include "service/wire/health.hpp"
#include "tools/cli/columns.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

using wire::HistogramView;
using wire::HostView;
using wire::NodeView;

using Cells = std::vector<std::string>;

Cells cells_of(const HistogramView& histogram) {
  if (histogram.count == 0) return {"-", "-", "-"};
  return {duration_text(histogram.p50_us), duration_text(histogram.p99_us),
          duration_text(histogram.max_us)};
}
Cells cells_of(const std::optional<HistogramView>& histogram) {
  return cells_of(histogram.value_or(HistogramView{}));
}
Cells cells_of(const std::string& text) {
  return {text};
}
Cells cells_of(std::uint64_t count) {
  return {count_text(count)};
}
Cells cells_of(std::int64_t number) {
  return {std::to_string(number)};
}
Cells cells_of(double rate) {
  return {rate_text(rate)};
}  // Rates are the only column of type double.

Cells cells_of(const NodeColumn& column, const NodeView& node) {
  const auto* const text = std::get_if<std::string NodeView::*>(&column.value);
  if (text != nullptr && *text == &NodeView::state) return {state_text(node)};
  return std::visit([&](auto member) { return cells_of(node.*member); }, column.value);
}

bool is_histogram(const NodeColumn& column) {
  return column.metric == Metric::kHistogram;
}

/// Whether the table shows a column: it has a title, and some cell differs from the usual text.
bool says_something(const NodeColumn& column, const wire::StatsView& stats) {
  if (column.title == nullptr) return false;
  if (column.usual == nullptr) return true;
  for (const HostView& host : stats.hosts) {
    for (const NodeView& node : host.nodes) {
      if (cells_of(column, node).front() != column.usual) return true;
    }
  }
  return false;
}

void add_percentiles(std::vector<Table::Column>& columns, const std::string& group) {
  for (const char* title : {"p50", "p99", "max"}) columns.push_back({title, group, true});
}

Table host_table(const wire::StatsView& stats) {
  Table table{{{"HOST", "", false},
               {"KIND", "", false},
               {"PID", "", true},
               {"STATE", "", false},
               {"UP", "", true},
               {"LIVES", "", true},
               {"NOT GRANTED", "", false}}};
  for (const HostView& host : stats.hosts) {
    std::string missing;
    for (const auto& degradation : host.degradations) {
      missing += (missing.empty() ? "" : " ") + degradation.feature;
    }
    table.add({host.name, kind_text(host.kind), std::to_string(host.pid), state_text(host),
               uptime_text(host.uptime_s), std::to_string(host.lives),
               missing.empty() ? "-" : missing});
  }
  return table;
}

Table node_table(const wire::StatsView& stats) {
  std::vector<const NodeColumn*> shown;
  for (const NodeColumn& column : node_columns()) {
    if (says_something(column, stats)) shown.push_back(&column);
  }
  std::vector<Table::Column> columns{{"NODE", "", false}, {"HOST", "", false}};
  for (const NodeColumn* column : shown) {
    if (is_histogram(*column)) {
      add_percentiles(columns, column->title);
    } else {
      const bool text = std::holds_alternative<std::string NodeView::*>(column->value);
      columns.push_back({column->title, "", !text});
    }
  }
  Table table{std::move(columns)};
  for (const HostView& host : stats.hosts) {
    for (const NodeView& node : host.nodes) {
      Cells row{node.name, host.name};
      for (const NodeColumn* column : shown) {
        for (std::string& cell : cells_of(*column, node)) row.push_back(std::move(cell));
      }
      table.add(row);
    }
  }
  return table;
}

Table gc_table(const wire::StatsView& stats) {
  std::vector<Table::Column> columns{
      {"GC OF", "", false}, {"GEN", "", true}, {"RUNS", "", true}, {"FORCED", "", true}};
  add_percentiles(columns, "PAUSE");
  columns.push_back({"LONGEST EVER", "", false});
  Table table{std::move(columns)};
  for (const HostView& host : stats.hosts) {
    for (const wire::GcView& gc : host.gc) {
      Cells row{host.name, std::to_string(gc.generation), count_text(gc.collections),
                count_text(gc.forced)};
      for (std::string& cell : cells_of(gc.pause)) row.push_back(std::move(cell));
      row.push_back(gc.collections == 0 ? "-"
                                        : duration_text(gc.longest_us) + " at tick " +
                                              std::to_string(gc.longest_tick));
      table.add(row);
    }
  }
  return table;
}

}  // namespace

std::string kind_text(std::string_view kind) {
  if (kind == "cpp") return "C++";
  return kind == "python" ? "Python" : std::string{kind};
}

std::string stats_text(const wire::StatsView& stats, std::size_t width) {
  std::string text = host_table(stats).text(width);
  for (const Table& table : {node_table(stats), gc_table(stats)}) {
    if (!table.empty()) text += "\n" + table.text(width);
  }
  for (const HostView& host : stats.hosts) {
    if (host.rejected_files == 0) continue;
    text += fmt::format(
        "\nhost '{}' did not use {} files of others in shared memory: damaged, foreign, or too "
        "many\n",
        printable(host.name), host.rejected_files);
  }
  if (stats.truncated) {
    text += "\nthere are more hosts or nodes than a reply has: some are not shown\n";
  }
  return text;
}

wire::StatsView only_node(wire::StatsView stats, std::string_view name) {
  for (HostView& host : stats.hosts) {
    std::erase_if(host.nodes, [&](const NodeView& node) { return node.name != name; });
  }
  std::erase_if(stats.hosts, [](const HostView& host) { return host.nodes.empty(); });
  return stats;
}

}  // namespace horus::cli

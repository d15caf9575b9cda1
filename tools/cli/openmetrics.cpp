// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "rt/base/histogram.hpp"
#include "rt/base/printable.hpp"
#include "rt/base/version.hpp"
#include "tools/cli/columns.hpp"
#include "tools/cli/print_stats.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

using wire::HistogramView;
using wire::HostView;
using wire::NodeView;

/// One family of samples. The constructor prints its head. Of two samples with the same labels only
/// the first is printed, as a reader would refuse the whole text.
class Family {
 public:
  Family(std::string& text, std::string name, Metric metric, const char* help)
      : text_{text}, name_{std::move(name)}, metric_{metric} {
    static constexpr std::array kTypes{"unknown", "counter", "gauge", "histogram"};
    text_ += fmt::format("# TYPE {} {}\n", name_, kTypes.at(static_cast<std::size_t>(metric)));
    for (const char* unit : {"seconds", "hertz", "bytes"}) {
      if (name_.ends_with(std::string{"_"} + unit))
        text_ += fmt::format("# UNIT {} {}\n", name_, unit);
    }
    text_ += fmt::format("# HELP {} {}\n", name_, help);
  }

  template <typename Number>
  void add(const std::string& labels, Number value) {
    if (!seen_.insert(labels).second) return;
    text_ += fmt::format("{}{}{{{}}} {}\n", name_, metric_ == Metric::kCounter ? "_total" : "",
                         labels, value);
  }
  void add(const std::string& labels, const HistogramView& histogram);

 private:
  std::string& text_;
  std::string name_;
  Metric metric_;
  std::set<std::string> seen_;
};

void Family::add(const std::string& labels, const HistogramView& histogram) {
  if (!seen_.insert(labels).second) return;
  static constexpr std::array kSteps{1, 2, 5};
  std::uint64_t below = 0;
  auto bucket = histogram.buckets.begin();
  const auto bound = [&](std::int64_t us) {
    // A bucket counts below a bound when its largest possible value does.
    while (bucket != histogram.buckets.end() && bucket->first + 1 < ll5::kBuckets &&
           ll5::lower_bound(bucket->first + 1) - 1 <= us * 1000) {
      below += bucket->second;
      ++bucket;
    }
    // "1.0" with a point, as OpenMetrics wants it: readers compare bounds as text.
    const std::string le =
        us == 1'000'000 ? "1.0" : fmt::format("{}", static_cast<double>(us) / 1e6);
    text_ += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name_, labels, le, below);
  };
  for (std::int64_t decade = 1; decade < 1'000'000; decade *= 10) {
    for (const int step : kSteps) bound(decade * step);
  }
  bound(1'000'000);
  const std::uint64_t total = std::max(histogram.count, below);
  text_ += fmt::format("{}_bucket{{{},le=\"+Inf\"}} {}\n", name_, labels, total);
  text_ += fmt::format("{}_count{{{}}} {}\n", name_, labels, total);
  text_ += fmt::format("{}_sum{{{}}} {}\n", name_, labels,
                       histogram.mean_us * static_cast<double>(histogram.count) / 1e6);
}

std::string label(const char* key, std::string_view value) {
  std::string escaped;
  for (const char c : printable(value)) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return fmt::format("{}=\"{}\"", key, escaped);
}

std::string labels_of(const HostView& host, const NodeView& node, const NodeColumn& column) {
  std::string labels = label("host", host.name) + "," + label("node", node.name);
  if (column.label != nullptr) labels += std::string{","} + column.label;
  return labels;
}

template <typename Member>
void add_node(Family& family, const std::string& labels, const NodeView& node, Member member) {
  if constexpr (std::is_same_v<Member, std::optional<HistogramView> NodeView::*>) {
    if (node.*member) family.add(labels, *(node.*member));
  } else if constexpr (!std::is_same_v<Member, std::string NodeView::*>) {
    family.add(labels, node.*member);
  }
}

void add_column(Family& family, const NodeColumn& column, const wire::StatsView& stats) {
  for (const HostView& host : stats.hosts) {
    for (const NodeView& node : host.nodes) {
      const std::string labels = labels_of(host, node, column);
      std::visit([&](auto member) { add_node(family, labels, node, member); }, column.value);
    }
  }
}

void add_nodes(std::string& text, const wire::StatsView& stats) {
  const NodeColumn* previous = nullptr;
  std::optional<Family> family;
  for (const NodeColumn& column : node_columns()) {
    if (column.metric == Metric::kNone) continue;
    const bool same = previous != nullptr && std::string_view{previous->family} == column.family;
    if (!same) family.emplace(text, column.family, column.metric, column.help);
    previous = &column;
    add_column(*family, column, stats);
  }
}

void add_states(std::string& text, const wire::StatsView& stats) {
  Family states{text, "horus_node_state", Metric::kGauge, "1 for the state that the node is in."};
  for (const HostView& host : stats.hosts) {
    for (const NodeView& node : host.nodes) {
      states.add(label("host", host.name) + "," + label("node", node.name) + "," +
                     label("state", node.state),
                 1);
    }
  }
}

void add_health(std::string& text, const wire::HealthView& health) {
  Family word{text, "horus_health", Metric::kGauge, "1 for the word of 'horusctl status'."};
  for (const auto one : {wire::Health::kHealthy, wire::Health::kDegraded, wire::Health::kFailed}) {
    word.add(label("status", to_text(one)), one == health.health ? 1 : 0);
  }
  // Labelled by the advice, not by the reason's text: that has numbers in it, and each change would
  // begin another time series.
  Family reasons{text, "horus_health_reason", Metric::kGauge,
                 "1 for each reason of 'horusctl status'."};
  for (const wire::Reason& reason : health.reasons) {
    reasons.add(label("host", reason.host) + "," + label("node", reason.node) + "," +
                    label("status", to_text(reason.health)) + "," + label("advice", reason.advice),
                1);
  }
}

void add_hosts(std::string& text, const wire::StatsView& stats) {
  Family up{text, "horus_host_up", Metric::kGauge, "1: the host's process is alive and ready."};
  for (const HostView& host : stats.hosts) {
    up.add(label("host", host.name) + "," + label("kind", host.kind),
           host.alive && host.ready ? 1 : 0);
  }
  Family uptime{text, "horus_uptime_seconds", Metric::kGauge, "Age of the host's scheduler."};
  for (const HostView& host : stats.hosts) uptime.add(label("host", host.name), host.uptime_s);
  Family restarts{text, "horus_restarts", Metric::kCounter, "Lives of the host after the first."};
  for (const HostView& host : stats.hosts) {
    restarts.add(label("host", host.name), host.lives > 0 ? host.lives - 1 : 0);
  }
  Family rejected{text, "horus_host_rejected_files", Metric::kCounter,
                  "Files of others in shared memory that the host did not use."};
  for (const HostView& host : stats.hosts) {
    rejected.add(label("host", host.name), host.rejected_files);
  }
  Family memory{text, "horus_process_resident_memory_bytes", Metric::kGauge, "Resident memory."};
  for (const HostView& host : stats.hosts) memory.add(label("host", host.name), host.rss_bytes);
  Family degraded{text, "horus_rt_degraded", Metric::kGauge, "1: wanted and not granted."};
  for (const HostView& host : stats.hosts) {
    for (const auto& one : host.degradations) {
      degraded.add(label("host", host.name) + "," + label("feature", one.feature), 1);
    }
  }
}

void add_collectors(std::string& text, const wire::StatsView& stats) {
  const auto each = [&](Family family, auto member) {
    for (const HostView& host : stats.hosts) {
      for (const wire::GcView& gc : host.gc) {
        family.add(
            label("host", host.name) + "," + label("generation", std::to_string(gc.generation)),
            gc.*member);
      }
    }
  };
  using enum Metric;
  using wire::GcView;
  each(Family{text, "horus_py_gc_pause_seconds", kHistogram, "Pauses by the garbage collector."},
       &GcView::pause);
  each(Family{text, "horus_py_gc_forced", kCounter, "Collections without enough slack."},
       &GcView::forced);
  each(Family{text, "horus_py_gc_collected", kCounter, "Objects collected."}, &GcView::collected);
  each(Family{text, "horus_py_gc_uncollectable", kCounter, "Objects that could not be collected."},
       &GcView::uncollectable);
  const auto each_host = [&](Family family, auto member) {
    for (const HostView& host : stats.hosts) {
      if (!host.gc.empty()) family.add(label("host", host.name), host.*member);
    }
  };
  each_host(Family{text, "horus_py_gc_objects", kGauge,
                   "Objects that the garbage collector knows, an estimate."},
            &HostView::gc_objects);
  each_host(Family{text, "horus_py_gc_freezes", kCounter,
                   "Freezes in place of collections without enough slack."},
            &HostView::gc_freezes);
}

/// Makes host names unique, living hosts first: the second host of a name (the service's and one of
/// the user's own, say) gets its pid appended.
wire::StatsView told_apart(wire::StatsView stats) {
  std::stable_partition(stats.hosts.begin(), stats.hosts.end(),
                        [](const HostView& host) { return host.alive; });
  std::set<std::string> names;
  for (HostView& host : stats.hosts) {
    if (!names.insert(host.name).second) host.name += fmt::format("@{}", host.pid);
  }
  return stats;
}

}  // namespace

std::string stats_openmetrics(const wire::StatsView& all,
                              const std::optional<wire::HealthView>& health) {
  const wire::StatsView stats = told_apart(all);
  std::string text = "# TYPE horus info\n# HELP horus The program that wrote this.\n";
  text += fmt::format("horus_info{{{}}} 1\n", label("version", kVersion));
  if (health) add_health(text, *health);
  add_hosts(text, stats);
  add_nodes(text, stats);
  add_states(text, stats);
  add_collectors(text, stats);
  text += "# EOF\n";
  return text;
}

}  // namespace horus::cli

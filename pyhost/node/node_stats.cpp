// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node/node_stats.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "pyhost/payload/session.hpp"
#include "shm/stats_page.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

struct Quantile {
  const char* name;
  double value;
};
constexpr std::array<Quantile, 4> kQuantiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}}};

/// Adds `<prefix>p50<suffix>` … and `<prefix>max<suffix>`, in units of `ns` nanoseconds.
void add_quantiles(pyb::dict& stats, const std::string& prefix, const char* suffix,
                   const HistogramSnapshot& histogram, double ns) {
  for (const Quantile& quantile : kQuantiles) {
    stats[pyb::str(prefix + quantile.name + suffix)] =
        static_cast<double>(histogram.percentile_ns(quantile.value)) / ns;
  }
  stats[pyb::str(prefix + "max" + suffix)] = static_cast<double>(histogram.max_ns) / ns;
}

/// Python's name of a thread of this process; "thread 1234" for one that has ended; None for 0.
pyb::object thread_name(std::int32_t tid) {
  if (tid == 0) return pyb::none();
  for (const pyb::handle thread : pyb::module_::import("threading").attr("enumerate")()) {
    const pyb::object id = thread.attr("native_id");
    if (!id.is_none() && id.cast<std::int64_t>() == tid) return thread.attr("name");
  }
  return pyb::str("thread " + std::to_string(tid));
}

void add_durations(pyb::dict& stats, const NodeStats& node) {
  const HistogramSnapshot execution = node.execution.snapshot();
  stats["avg_tick_duration_ms"] = execution.mean_ns() / 1e6;
  stats["min_tick_duration_ms"] = static_cast<double>(execution.min_ns) / 1e6;
  stats["last_tick_duration_ms"] = static_cast<double>(node.last_execution_ns.value()) / 1e6;
  add_quantiles(stats, "", "_tick_duration_ms", execution, 1e6);
  add_quantiles(stats, "", "_release_lateness_us", node.lateness.snapshot(), 1e3);
  add_quantiles(stats, "", "_gil_wait_us", node.gil_wait.snapshot(), 1e3);
  add_quantiles(stats, "", "_gil_lost_us", node.gil_lost.snapshot(), 1e3);
  add_quantiles(stats, "", "_await_us", node.awaited.snapshot(), 1e3);
  stats["gil_lost_to"] = thread_name(node.gil_lost_to.value());
}

void add_host(pyb::dict& stats, const HostStats& host) {
  const GcStats& gc = host.gc;
  stats["rss_bytes"] = host.rss_bytes.value();
  stats["gc_objects"] = gc.objects.value();
  stats["gc_freezes"] = gc.freezes.value();
  for (std::size_t i = 0; i < gc.generation.size(); ++i) {
    const GcStats::Generation& generation = gc.generation[i];
    const std::string prefix = "gc_gen" + std::to_string(i) + "_";
    stats[pyb::str(prefix + "collections")] = generation.collections.value();
    stats[pyb::str(prefix + "forced")] = generation.forced.value();
    stats[pyb::str(prefix + "collected")] = generation.collected.value();
    stats[pyb::str(prefix + "longest_tick")] = generation.longest_tick.value();
    add_quantiles(stats, prefix, "_pause_us", generation.pause.snapshot(), 1e3);
  }
}

double uptime_seconds(const NodeStats& node) {
  const std::int64_t first = node.first_release_ns.value();
  if (first == 0) return 0.0;
  // The time that the releases so far cover, the period of the last one included.
  return static_cast<double>(node.last_release_ns.value() - first + node.period_ns.value()) * 1e-9;
}

/// For a node of another process: opens that host's statistics page, if there is one. Otherwise the
/// page that was read last stays.
void look_at_host(PyNode& node) {
  const auto session = py::session();
  if (node.spec.host.empty() || node.host() != nullptr || !session) return;
  auto opened = shm::StatsPage::open(session.value()->base(), node.spec.host);
  if (!opened) return;
  const auto page = std::make_shared<const shm::StatsPage>(std::move(opened).value());
  for (const NodeStats& stats : page->nodes()) {
    if (!(stats.name == node.spec.name)) continue;
    node.show_stats(std::shared_ptr<const NodeStats>{page, &stats},
                    std::shared_ptr<const HostStats>{page, &page->host()});
  }
}

}  // namespace

pyb::dict stats_of(PyNode& node) {
  look_at_host(node);
  pyb::dict stats;
  stats["name"] = node.spec.name;
  stats["order"] = node.spec.config.order;
  stats["rate_hz"] = node.spec.config.rate ? node.spec.config.rate->hz() : 0.0;
  // Before the first run everything is zero, as it is in a page that nobody has written yet.
  static const NodeStats kNone{};
  static const HostStats kNoHost{};
  const bool known = node.stats() != nullptr;
  const NodeStats& counted = known ? *node.stats() : kNone;
  stats["priority"] = known ? counted.priority.value() : node.spec.config.priority.value_or(0);
  stats["cpu"] = known ? counted.cpu.value() : node.spec.config.cpu.value_or(-1);
  stats["class"] = to_text(node.spec.config.node_class);
  stats["state"] = to_text(counted.state.value());
  for (const auto& row : kNodeCounters<Counter>) {
    if (row.python != nullptr) stats[row.python] = (counted.*row.count).value();
  }
  const bool apart = known && !node.spec.host.empty() && node.host() == nullptr;
  if (!apart) {
    // The ports count outside of runs as well.
    const PortTable& ports = *node_object(node.self()).ports;
    stats["messages_sent"] = ports.sent();
    stats["messages_received"] = ports.received();
    stats["messages_dropped"] = ports.dropped();
    stats["messages_missed"] = ports.missed();
    stats["messages_passed_over"] = ports.passed_over();
  }
  const std::uint64_t ticks = counted.ticks.value();
  // A tick that fails at this moment counts as failed before it counts as a tick; hence the
  // minimum.
  const std::uint64_t failures = apart ? counted.errors.value() : node.failed_ticks();
  const std::uint64_t failed = std::min(known ? failures : 0, ticks);
  stats["failed_ticks"] = failed;
  stats["successful_ticks"] = ticks - failed;
  stats["uptime_seconds"] = uptime_seconds(counted);
  stats["safety"] = to_text(counted.safety.value());
  add_durations(stats, counted);
  add_host(stats, node.host_stats() != nullptr ? *node.host_stats() : kNoHost);
  return stats;
}

pyb::dict safety_stats_of(std::span<const NodeStats> nodes, const char* state) {
  std::uint64_t misses = 0;
  std::uint64_t overruns = 0;
  for (const NodeStats& node : nodes) {
    misses += node.misses.value();
    overruns += node.overruns.value();
  }
  pyb::dict stats;
  stats["state"] = state;
  stats["budget_overruns"] = overruns;
  stats["deadline_misses"] = misses;
  return stats;
}

}  // namespace horus::py

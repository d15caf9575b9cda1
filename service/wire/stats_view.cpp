// SPDX-License-Identifier: Apache-2.0
#include "service/wire/stats_view.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "service/wire/interfaces.hpp"

namespace horus::wire {

namespace {

double us(std::int64_t ns) noexcept {
  return static_cast<double>(ns) / 1e3;
}
double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) / 1e9;
}

const char* severity_text(std::uint32_t severity) noexcept {
  switch (severity) {
    case 0: return "info";
    case 1: return "warning";
    default: return "error";
  }
}

/// later - earlier, never below 0. Unsigned, because the owner may have written anything.
std::int64_t between(std::int64_t earlier, std::int64_t later) noexcept {
  if (later <= earlier) return 0;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(later) -
                                   static_cast<std::uint64_t>(earlier));
}

/// From the first release to the end of the last one's period; 0 before the first.
double elapsed_s(const NodeStats& node) noexcept {
  const std::int64_t first = node.first_release_ns.value();
  if (first == 0) return 0;
  // Rounded to microseconds: a sum of two doubles that nobody wants to read in full.
  const double sum =
      seconds(between(first, node.last_release_ns.value())) + seconds(node.period_ns.value());
  return std::round(sum * 1e6) / 1e6;
}

NodeView read_node(const NodeStats& node, bool python) {
  const std::int64_t period = node.period_ns.value();
  NodeView view{
      .name = std::string{node.name.view()},
      .node_class = to_text(node.node_class.value()),
      .state = to_text(node.state.value()),
      .rate_hz = period > 0 ? 1e9 / static_cast<double>(period) : 0.0,
      .ticks = node.ticks.value(),
      .skipped = node.skipped.value(),
      .carried_ticks = node.carried_ticks.value(),
      .carried_skipped = node.carried_skipped.value(),
      .misses = node.misses.value(),
      .consecutive_misses = node.consecutive_misses.value(),
      .overruns = node.overruns.value(),
      .errors = node.errors.value(),
      .elapsed_s = elapsed_s(node),
      .order = node.order.value(),
      .priority = node.priority.value(),
      .cpu = node.cpu.value(),
      .tid = node.tid.value(),
      .budget_us = us(node.budget_ns.value()),
      .deadline_us = us(node.deadline_ns.value()),
      .lateness = read_histogram(node.lateness),
      .execution = read_histogram(node.execution),
      .response = read_histogram(node.response),
      .skipped_response = read_histogram(node.skipped_response),
      .gil_wait = {},
      .gil_lost = {},
      .gil_losses = node.gil_losses.value(),
      .gil_lost_tick = node.gil_lost_tick.value(),
      .gil_lost_to = node.gil_lost_to.value(),
      .gil_long_waits = node.gil_long_waits.value(),
      .gil_long_waits_off_cpu = node.gil_long_waits_off_cpu.value(),
      .sent = node.messages_sent.value(),
      .received = node.messages_received.value(),
      .dropped = node.messages_dropped.value(),
      .minor_faults = node.thread.minor_faults.value(),
      .major_faults = node.thread.major_faults.value(),
      .voluntary_switches = node.thread.voluntary_switches.value(),
      .involuntary_switches = node.thread.involuntary_switches.value(),
      .cpu_time_s = static_cast<double>(node.thread.cpu_time_ns.value()) / 1e9,
      .last_cpu = node.thread.last_cpu.value(),
  };
  if (python) {
    view.gil_wait = read_histogram(node.gil_wait);
    view.gil_lost = read_histogram(node.gil_lost);
  }
  return view;
}

std::vector<GcView> read_gc(const GcStats& gc) {
  std::vector<GcView> views;
  for (std::size_t i = 0; i < gc.generation.size(); ++i) {
    const GcStats::Generation& one = gc.generation[i];
    views.push_back({.generation = static_cast<std::int64_t>(i),
                     .collections = one.collections.value(),
                     .forced = one.forced.value(),
                     .collected = one.collected.value(),
                     .uncollectable = one.uncollectable.value(),
                     .pause = read_histogram(one.pause),
                     .longest_us = us(one.longest_ns.value()),
                     .longest_tick = one.longest_tick.value()});
  }
  return views;
}

std::vector<DegradationView> read_degradations(const HostStats& host) {
  // The count is the owner's word: never beyond the array.
  const std::size_t count =
      std::min<std::size_t>(host.degradations.value(), HostStats::kMaxDegradations);
  std::vector<DegradationView> views;
  for (std::size_t i = 0; i < count; ++i) {
    const DegradationRecord& one = host.degradation[i];
    views.push_back({.feature = std::string{one.feature.view()},
                     .reason = std::string{one.reason.view()},
                     .severity = severity_text(one.severity.value()),
                     .fix = std::string{one.fix.view()}});
  }
  return views;
}

std::string read_boot_id() {
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace

HistogramView read_histogram(const Histogram& histogram) {
  const HistogramSnapshot copy = histogram.snapshot();
  HistogramView view{.count = copy.count(),
                     .min_us = us(copy.min_ns),
                     .mean_us = copy.mean_ns() / 1e3,
                     .p50_us = us(copy.percentile_ns(0.5)),
                     .p90_us = us(copy.percentile_ns(0.9)),
                     .p99_us = us(copy.percentile_ns(0.99)),
                     .p999_us = us(copy.percentile_ns(0.999)),
                     .max_us = us(copy.max_ns),
                     .buckets = {}};
  for (std::size_t i = 0; i < copy.buckets.size(); ++i) {
    if (copy.buckets[i] != 0) view.buckets.emplace_back(i, copy.buckets[i]);
  }
  return view;
}

HostView read_host(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                   TimePoint now) {
  const bool python = host.python.value() != 0;
  HostView view{.name = std::string{host.name.view()},
                .pid = host.pid.value(),
                .alive = alive,
                .ready = host.ready.value() != 0,
                .kind = python ? "python" : "cpp",
                .lives = host.lives.value(),
                .uptime_s = 0,
                .rss_bytes = host.rss_bytes.value(),
                .gc_objects = host.gc.objects.value(),
                .gc_freezes = host.gc.freezes.value(),
                .degradations = read_degradations(host),
                .gc = {},
                .nodes = {}};
  std::int64_t last_ns = alive ? to_ns(now) : 0;
  for (const NodeStats& node : nodes) {
    view.nodes.push_back(read_node(node, python));
    if (!alive) last_ns = std::max(last_ns, node.last_release_ns.value());
  }
  const std::int64_t epoch = host.epoch_ns.value();
  if (epoch != 0) view.uptime_s = seconds(between(epoch, last_ns));
  if (python) view.gc = read_gc(host.gc);
  return view;
}

StatsView stats_of(std::vector<HostView> hosts, TimePoint now) {
  return {.version = kProtocolVersion,
          .monotonic_us = to_ns(now) / 1000,
          .boot_id = read_boot_id(),
          .hosts = std::move(hosts)};
}

}  // namespace horus::wire

// SPDX-License-Identifier: Apache-2.0
#include "service/wire/stats_view.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "service/wire/interfaces.hpp"
#include "service/wire/windows.hpp"

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
  // Rounded to microseconds, so that the sum of two doubles prints without a tail of digits.
  const double sum =
      seconds(between(first, node.last_release_ns.value())) + seconds(node.period_ns.value());
  return std::round(sum * 1e6) / 1e6;
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
  // The owner may have written any count: never read beyond the array.
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

namespace {

/// The inputs that are stale now.
std::vector<StaleView> read_stale(const StaleInputs& inputs, TimePoint now) {
  std::vector<StaleView> stale;
  for (const auto& place : inputs.inputs) {
    const auto input = place.load();
    if (!input || input->since_ns <= 0) continue;
    const std::int64_t from = input->newest_ns > 0 ? input->newest_ns : input->since_ns;
    stale.push_back({.topic = std::string{input->topic.view()},
                     .publisher = std::string{input->publisher.view()},
                     .came = input->newest_ns > 0,
                     .age_s = seconds(between(from, to_ns(now))),
                     .timeout_s = seconds(std::max(input->timeout_ns, std::int64_t{0})),
                     .stops = input->stops != 0});
  }
  return stale;
}

/// A node without its histograms.
NodeView read_numbers(const HostStats& host, const NodeStats& node, bool alive, TimePoint now) {
  const TimePoint until = counted_until(host, alive, now);
  NodeView view;
  for (std::size_t i = 0; i < std::size(kNodeCounters<Counter>); ++i) {
    view.*kNodeCounters<std::uint64_t>[i].count = (node.*kNodeCounters<Counter>[i].count).value();
  }
  view.name = node.name.view();
  view.node_class = to_text(node.node_class.value());
  view.state = to_text(node.state.value());
  if (const auto busy = alive ? long_call_of(host, node, now) : std::nullopt) {
    view.busy_in = to_text(busy->in);
    view.busy_s = seconds(between(busy->since_ns, to_ns(now)));
  }
  view.safety = to_text(node.safety.value());
  view.actuator = node.actuator.value() != 0;
  const std::int64_t period = node.period_ns.value();
  if (period > 0) view.rate_hz = 1e9 / static_cast<double>(period);
  if (const std::int64_t since = node.rung_since_ns.value(); since > 0) {
    view.rung = to_text(node.rung.value());
    view.rung_s = seconds(between(since, to_ns(until)));
  }
  view.rung_misses = node.rung_misses.value();
  view.rung_good = node.rung_good.value();
  view.rung_recover = node.rung_recover.value();
  view.last_10s = window_of(host, node, until, 10s);
  view.last_minute = window_of(host, node, until, 60s);
  view.elapsed_s = elapsed_s(node);
  view.order = node.order.value();
  view.priority = node.priority.value();
  view.cpu = node.cpu.value();
  view.tid = node.tid.value();
  view.budget_us = us(node.budget_ns.value());
  view.deadline_us = us(node.deadline_ns.value());
  view.gil_lost_to = node.gil_lost_to.value();
  if (alive) view.stale = read_stale(node.stale, now);
  view.cpu_time_s = static_cast<double>(node.cpu_time_ns.value()) / 1e9;
  view.last_cpu = node.last_cpu.value();
  return view;
}

/// Fills in how much the host's counts have grown in the last minute.
void read_minute(const HostStats& host, TimePoint until, HostView& view) {
  const auto place = snapshot_before(host, until, 60s);
  const std::uint64_t lives = place ? host.snapshot[*place].lives.value() : 1;
  const std::uint64_t forced = place ? host.snapshot[*place].gc_forced.value() : 0;
  const std::uint64_t forced_now = forced_collections(host.gc);
  view.restarts_last_minute = view.lives - std::min(view.lives, lives);
  view.gc_forced_last_minute = forced_now - std::min(forced_now, forced);
}

}  // namespace

std::optional<LongCall> long_call_of(const HostStats& host, const NodeStats& node,
                                     TimePoint now) noexcept {
  if (const std::int64_t since = node.busy_since_ns.value(); since > 0 && since <= to_ns(now)) {
    return LongCall{.in = node.busy_in.value(), .since_ns = since};
  }
  // A coroutine that awaits is not silent for the watchdog, but releases that pass meanwhile count
  // here.
  const std::int64_t period = node.period_ns.value();
  const std::int64_t last = node.last_release_ns.value();
  // Without an epoch a program ticks the node itself, whenever it likes.
  const bool ticks = node.node_class.value() == NodeClass::kAsync && period > 0 && last > 0 &&
                     node.state.value() == NodeState::kRunning &&
                     node.rung.value() < Rung::kIsolated && host.epoch_ns.value() != 0;
  const std::int64_t patience = std::max(10 * std::min(period, to_ns(1h)), to_ns(1s));
  if (!ticks || to_ns(now) - last < patience) return std::nullopt;
  return LongCall{.in = NodeActivity::kTick, .since_ns = last};
}

NodeView read_node(const HostStats& host, const NodeStats& node, bool alive, TimePoint now) {
  NodeView view = read_numbers(host, node, alive, now);
  view.lateness = read_histogram(node.lateness);
  view.execution = read_histogram(node.execution);
  view.response = read_histogram(node.response);
  view.skipped_response = read_histogram(node.skipped_response);
  if (host.python.value() != 0) {
    view.gil_wait = read_histogram(node.gil_wait);
    if (node.node_class.value() == NodeClass::kAsync) view.awaited = read_histogram(node.awaited);
    view.gil_lost = read_histogram(node.gil_lost);
  }
  return view;
}

HostView read_host_alone(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                         TimePoint now) {
  const bool python = host.python.value() != 0;
  HostView view{.name = std::string{host.name.view()},
                .pid = host.pid.value(),
                .alive = alive,
                .ready = host.ready.value() != 0,
                .kind = python ? "python" : "cpp",
                .lives = host.lives.value(),
                .restarts_last_minute = 0,
                .gc_forced_last_minute = 0,
                .silent_s = 0,
                .asks_realtime = host.asks_realtime.value() != 0,
                .safety = {},
                .stop_cause = {},
                .stop_text = {},
                .uptime_s = 0,
                .rss_bytes = host.rss_bytes.value(),
                .gc_objects = host.gc.objects.value(),
                .gc_freezes = host.gc.freezes.value(),
                .rejected_files = host.rejected.value(),
                .degradations = read_degradations(host),
                .gc = {},
                .nodes = {}};
  std::int64_t last_ns = alive ? to_ns(now) : 0;
  if (!alive) {
    for (const NodeStats& node : nodes) last_ns = std::max(last_ns, node.last_release_ns.value());
  }
  view.safety = to_text(host.safety.value());
  if (is_latched(host.safety.value())) {
    if (const auto note = host.stop.load()) {
      view.stop_cause = to_text(note->cause);
      view.stop_text = note->text.view();
    }
  }
  const std::int64_t epoch = host.epoch_ns.value();
  if (epoch != 0) view.uptime_s = seconds(between(epoch, last_ns));
  if (python) view.gc = read_gc(host.gc);
  const TimePoint until = counted_until(host, alive, now);
  if (!alive) view.silent_s = seconds(to_ns(now - until));
  if (alive && view.ready) view.silent_s = seconds(to_ns(now - counted_until(host, false, now)));
  read_minute(host, until, view);
  return view;
}

HostView read_host(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                   TimePoint now) {
  HostView view = read_host_alone(host, nodes, alive, now);
  for (const NodeStats& node : nodes) {
    view.nodes.push_back(read_node(host, node, alive, now));
  }
  return view;
}

HostView read_for_verdict(const HostStats& host, std::span<const NodeStats> nodes, bool alive,
                          TimePoint now) {
  HostView view = read_host_alone(host, nodes, alive, now);
  for (const NodeStats& node : nodes) view.nodes.push_back(read_numbers(host, node, alive, now));
  return view;
}

StatsView stats_of(std::vector<HostView> hosts, TimePoint now) {
  return {.version = kProtocolVersion,
          .monotonic_us = to_ns(now) / 1000,
          .boot_id = read_boot_id(),
          .truncated = false,
          .hosts = std::move(hosts)};
}

}  // namespace horus::wire

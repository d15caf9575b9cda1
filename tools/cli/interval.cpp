// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/interval.hpp"

#include <algorithm>
#include <optional>

#include "rt/base/histogram.hpp"

namespace horus::cli {

namespace {

using wire::HistogramView;
using wire::HostView;
using wire::NodeView;

constexpr double kMaxUs = 1e12;  // Longer than any duration; bounds what a reply may claim.

/// The difference of two states of a histogram. Nothing where a bucket has shrunk or does not
/// exist: then `now` is not the same histogram, grown.
std::optional<HistogramSnapshot> grown(const HistogramView& before, const HistogramView& now) {
  HistogramSnapshot difference;
  for (const auto& [index, count] : now.buckets) {
    if (index >= ll5::kBuckets) return std::nullopt;
    difference.buckets[index] = count;
  }
  for (const auto& [index, count] : before.buckets) {
    if (index >= ll5::kBuckets || difference.buckets[index] < count) return std::nullopt;
    difference.buckets[index] -= count;
  }
  return difference;
}

/// The maximum of an interval, ns: not above the largest value ever, nor above the end of the
/// highest bucket that was hit.
std::int64_t largest(std::size_t top, std::int64_t ever_ns) {
  return top + 1 < ll5::kBuckets ? std::min(ll5::lower_bound(top + 1) - 1, ever_ns) : ever_ns;
}

void subtract(const HistogramView& before, HistogramView& now) {
  auto difference = grown(before, now);
  if (!difference) return;
  const std::uint64_t total = difference->count();
  HistogramView view{.count = total};
  // Sum, minimum and maximum of the interval are not known, so they are taken from its buckets.
  if (total != 0) {
    double sum_ns = 0;
    for (std::size_t i = 0; i < ll5::kBuckets; ++i) {
      const std::uint64_t count = difference->buckets[i];
      if (count == 0) continue;
      view.buckets.emplace_back(i, count);
      sum_ns += static_cast<double>(ll5::lower_bound(i)) * static_cast<double>(count);
    }
    const auto ever_ns = static_cast<std::int64_t>(std::clamp(now.max_us, 0.0, kMaxUs) * 1e3);
    difference->max_ns = largest(view.buckets.back().first, ever_ns);
    view.max_us = static_cast<double>(difference->max_ns) / 1e3;
    view.min_us = static_cast<double>(ll5::lower_bound(view.buckets.front().first)) / 1e3;
    view.mean_us = sum_ns / static_cast<double>(total) / 1e3;
    const auto at = [&](double quantile) {
      return static_cast<double>(difference->percentile_ns(quantile)) / 1e3;
    };
    view.p50_us = at(0.5);
    view.p90_us = at(0.9);
    view.p99_us = at(0.99);
    view.p999_us = at(0.999);
  }
  now = std::move(view);
}

void subtract(const NodeView& before, NodeView& now) {
  subtract(before.lateness, now.lateness);
  subtract(before.execution, now.execution);
  subtract(before.response, now.response);
  subtract(before.skipped_response, now.skipped_response);
  if (before.gil_wait && now.gil_wait) subtract(*before.gil_wait, *now.gil_wait);
  if (before.awaited && now.awaited) subtract(*before.awaited, *now.awaited);
  if (before.gil_lost && now.gil_lost) subtract(*before.gil_lost, *now.gil_lost);
}

void subtract(const HostView& before, HostView& now) {
  for (NodeView& node : now.nodes) {
    const auto old = std::find_if(before.nodes.begin(), before.nodes.end(),
                                  [&](const NodeView& one) { return one.name == node.name; });
    if (old != before.nodes.end()) subtract(*old, node);
  }
  const std::size_t generations = std::min(before.gc.size(), now.gc.size());
  for (std::size_t i = 0; i < generations; ++i) subtract(before.gc[i].pause, now.gc[i].pause);
}

}  // namespace

wire::StatsView since(const wire::StatsView& before, wire::StatsView now) {
  for (HostView& host : now.hosts) {
    const auto old = std::find_if(
        before.hosts.begin(), before.hosts.end(),
        [&](const HostView& one) { return one.name == host.name && one.pid == host.pid; });
    if (old != before.hosts.end()) subtract(*old, host);
  }
  return now;
}

HistogramSnapshot since(const HistogramSnapshot& before, const HistogramSnapshot& now) {
  HistogramSnapshot window;
  for (std::size_t i = 0; i < window.buckets.size(); ++i) {
    window.buckets[i] = now.buckets[i] - std::min(now.buckets[i], before.buckets[i]);
    if (window.buckets[i] != 0) window.max_ns = largest(i, now.max_ns);
  }
  return window;
}

}  // namespace horus::cli

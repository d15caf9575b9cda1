// SPDX-License-Identifier: Apache-2.0
#include "service/status_line.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "rt/base/histogram.hpp"

namespace horus::service {
namespace {

std::string number(double value, const char* unit, int digits = 4) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.*g%s", digits, value, unit);
  return text.data();
}

/// A count in four digits, e.g. 3600000 as "3.6M".
std::string short_count(std::uint64_t count) {
  const auto value = static_cast<double>(count);
  if (value >= 1e9) return number(value / 1e9, "G");
  if (value >= 1e6) return number(value / 1e6, "M");
  if (value >= 1e4) return number(value / 1e3, "k");
  return std::to_string(count);
}

/// A time in microseconds, or in milliseconds from 1 ms on.
std::string short_time(std::int64_t ns) {
  const auto value = static_cast<double>(ns);
  if (ns >= 1'000'000) return number(value / 1e6, "ms");
  return number(value / 1e3, "us");
}

/// "degraded: node 'arm' ...; what to do (and 2 more: horusctl status)"
std::string verdict_text(const wire::HealthView& verdict) {
  std::string text = to_text(verdict.health);
  if (verdict.reasons.empty()) return text;
  text += ": " + verdict.reasons.front().line();
  const std::size_t more = verdict.reasons.size() - 1;
  if (more > 0) text += " (and " + std::to_string(more) + " more: horusctl status)";
  return text;
}

/// The part of the verdict whose change is worth telling at once: without the numbers in it, which
/// always change.
std::string verdict_state(const StatusFacts& facts) {
  if (!facts.verdict) return "";
  std::string text = to_text(facts.verdict->health);
  for (const wire::Reason& reason : facts.verdict->reasons)
    text += ' ' + reason.host + '/' + reason.node;
  return text;
}

std::string realtime_state(const StatusFacts& facts) {
  if (!facts.realtime) return "RT off";
  if (facts.degraded.empty()) return "RT full";
  std::string list;
  for (const std::string& feature : facts.degraded) list += (list.empty() ? "" : ",") + feature;
  return "RT DEGRADED(" + list + ")";
}

std::string python_state(const StatusFacts& facts) {
  return "py " + std::to_string(facts.python_ready) + "/" + std::to_string(facts.python_total);
}

}  // namespace

void add_nodes(StatusFacts& facts, std::span<const NodeStats> nodes) {
  HistogramSnapshot lateness;
  for (const NodeStats& node : nodes) {
    facts.misses += node.misses.value();
    facts.ticks += node.ticks.value();
    if (node.period_ns.value() <= 0) continue;
    facts.rate_hz = std::max(facts.rate_hz, 1e9 / static_cast<double>(node.period_ns.value()));
    const HistogramSnapshot of_node = node.lateness.snapshot();
    std::ranges::transform(lateness.buckets, of_node.buckets, lateness.buckets.begin(),
                           std::plus<>{});
    lateness.max_ns = std::max(lateness.max_ns, of_node.max_ns);
  }
  facts.wake_p99_ns = lateness.percentile_ns(0.99);
  facts.wake_max_ns = lateness.max_ns;
}

void add_pauses(StatusFacts& facts, const GcStats& gc) {
  for (const GcStats::Generation& generation : gc.generation) {
    facts.gc_longest_ns = std::max(facts.gc_longest_ns, generation.longest_ns.value());
  }
}

std::string status_line(const StatusFacts& facts) {
  std::string line;
  if (facts.verdict) line += verdict_text(*facts.verdict) + " | ";
  line += realtime_state(facts);
  if (facts.rate_hz > 0) {
    line += " | " + number(facts.rate_hz, " Hz", /*digits=*/7) + " | miss " +
            short_count(facts.misses) + "/" + short_count(facts.ticks) + " | wake p99 " +
            short_time(facts.wake_p99_ns) + " max " + short_time(facts.wake_max_ns);
  }
  if (facts.python_total > 0) {
    line += " | " + python_state(facts) + ", gc max " + short_time(facts.gc_longest_ns);
  }
  if (!facts.note.empty()) line += " | " + facts.note;
  return line;
}

bool StatusPace::due(const StatusFacts& facts, TimePoint now) {
  const std::string state =
      verdict_state(facts) + realtime_state(facts) + python_state(facts) + facts.note;
  if (state == state_ && now - told_ < kInterval) return false;
  state_ = state;
  told_ = now;
  return true;
}

}  // namespace horus::service

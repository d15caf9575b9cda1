// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "service/wire/stats_view.hpp"

namespace horus::wire {

/// The value of a field: a constant text, or a member of the view.
template <typename T>
using Member =
    std::variant<const char*, bool T::*, std::uint64_t T::*, std::int64_t T::*, double T::*,
                 std::string T::*, HistogramView T::*, std::optional<HistogramView> T::*,
                 WindowView T::*, HistogramBuckets T::*, std::vector<StaleView> T::*,
                 std::vector<DegradationView> T::*, std::vector<GcView> T::*,
                 std::vector<NodeView> T::*, std::vector<HostView> T::*>;

/// The Varlink type of each alternative of Member, in the same order.
inline constexpr std::array kMemberTypes{"string",        "bool",     "int",       "int",
                                         "float",         "string",   "Histogram", "?Histogram",
                                         "Window",        "[]object", "[]Stale",   "[]Degradation",
                                         "?[]Generation", "[]Node",   "[]Host"};
static_assert(kMemberTypes.size() == std::variant_size_v<Member<NodeView>>);

/// One field of a view.
template <typename T>
struct Field {
  const char* key = nullptr;  ///< Its name in JSON.
  Member<T> member{};
};

/// The fields of each view, in the order of the interface's description. This is the only place
/// that names them: the codec and the description are made from it.
template <typename T>
inline constexpr int kFields = 0;

template <>
inline constexpr Field<HistogramView> kFields<HistogramView>[] = {
    {"count", &HistogramView::count},
    {"min", &HistogramView::min_us},
    {"mean", &HistogramView::mean_us},
    {"p50", &HistogramView::p50_us},
    {"p90", &HistogramView::p90_us},
    {"p99", &HistogramView::p99_us},
    {"p999", &HistogramView::p999_us},
    {"max", &HistogramView::max_us},
    {"scheme", "ll5"},
    {"unit", "ns"},
    {"buckets", &HistogramView::buckets}};

template <>
inline constexpr auto kFields<WindowView> = [] {
  std::array<Field<WindowView>, std::size(kRecentCounts<std::uint64_t>)> all;
  std::ranges::transform(kRecentCounts<std::uint64_t>, all.begin(), [](const auto& row) {
    return Field<WindowView>{row.key, row.count};
  });
  return all;
}();

template <>
inline constexpr Field<StaleView> kFields<StaleView>[] = {
    {"topic", &StaleView::topic},         {"publisher", &StaleView::publisher},
    {"came", &StaleView::came},           {"age_s", &StaleView::age_s},
    {"timeout_s", &StaleView::timeout_s}, {"stops", &StaleView::stops}};

/// A field of a node that is not one of the counters of kNodeCounters.
struct NodeField {
  Field<NodeView> field;
  const char* after = nullptr;  ///< The counter before it; null: it follows the field before.
};
inline constexpr NodeField kOwnNodeFields[] = {
    {{"name", &NodeView::name}},
    {{"class", &NodeView::node_class}},
    {{"state", &NodeView::state}},
    {{"busy_in", &NodeView::busy_in}},
    {{"busy_s", &NodeView::busy_s}},
    {{"safety", &NodeView::safety}},
    {{"actuator", &NodeView::actuator}},
    {{"rate_hz", &NodeView::rate_hz}, "held"},
    {{"rung", &NodeView::rung}, "consecutive_misses"},
    {{"rung_s", &NodeView::rung_s}},
    {{"rung_misses", &NodeView::rung_misses}},
    {{"rung_good", &NodeView::rung_good}},
    {{"rung_recover", &NodeView::rung_recover}},
    {{"last_10s", &NodeView::last_10s}, "hangs"},
    {{"last_minute", &NodeView::last_minute}},
    {{"elapsed_s", &NodeView::elapsed_s}},
    {{"order", &NodeView::order}},
    {{"priority", &NodeView::priority}},
    {{"cpu", &NodeView::cpu}},
    {{"tid", &NodeView::tid}},
    {{"budget_us", &NodeView::budget_us}},
    {{"deadline_us", &NodeView::deadline_us}},
    {{"lateness_us", &NodeView::lateness}},
    {{"execution_us", &NodeView::execution}},
    {{"response_us", &NodeView::response}},
    {{"skipped_response_us", &NodeView::skipped_response}},
    {{"gil_wait_us", &NodeView::gil_wait}},
    {{"await_us", &NodeView::awaited}},
    {{"gil_lost_us", &NodeView::gil_lost}},
    {{"gil_lost_to", &NodeView::gil_lost_to}, "gil_lost_tick"},
    {{"stale", &NodeView::stale}, "fallbacks"},
    {{"cpu_time_s", &NodeView::cpu_time_s}, "involuntary_switches"},
    {{"last_cpu", &NodeView::last_cpu}}};

/// All fields of a node: its own fields, with the counters between them in the order of
/// kNodeCounters.
template <>
inline constexpr auto kFields<NodeView> = [] {
  constexpr auto& kCounters = kNodeCounters<std::uint64_t>;
  std::array<Field<NodeView>, std::size(kOwnNodeFields) + std::size(kCounters)> all;
  std::size_t size = 0;
  std::size_t counter = 0;
  const auto add_counter = [&] {
    all.at(size++) = {kCounters[counter].key, kCounters[counter].count};
    return std::string_view{kCounters[counter++].key};
  };
  for (const NodeField& own : kOwnNodeFields) {
    while (own.after != nullptr && add_counter() != own.after) {
    }
    all.at(size++) = own.field;
  }
  while (counter < std::size(kCounters)) add_counter();
  return all;
}();

template <>
inline constexpr Field<GcView> kFields<GcView>[] = {{"generation", &GcView::generation},
                                                    {"collections", &GcView::collections},
                                                    {"forced", &GcView::forced},
                                                    {"collected", &GcView::collected},
                                                    {"uncollectable", &GcView::uncollectable},
                                                    {"pause_us", &GcView::pause},
                                                    {"longest_us", &GcView::longest_us},
                                                    {"longest_tick", &GcView::longest_tick}};

template <>
inline constexpr Field<DegradationView> kFields<DegradationView>[] = {
    {"feature", &DegradationView::feature},
    {"reason", &DegradationView::reason},
    {"severity", &DegradationView::severity},
    {"fix", &DegradationView::fix}};

template <>
inline constexpr Field<HostView> kFields<HostView>[] = {
    {"name", &HostView::name},
    {"pid", &HostView::pid},
    {"alive", &HostView::alive},
    {"ready", &HostView::ready},
    {"kind", &HostView::kind},
    {"lives", &HostView::lives},
    {"restarts_last_minute", &HostView::restarts_last_minute},
    {"gc_forced_last_minute", &HostView::gc_forced_last_minute},
    {"silent_s", &HostView::silent_s},
    {"asks_realtime", &HostView::asks_realtime},
    {"safety", &HostView::safety},
    {"stop_cause", &HostView::stop_cause},
    {"stop_text", &HostView::stop_text},
    {"uptime_s", &HostView::uptime_s},
    {"rss_bytes", &HostView::rss_bytes},
    {"gc_objects", &HostView::gc_objects},
    {"gc_freezes", &HostView::gc_freezes},
    {"rejected_files", &HostView::rejected_files},
    {"degradations", &HostView::degradations},
    {"gc", &HostView::gc},
    {"nodes", &HostView::nodes}};

template <>
inline constexpr Field<StatsView> kFields<StatsView>[] = {
    {"version", &StatsView::version},
    {"monotonic_us", &StatsView::monotonic_us},
    {"boot_id", &StatsView::boot_id},
    {"truncated", &StatsView::truncated},
    {"hosts", &StatsView::hosts}};

}  // namespace horus::wire

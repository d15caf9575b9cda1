// SPDX-License-Identifier: Apache-2.0
#include "service/wire/stats_codec.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace horus::wire {

namespace {

/// One field of a view: its key in the JSON, and where it lies. The only place that names it.
template <typename T>
struct Field {
  const char* key;
  std::variant<bool T::*, std::uint64_t T::*, std::int64_t T::*, double T::*, std::string T::*,
               HistogramView T::*, std::optional<HistogramView> T::*, WindowView T::*>
      member;
};

template <typename T>
extern const std::vector<Field<T>> kFields;

template <>
const std::vector<Field<HistogramView>> kFields<HistogramView>{
    {"count", &HistogramView::count},  {"min", &HistogramView::min_us},
    {"mean", &HistogramView::mean_us}, {"p50", &HistogramView::p50_us},
    {"p90", &HistogramView::p90_us},   {"p99", &HistogramView::p99_us},
    {"p999", &HistogramView::p999_us}, {"max", &HistogramView::max_us},
};

template <>
const std::vector<Field<WindowView>> kFields<WindowView>{
    {"ticks", &WindowView::ticks},         {"skipped", &WindowView::skipped},
    {"misses", &WindowView::misses},       {"overruns", &WindowView::overruns},
    {"errors", &WindowView::errors},       {"hangs", &WindowView::hangs},
    {"missed", &WindowView::missed},       {"refused", &WindowView::refused},
    {"gil_waits", &WindowView::gil_waits}, {"old", &WindowView::old},
};

template <>
const std::vector<Field<NodeView>> kFields<NodeView>{
    {"name", &NodeView::name},
    {"class", &NodeView::node_class},
    {"state", &NodeView::state},
    {"busy_in", &NodeView::busy_in},
    {"busy_s", &NodeView::busy_s},
    {"rate_hz", &NodeView::rate_hz},
    {"ticks", &NodeView::ticks},
    {"skipped", &NodeView::skipped},
    {"carried_ticks", &NodeView::carried_ticks},
    {"carried_skipped", &NodeView::carried_skipped},
    {"misses", &NodeView::misses},
    {"consecutive_misses", &NodeView::consecutive_misses},
    {"rung", &NodeView::rung},
    {"rung_s", &NodeView::rung_s},
    {"rung_misses", &NodeView::rung_misses},
    {"rung_good", &NodeView::rung_good},
    {"rung_recover", &NodeView::rung_recover},
    {"overruns", &NodeView::overruns},
    {"errors", &NodeView::errors},
    {"hangs", &NodeView::hangs},
    {"last_10s", &NodeView::last_10s},
    {"last_minute", &NodeView::last_minute},
    {"elapsed_s", &NodeView::elapsed_s},
    {"order", &NodeView::order},
    {"priority", &NodeView::priority},
    {"cpu", &NodeView::cpu},
    {"tid", &NodeView::tid},
    {"budget_us", &NodeView::budget_us},
    {"deadline_us", &NodeView::deadline_us},
    {"lateness_us", &NodeView::lateness},
    {"execution_us", &NodeView::execution},
    {"response_us", &NodeView::response},
    {"skipped_response_us", &NodeView::skipped_response},
    {"gil_wait_us", &NodeView::gil_wait},
    {"await_us", &NodeView::awaited},
    {"gil_lost_us", &NodeView::gil_lost},
    {"safety", &NodeView::safety},
    {"actuator", &NodeView::actuator},
    {"held", &NodeView::held},
    {"gil_losses", &NodeView::gil_losses},
    {"gil_lost_tick", &NodeView::gil_lost_tick},
    {"gil_lost_to", &NodeView::gil_lost_to},
    {"gil_long_waits", &NodeView::gil_long_waits},
    {"gil_long_waits_off_cpu", &NodeView::gil_long_waits_off_cpu},
    {"sent", &NodeView::sent},
    {"bytes_sent", &NodeView::bytes_sent},
    {"received", &NodeView::received},
    {"dropped", &NodeView::dropped},
    {"missed", &NodeView::missed},
    {"refused", &NodeView::refused},
    {"passed_over", &NodeView::passed_over},
    {"old", &NodeView::old},
    {"inputs_stale", &NodeView::inputs_stale},
    {"fallbacks", &NodeView::fallbacks},
    {"minor_faults", &NodeView::minor_faults},
    {"major_faults", &NodeView::major_faults},
    {"voluntary_switches", &NodeView::voluntary_switches},
    {"involuntary_switches", &NodeView::involuntary_switches},
    {"cpu_time_s", &NodeView::cpu_time_s},
    {"last_cpu", &NodeView::last_cpu},
};

template <>
const std::vector<Field<StaleView>> kFields<StaleView>{
    {"topic", &StaleView::topic},         {"publisher", &StaleView::publisher},
    {"came", &StaleView::came},           {"age_s", &StaleView::age_s},
    {"timeout_s", &StaleView::timeout_s}, {"stops", &StaleView::stops},
};

template <>
const std::vector<Field<GcView>> kFields<GcView>{
    {"generation", &GcView::generation},
    {"collections", &GcView::collections},
    {"forced", &GcView::forced},
    {"collected", &GcView::collected},
    {"uncollectable", &GcView::uncollectable},
    {"pause_us", &GcView::pause},
    {"longest_us", &GcView::longest_us},
    {"longest_tick", &GcView::longest_tick},
};

template <>
const std::vector<Field<DegradationView>> kFields<DegradationView>{
    {"feature", &DegradationView::feature},
    {"reason", &DegradationView::reason},
    {"severity", &DegradationView::severity},
    {"fix", &DegradationView::fix},
};

template <>
const std::vector<Field<HostView>> kFields<HostView>{
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
};

template <>
const std::vector<Field<StatsView>> kFields<StatsView>{
    {"version", &StatsView::version},
    {"monotonic_us", &StatsView::monotonic_us},
    {"boot_id", &StatsView::boot_id},
    {"truncated", &StatsView::truncated},
};

// ---- writing

template <typename T>
Json write_fields(const T& view);

Json write(const HistogramView& view) {
  Json json = write_fields(view);
  json["scheme"] = "ll5";
  json["unit"] = "ns";
  json["buckets"] = view.buckets;
  return json;
}

Json write(const WindowView& view) {
  return write_fields(view);
}

template <typename Value>
requires(!std::same_as<Value, HistogramView> && !std::same_as<Value, WindowView>) Json
    write(const Value& value) {
  return value;
}

template <typename Value>
void add_field(Json& json, const char* key, const Value& value) {
  json[key] = write(value);
}
void add_field(Json& json, const char* key, const std::optional<HistogramView>& value) {
  if (value) json[key] = write(*value);
}

template <typename T>
Json write_fields(const T& view) {
  Json json = Json::object();
  for (const auto& field : kFields<T>) {
    std::visit([&](auto member) { add_field(json, field.key, view.*member); }, field.member);
  }
  return json;
}

template <typename T>
Json write_list(const std::vector<T>& views) {
  Json list = Json::array();
  for (const T& view : views) list.push_back(write_fields(view));
  return list;
}

// ---- reading

Error wrong_type(const char* key) {
  return {Errc::kCorrupt, "read statistics: wrong type", 0, Name<200>::clipped(key)};
}

template <typename T>
Status read_fields(const Json& json, T& view);

Status read(const Json& json, bool& out) {
  if (!json.is_boolean()) return Error{};
  out = json.get<bool>();
  return {};
}
Status read(const Json& json, std::uint64_t& out) {
  // A value that was not parsed from text may be a signed integer.
  if (!json.is_number_integer()) return Error{};
  if (!json.is_number_unsigned() && json.get<std::int64_t>() < 0) return Error{};
  out = json.get<std::uint64_t>();
  return {};
}
Status read(const Json& json, std::int64_t& out) {
  if (!json.is_number_integer()) return Error{};
  out = json.get<std::int64_t>();
  return {};
}
Status read(const Json& json, double& out) {
  if (!json.is_number()) return Error{};
  out = json.get<double>();
  return {};
}
Status read(const Json& json, std::string& out) {
  if (!json.is_string()) return Error{};
  out = json.get<std::string>();
  return {};
}
Status read(const Json& json, HistogramView& out) {
  if (!json.is_object()) return Error{};
  if (auto status = read_fields(json, out); !status) return status;
  const auto found = json.find("buckets");
  if (found == json.end()) return {};
  if (!found->is_array()) return Error{};
  for (const Json& pair : *found) {
    const bool is_pair = pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() &&
                         pair[1].is_number_unsigned();
    if (!is_pair) return Error{};
    out.buckets.emplace_back(pair[0].get<std::uint64_t>(), pair[1].get<std::uint64_t>());
  }
  return {};
}
Status read(const Json& json, WindowView& out) {
  return read_fields(json, out);
}
Status read(const Json& json, std::optional<HistogramView>& out) {
  return read(json, out.emplace());
}

template <typename T>
Status read_fields(const Json& json, T& view) {
  if (!json.is_object()) return Error{};
  for (const auto& field : kFields<T>) {
    const auto found = json.find(field.key);
    if (found == json.end()) continue;
    const Status status =
        std::visit([&](auto member) { return read(*found, view.*member); }, field.member);
    if (!status) return wrong_type(field.key);
  }
  return {};
}

/// Reads the list `key` of `json`, if there is one; `read_one(json, view)` reads an element.
template <typename T, typename ReadOne>
Status read_list(const Json& json, const char* key, std::vector<T>& out, ReadOne read_one) {
  const auto found = json.find(key);
  if (found == json.end()) return {};
  if (!found->is_array()) return wrong_type(key);
  for (const Json& element : *found) {
    if (!element.is_object()) return wrong_type(key);
    if (auto status = read_one(element, out.emplace_back()); !status) return status;
  }
  return {};
}

Status read_node_json(const Json& json, NodeView& node) {
  if (auto status = read_fields(json, node); !status) return status;
  return read_list(json, "stale", node.stale, read_fields<StaleView>);
}

Status read_host_json(const Json& json, HostView& host) {
  if (auto status = read_fields(json, host); !status) return status;
  auto status = read_list(json, "degradations", host.degradations, read_fields<DegradationView>);
  if (status) status = read_list(json, "gc", host.gc, read_fields<GcView>);
  if (status) status = read_list(json, "nodes", host.nodes, read_node_json);
  return status;
}

}  // namespace

Json to_json(const NodeView& node) {
  Json json = write_fields(node);
  json["stale"] = write_list(node.stale);
  return json;
}

Json to_json(const HostView& host) {
  Json json = write_fields(host);
  json["degradations"] = write_list(host.degradations);
  if (!host.gc.empty()) json["gc"] = write_list(host.gc);
  json["nodes"] = Json::array();
  for (const NodeView& node : host.nodes) json["nodes"].push_back(to_json(node));
  return json;
}

Json to_json(const StatsView& stats) {
  Json json = write_fields(stats);
  json["hosts"] = Json::array();
  for (const HostView& host : stats.hosts) json["hosts"].push_back(to_json(host));
  return json;
}

Result<StatsView> stats_from_json(const Json& json) {
  StatsView stats;
  if (!json.is_object()) return wrong_type("reply");
  if (auto status = read_fields(json, stats); !status) return status.error();
  if (auto status = read_list(json, "hosts", stats.hosts, read_host_json); !status) {
    return status.error();
  }
  return stats;
}

}  // namespace horus::wire

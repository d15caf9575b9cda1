// SPDX-License-Identifier: Apache-2.0
#include "service/wire/stats_codec.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "service/wire/stats_fields.hpp"

namespace horus::wire {

namespace {

// ---- writing

template <typename T>
Json write_fields(const T& view);

Json write(const std::string& text) {
  return text;
}
Json write(const HistogramBuckets& buckets) {
  return buckets;
}
template <typename Number>
requires std::is_arithmetic_v<Number> Json write(const Number& number) {
  return number;
}
template <typename T>
requires std::is_class_v<T> Json write(const T& view) {
  return write_fields(view);
}
template <typename T>
Json write(const std::vector<T>& views) {
  Json list = Json::array();
  for (const T& view : views) list.push_back(write_fields(view));
  return list;
}

template <typename Value>
void add_field(Json& json, const char* key, const Value& value) {
  json[key] = write(value);
}
void add_field(Json& json, const char* key, const std::optional<HistogramView>& value) {
  if (value) json[key] = write(*value);
}
void add_field(Json& json, const char* key, const std::vector<GcView>& value) {
  if (!value.empty()) json[key] = write(value);
}

template <typename T>
Json write_fields(const T& view) {
  Json json = Json::object();
  for (const auto& field : kFields<T>) {
    std::visit(
        [&](auto member) {
          if constexpr (std::same_as<decltype(member), const char*>) {
            json[field.key] = member;
          } else {
            add_field(json, field.key, view.*member);
          }
        },
        field.member);
  }
  return json;
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
Status read(const Json& json, HistogramBuckets& out) {
  if (!json.is_array()) return Error{};
  for (const Json& pair : json) {
    const bool is_pair = pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() &&
                         pair[1].is_number_unsigned();
    if (!is_pair) return Error{};
    out.emplace_back(pair[0].get<std::uint64_t>(), pair[1].get<std::uint64_t>());
  }
  return {};
}
Status read(const Json& json, std::optional<HistogramView>& out) {
  return read_fields(json, out.emplace()) ? Status{} : Error{};
}
// An Error without a subject makes the caller's key the subject. So for an error within a single
// view the key of the view is reported; within a list of views the key inside the view.
template <typename T>
requires std::is_class_v<T> Status read(const Json& json, T& out) {
  return read_fields(json, out) ? Status{} : Error{};
}
template <typename T>
Status read(const Json& json, std::vector<T>& out) {
  if (!json.is_array()) return Error{};
  for (const Json& element : json) {
    if (!element.is_object()) return Error{};
    if (auto status = read_fields(element, out.emplace_back()); !status) return status;
  }
  return {};
}

template <typename T>
Status read_fields(const Json& json, T& view) {
  if (!json.is_object()) return Error{};
  for (const auto& field : kFields<T>) {
    const auto found = json.find(field.key);
    if (found == json.end()) continue;
    const Status status = std::visit(
        [&](auto member) -> Status {
          if constexpr (std::same_as<decltype(member), const char*>) {
            return {};
          } else {
            return read(*found, view.*member);
          }
        },
        field.member);
    if (!status) return status.error().subject.empty() ? wrong_type(field.key) : status.error();
  }
  return {};
}

}  // namespace

Json to_json(const NodeView& node) {
  return write_fields(node);
}
Json to_json(const HostView& host) {
  return write_fields(host);
}
Json to_json(const StatsView& stats) {
  return write_fields(stats);
}

Result<StatsView> stats_from_json(const Json& json) {
  StatsView stats;
  if (!json.is_object()) return wrong_type("reply");
  if (auto status = read_fields(json, stats); !status) return status.error();
  return stats;
}

}  // namespace horus::wire

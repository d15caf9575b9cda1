// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "rt/base/parse.hpp"
#include "service/config.hpp"
#include "shm/black_box_page.hpp"

namespace horus::service {

/// One key of a section, and how its value is read into a `T`.
template <typename T>
struct Field {
  std::string_view key;
  std::string_view expected;  ///< For the error text: "'key' in [section] must be <expected>".
  bool (*set)(const toml::node& value, T& target);  ///< False: the value is not as `expected`.
  bool required = false;                            ///< The section must have this key.
};

/// Readers of single values. Each returns false if the value has another TOML type than the key
/// wants, or is out of range; `out` then means nothing.
namespace fields {

inline constexpr std::string_view kText = "a text in quotes";
inline constexpr std::string_view kDuration = "a duration in quotes with its unit, e.g. \"200 us\"";
inline constexpr std::string_view kRate = "a rate of 0.001 Hz to 1 MHz, e.g. 1000 or \"1 kHz\"";
inline constexpr std::string_view kCpuList = "a CPU list in quotes, e.g. \"1\" or \"2-3,5\"";

/// A text that is not empty.
inline bool text(const toml::node& value, std::string& out) {
  const auto found = value.value_exact<std::string>();
  if (!found || found->empty()) return false;
  out = *found;
  return true;
}

/// A whole number within `range`. `Number` is an integer type, or an optional of one.
template <typename Number>
bool integer(const toml::node& value, Range range, Number& out) {
  const auto found = value.value_exact<std::int64_t>();
  if (!found || !range.holds(*found)) return false;
  if constexpr (requires { out.emplace(); }) {
    out = static_cast<typename Number::value_type>(*found);
  } else {
    out = static_cast<Number>(*found);
  }
  return true;
}

inline bool boolean(const toml::node& value, bool& out) {
  const auto found = value.value_exact<bool>();
  if (found) out = *found;
  return found.has_value();
}

/// A text such as "200 us"; see parse_duration().
inline bool duration(const toml::node& value, Nanos& out) {
  const auto found = value.value_exact<std::string>();
  const auto parsed = found ? parse_duration(*found) : Result<Nanos>{Error{}};
  if (parsed) out = parsed.value();
  return static_cast<bool>(parsed);
}

/// The same for an optional key, which must be above zero.
inline bool duration(const toml::node& value, std::optional<Nanos>& out) {
  Nanos parsed{};
  if (!duration(value, parsed) || parsed <= Nanos{}) return false;
  out = parsed;
  return true;
}

/// A number of hertz, or a text such as "1 kHz".
inline bool rate(const toml::node& value, std::optional<Rate>& out) {
  if (const auto written = value.value_exact<std::string>()) {
    const auto parsed = parse_rate(*written);
    if (parsed) out = parsed.value();
    return static_cast<bool>(parsed);
  }
  const auto hz = value.is_number() ? value.value<double>() : std::nullopt;
  if (!hz || !Rate::valid_hz(*hz)) return false;
  out = Rate::from_hz(*hz);
  return true;
}

inline constexpr const char* kBoxSize = "a number of MiB from 0.0625 to 64, or 0: the default";
inline bool box_size(const toml::node& value, double& out) {
  const auto given = value.is_number() ? value.value<double>() : std::nullopt;
  if (!given || !shm::is_box_size(*given)) return false;
  out = *given;
  return true;
}

inline bool cpu_list(const toml::node& value, std::optional<CpuSet>& out) {
  const auto written = value.value_exact<std::string>();
  const auto parsed = written ? CpuSet::parse(*written) : Result<CpuSet>{Error{}};
  if (!parsed || parsed.value().empty()) return false;
  out = parsed.value();
  return true;
}

/// One word of the enumeration `E`, or an alias of it that parse_word() knows.
template <Worded E>
bool word(const toml::node& value, E& out) {
  const auto found = parse_word<E>(value.value_exact<std::string>().value_or(""));
  if (found) out = *found;
  return found.has_value();
}

/// A list of texts, none of them empty. Appends to `out`.
inline bool texts(const toml::node& value, std::vector<std::string>& out) {
  const toml::array* array = value.as_array();
  if (array == nullptr) return false;
  for (const toml::node& element : *array) {
    if (!text(element, out.emplace_back())) return false;
  }
  return true;
}

/// `value` as TOML text in one line, whatever its layout in the file was.
inline std::string written(const toml::node& value) {
  std::ostringstream out;
  value.visit([&out](const auto& concrete) { out << concrete; });
  std::string line = out.str();
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return line;
}

}  // namespace fields
}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "rt/base/amount.hpp"
#include "service/config_fields.hpp"

namespace horus::service {

namespace fields {

inline constexpr std::string_view kPatterns =
    "a list of topics in quotes, by patterns as the shell's, e.g. [\"camera/*\"]";

/// The text that `value` is; nothing: it is no text.
inline std::optional<std::string> words(const toml::node& value) {
  return value.value_exact<std::string>();
}

}  // namespace fields

/// The keys of [record].
inline constexpr Field<Config::Record> kRecordFields[] = {
    {"topics", fields::kPatterns,
     [](const toml::node& value, Config::Record& record) {
       record.topics.clear();
       return fields::texts(value, record.topics) && !record.topics.empty();
     }},
    {"exclude", fields::kPatterns,
     [](const toml::node& value, Config::Record& record) {
       record.exclude.clear();
       return fields::texts(value, record.exclude);
     }},
    {"path", "a folder in quotes, with its whole path, e.g. \"/var/lib/horus/rec\"",
     [](const toml::node& value, Config::Record& record) {
       return fields::text(value, record.path) && record.path.front() == '/';
     }},
    {"split", "a size or a time in quotes, e.g. \"1GiB\" or \"10min\"",
     [](const toml::node& value, Config::Record& record) {
       record.split = parse_split(fields::words(value).value_or(""));
       return record.split.has_value();
     }},
    {"keep", "a whole number from 1 to 1000000",
     [](const toml::node& value, Config::Record& record) {
       return fields::integer(value, {1, 1'000'000}, record.keep);
     }},
    {"last", "a time in quotes, e.g. \"60 s\" or \"2min\"",
     [](const toml::node& value, Config::Record& record) {
       record.last = parse_long_time(fields::words(value).value_or(""));
       return record.last.has_value() && *record.last > Nanos{};
     }},
    {"min_free", "a size in quotes, e.g. \"2 GiB\"",
     [](const toml::node& value, Config::Record& record) {
       const auto size = parse_size(fields::words(value).value_or("-"));
       if (size) record.min_free = *size;
       return size.has_value();
     }},
};

}  // namespace horus::service

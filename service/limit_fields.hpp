// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/config.hpp"
#include "service/config_fields.hpp"

namespace horus::service {
namespace fields {

inline constexpr std::string_view kCount = "a number in a minute from 0 on, or \"off\"";
inline constexpr std::string_view kPercent = "a number of percent from 0 to 100, or \"off\"";

/// A number from 0 to `most`, or "off": then `out` holds nothing, and nothing is judged.
inline bool number(const toml::node& value, double most, wire::HealthLimits::Number& out) {
  if (value.value_exact<std::string>() == "off") {
    out.reset();
    return true;
  }
  if (!value.is_number()) return false;
  out = value.value<double>();
  return out && *out >= 0 && *out <= most;
}

/// The limit of a count per minute. 1e15 is no real bound: it keeps out infinity.
template <wire::HealthLimits::Number wire::HealthLimits::*Limit>
bool count(const toml::node& value, LimitEntry& entry) {
  return number(value, 1e15, entry.rule.limits.*Limit);
}

template <wire::HealthLimits::Number wire::HealthLimits::*Limit>
bool percent(const toml::node& value, LimitEntry& entry) {
  return number(value, 100, entry.rule.limits.*Limit);
}

}  // namespace fields

/// The keys of [[limit]].
inline constexpr Field<LimitEntry> kLimitFields[] = {
    {"host", fields::kText,
     [](const toml::node& value, LimitEntry& entry) {
       return fields::text(value, entry.rule.host);
     }},
    {"node", fields::kText,
     [](const toml::node& value, LimitEntry& entry) {
       return fields::text(value, entry.rule.node);
     }},
    {"late", fields::kPercent, fields::percent<&wire::HealthLimits::late>},
    {"late_minute", fields::kPercent, fields::percent<&wire::HealthLimits::late_minute>},
    {"overruns", fields::kCount, fields::count<&wire::HealthLimits::overruns>},
    {"errors", fields::kCount, fields::count<&wire::HealthLimits::errors>},
    {"hangs", fields::kCount, fields::count<&wire::HealthLimits::hangs>},
    {"missed", fields::kCount, fields::count<&wire::HealthLimits::missed>},
    {"old", fields::kCount, fields::count<&wire::HealthLimits::old>},
    {"refused", fields::kCount, fields::count<&wire::HealthLimits::refused>},
    {"gil_waits", fields::kCount, fields::count<&wire::HealthLimits::gil_waits>},
    {"gc_forced", fields::kCount, fields::count<&wire::HealthLimits::gc_forced>},
    {"restarts", fields::kCount, fields::count<&wire::HealthLimits::restarts>},
};

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/instant.hpp"

#include <time.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace horus::cli {

namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

std::optional<std::int64_t> unit_us(std::string_view unit) {
  struct Unit {
    std::string_view name;
    std::int64_t us;
  };
  static constexpr std::array<Unit, 10> kUnits{{{"s", kSecond},
                                                {"sec", kSecond},
                                                {"second", kSecond},
                                                {"m", 60 * kSecond},
                                                {"min", 60 * kSecond},
                                                {"minute", 60 * kSecond},
                                                {"h", 3600 * kSecond},
                                                {"hour", 3600 * kSecond},
                                                {"d", kDay},
                                                {"day", kDay}}};
  if (unit.size() > 1 && unit.ends_with('s')) unit.remove_suffix(1);
  for (const Unit& one : kUnits) {
    if (one.name == unit) return one.us;
  }
  return std::nullopt;
}

/// Parses a time that counts back from now: "10 min ago", "-10min".
std::optional<std::int64_t> past_us(std::string_view text, std::int64_t now_us) {
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  } else if (text.ends_with(" ago")) {
    text.remove_suffix(4);
  } else {
    return std::nullopt;
  }
  double count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || !(count >= 0) || count > 1e6) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto us = unit_us(unit);
  if (!us) return std::nullopt;
  return now_us - std::llround(count * static_cast<double>(*us));
}

tm local_time(std::int64_t us) {
  const time_t seconds = us / kSecond;
  tm local{};
  ::localtime_r(&seconds, &local);
  return local;
}

std::int64_t midnight_us(std::int64_t us) {
  tm local = local_time(us);
  local.tm_hour = local.tm_min = local.tm_sec = 0;
  local.tm_isdst = -1;
  return ::mktime(&local) * kSecond;
}

}  // namespace

std::optional<std::int64_t> instant_us(const std::string& text, std::int64_t now_us) {
  if (const auto past = past_us(text, now_us)) return past;
  if (text == "now") return now_us;
  if (text == "today") return midnight_us(now_us);
  if (text == "yesterday") return midnight_us(midnight_us(now_us) - kDay / 2);
  for (const char* format :
       {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"}) {
    tm local = local_time(midnight_us(now_us));
    const char* const end = ::strptime(text.c_str(), format, &local);
    if (end == nullptr || *end != '\0') continue;
    local.tm_isdst = -1;
    return ::mktime(&local) * kSecond;
  }
  return std::nullopt;
}

}  // namespace horus::cli

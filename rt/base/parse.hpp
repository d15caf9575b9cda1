// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include <horus/result.hpp>
#include <horus/time.hpp>

namespace horus {

namespace detail {

/// Takes a plain decimal number ("200", "0.5") and the blanks after it from the front of `text`.
/// Accepts no sign, exponent, "inf" or "nan": then it returns nothing and leaves `text` as it is.
inline std::optional<double> take_decimal(std::string_view& text) noexcept {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  while (text.starts_with(' ')) text.remove_prefix(1);
  return number;
}

/// A unit of measurement, and how many base units one of it is.
struct Unit {
  std::string_view name;
  double factor;
};

}  // namespace detail

/// Parses a number and a unit (ns, us or µs, ms, s), e.g. "200 us", "1.5ms". "0" needs no unit.
/// Fails with kInvalidArgument on anything else, on a sign, and above 24 hours. RT-safe.
inline Result<Nanos> parse_duration(std::string_view text) noexcept {
  static constexpr std::array<detail::Unit, 5> kUnits{
      {{"ns", 1.0}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  static constexpr double kMaxNs = 24.0 * 3600.0 * 1e9;
  const Error error{Errc::kInvalidArgument,
                    "parse duration (expected a number and ns, us, ms or s, e.g. \"200 us\")", 0,
                    Name<200>::clipped(text)};
  std::string_view rest = text;
  const auto number = detail::take_decimal(rest);
  if (!number) return error;
  if (rest.empty() && *number == 0) return Nanos{};
  for (const auto& unit : kUnits) {
    if (rest != unit.name) continue;
    const double ns = *number * unit.factor;
    if (ns > kMaxNs) return error;
    return Nanos{static_cast<std::int64_t>(std::llround(ns))};
  }
  return error;
}

/// Parses a rate in Hz (the default), kHz or MHz, e.g. "1000", "1000 Hz", "1 kHz". Fails with
/// kInvalidArgument on anything else, and outside of Rate's limits. RT-safe.
inline Result<Rate> parse_rate(std::string_view text) noexcept {
  static constexpr std::array<detail::Unit, 4> kUnits{
      {{"", 1.0}, {"Hz", 1.0}, {"kHz", 1e3}, {"MHz", 1e6}}};
  const Error error{Errc::kInvalidArgument,
                    "parse rate (expected 0.001 Hz to 1 MHz, e.g. 1000 or \"1 kHz\")", 0,
                    Name<200>::clipped(text)};
  std::string_view rest = text;
  const auto number = detail::take_decimal(rest);
  if (!number) return error;
  for (const auto& unit : kUnits) {
    if (rest != unit.name) continue;
    const double hz = *number * unit.factor;
    if (!Rate::valid_hz(hz)) return error;
    return Rate::from_hz(hz);
  }
  return error;
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "rt/base/parse.hpp"

/// Sizes and long durations of recordings, as people write them on command lines and in
/// configurations.
namespace horus {

namespace detail {

/// A number and one of `units`, in base units. Nothing for other text, and above 2^62: that is safe
/// to convert to any 64-bit integer.
inline std::optional<double> amount(std::string_view text, std::span<const Unit> units) noexcept {
  const auto number = take_decimal(text);
  for (const Unit& unit : units) {
    if (!number || text != unit.name) continue;
    const double all = *number * unit.factor;
    return all <= 0x1p62 ? std::optional{all} : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace detail

/// Parses a size in bytes: "1 GiB", "64MB", "4096". Nothing for anything else.
inline std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  static constexpr std::array<detail::Unit, 8> kUnits{{{"", 1},
                                                       {"B", 1},
                                                       {"kB", 1e3},
                                                       {"MB", 1e6},
                                                       {"GB", 1e9},
                                                       {"KiB", 0x1p10},
                                                       {"MiB", 0x1p20},
                                                       {"GiB", 0x1p30}}};
  const auto bytes = detail::amount(text, kUnits);
  if (!bytes) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*bytes));
}

/// Parses a duration: "10 s", "5min", "2h", "200ms"; "10" means seconds. Nothing for anything else.
inline std::optional<Nanos> parse_long_time(std::string_view text) noexcept {
  static constexpr std::array<detail::Unit, 5> kUnits{
      {{"", 1e9}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}, {"ms", 1e6}}};
  const auto ns = detail::amount(text, kUnits);
  if (!ns) return std::nullopt;
  return Nanos{std::llround(*ns)};
}

/// When a recording continues in a new file: by size or by time. Exactly one of the two is not 0.
struct Split {
  std::uint64_t bytes = 0;  ///< 0: not by size.
  Nanos time{};             ///< 0: not by time.
};
/// Parses a size or a duration: "1GiB", "10min". Nothing for anything else, for 0, and for a number
/// without a unit.
inline std::optional<Split> parse_split(std::string_view text) noexcept {
  if (text.find_first_not_of("0123456789. ") == std::string_view::npos) return std::nullopt;
  const Split split{.bytes = parse_size(text).value_or(0),
                    .time = parse_long_time(text).value_or(Nanos{})};
  if (split.bytes == 0 && split.time == Nanos{}) return std::nullopt;
  return split;
}

}  // namespace horus

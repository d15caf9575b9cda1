// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "rt/base/time.hpp"

namespace horus {

/// The range of whole numbers that a setting allows; both ends included.
struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;

  constexpr bool holds(std::int64_t number) const noexcept {
    return number >= low && number <= high;
  }
};

/// `before` followed by the range, e.g. "priority must be 1 to 98". Zero-terminated. Does not
/// compile when it does not fit.
consteval std::array<char, 64> in_words(std::string_view before, Range range) {
  std::array<char, 64> text{};
  std::size_t size = 0;
  for (const char c : before) text.at(size++) = c;
  const auto add = [&](std::int64_t number) {
    std::int64_t digit = 1;
    while (number / digit >= 10) digit *= 10;
    for (; digit > 0; digit /= 10) text.at(size++) = static_cast<char>('0' + number / digit % 10);
  };
  add(range.low);
  for (const char c : std::string_view{" to "}) text.at(size++) = c;
  add(range.high);
  return text;
}

/// One number or duration of the struct `T`, and the name that users write for it. Tables of these
/// let the readers of configurations and Python share one list of settings.
template <typename T>
struct Setting {
  std::string_view name;  ///< The key in configurations and in Python.
  std::variant<int T::*, std::uint32_t T::*, Nanos T::*> value;  ///< The field it sets.
  Range range{};  ///< Allowed values of a number; unused for a duration.
};

}  // namespace horus

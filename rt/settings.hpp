// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <horus/node.hpp>

namespace horus {

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

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

#include <horus/text.hpp>

namespace horus {

/// Whether `c` may be part of a plain name: a letter, a digit, '_', '.' or '-'.
constexpr bool is_plain(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

/// Whether a robot, a host or a node of a configuration may have this name. Such a name becomes
/// part of the names of files, threads and metrics. With '-' in front, a program that gets it as an
/// argument would take it for an option.
constexpr bool is_plain_name(std::string_view name) noexcept {
  return !name.empty() && NodeName::fits(name) && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, is_plain);
}

/// The rule of is_plain_name() in words, for error messages.
inline constexpr const char* kPlainNameRule =
    "letters, digits, '_', '.', '-', at most 63, no '.' or '-' in front";

}  // namespace horus

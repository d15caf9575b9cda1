// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

#include "rt/base/name.hpp"

namespace horus {

constexpr bool is_plain(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

/// Whether a robot, a host or a node of a configuration may have this name: it becomes one of
/// files, threads and metrics, and with '-' in front would be an option of the program that it is
/// given to.
constexpr bool is_plain_name(std::string_view name) noexcept {
  return !name.empty() && NodeName::fits(name) && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, is_plain);
}

/// What is wrong with a name that is not.
inline constexpr const char* kPlainNameRule =
    "letters, digits, '_', '.', '-', at most 63, no '.' or '-' in front";

}  // namespace horus

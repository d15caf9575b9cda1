// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace horus::service {

/// Limits of a configuration. A larger one is refused. They bound a reload as well, which parses
/// the files in the service while the motors run.
namespace config_limit {

/// Bytes of all files together. So much is parsed well before the watchdog loses patience.
inline constexpr std::size_t kBytes = std::size_t{1} << 20U;
/// Files in conf.d.
inline constexpr std::size_t kFiles = 256;
/// Depth of nested brackets, and number of dots in one key. A real file has four. The parser and
/// the destructors of the tables it builds recurse, so 40,000 levels would overflow a stack.
inline constexpr int kDepth = 16;
inline constexpr std::size_t kNodes = 512;
inline constexpr std::size_t kHosts = 64;
inline constexpr std::size_t kTopics = 1024;
inline constexpr std::size_t kLimits = 1024;

}  // namespace config_limit

/// The line (from 1) where `text` nests deeper than config_limit::kDepth; 0: nowhere. To be called
/// before the parser, so `text` may be anything. Up to the first syntax error, where the parser
/// stops, it takes the same characters as the parser for quoted texts and comments.
std::uint32_t line_too_deep(std::string_view text) noexcept;

}  // namespace horus::service

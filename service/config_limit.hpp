// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace horus::service {

/// What a configuration may cost, here and at a reload, where the motors run: what is above is
/// refused before anything is built of it.
namespace config_limit {

/// Of all files together: parsed well within the patience of the watchdog.
inline constexpr std::size_t kBytes = std::size_t{1} << 20U;
/// In conf.d.
inline constexpr std::size_t kFiles = 256;
/// Brackets within each other, and dots in one key. A real file has four; the parser and the
/// destructors of what it builds recurse, so that 40,000 would overflow a stack.
inline constexpr int kDepth = 16;
inline constexpr std::size_t kNodes = 512;
inline constexpr std::size_t kHosts = 64;
inline constexpr std::size_t kTopics = 1024;
inline constexpr std::size_t kLimits = 1024;

}  // namespace config_limit

/// The line where `text`, TOML or not, nests deeper than config_limit::kDepth; 0: nowhere. Agrees
/// with the parser on what is a text or a comment up to the first mistake, where a parser ends.
std::uint32_t line_too_deep(std::string_view text) noexcept;

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace horus {

/// syslog's numbers.
enum class LogLevel : std::uint32_t { kError = 3, kWarning = 4, kInfo = 6, kDebug = 7 };

/// "error" (or journalctl's "err"), "warning", "info", "debug".
constexpr std::optional<LogLevel> parse_log_level(std::string_view text) noexcept {
  if (text == "error" || text == "err") return LogLevel::kError;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "info") return LogLevel::kInfo;
  if (text == "debug") return LogLevel::kDebug;
  return std::nullopt;
}

constexpr const char* to_text(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kError: return "error";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kInfo: return "info";
    case LogLevel::kDebug: return "debug";
  }
  return "unknown";
}

}  // namespace horus

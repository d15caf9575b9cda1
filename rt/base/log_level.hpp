// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "rt/base/words.hpp"

namespace horus {

/// Severity of a log line, by syslog's numbers: a lower number is more urgent.
enum class LogLevel : std::uint32_t { kError = 3, kWarning = 4, kInfo = 6, kDebug = 7 };

/// "err" is also understood for kError.
constexpr auto words_of(LogLevel /*any*/) noexcept {
  using enum LogLevel;
  return std::to_array<Word<LogLevel>>({{kError, "error"},
                                        {kError, "err"},
                                        {kWarning, "warning"},
                                        {kInfo, "info"},
                                        {kDebug, "debug"}});
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace horus::cli {

/// A moment as people name it, in microseconds since 1970: "10 min ago", "-2h", "12:34",
/// "2026-05-01", "2026-05-01 12:34:56", "today", "yesterday". Nothing on other text.
std::optional<std::int64_t> instant_us(const std::string& text, std::int64_t now_us);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace horus::cli {

/// Parses a point in time, in local time: "10 min ago", "-2h", "12:34", "2026-05-01",
/// "2026-05-01 12:34:56", "now", "today", "yesterday". The result is in microseconds since 1970;
/// nothing for any other text. `now_us`: the present time, likewise.
std::optional<std::int64_t> instant_us(const std::string& text, std::int64_t now_us);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "rt/base/log_level.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// Whether stderr is the journal's stream, whose lines begin with syslog's level ("<4>"). Before
/// there is a thread that could change the environment.
bool stderr_is_journal() noexcept;

/// "error: ", "warning: ", "", "debug: ", as lines for people say it.
const char* level_prefix(LogLevel level) noexcept;

/// Microseconds since 1970: of now, and of an instant of the monotonic clock.
std::int64_t wall_clock_us() noexcept;
std::int64_t wall_clock_us(TimePoint at) noexcept;

/// "12:34:56.789 ", local time.
std::string time_of_day(std::int64_t wall_us);

}  // namespace horus

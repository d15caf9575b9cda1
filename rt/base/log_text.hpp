// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <horus/log.hpp>
#include <horus/time.hpp>

namespace horus {

/// Whether stderr is connected to the systemd journal. Lines for the journal begin with syslog's
/// level ("<4>"). Reads the environment: call it before another thread may change that.
bool stderr_is_journal() noexcept;

/// What a line for people begins with: "error: ", "warning: ", "" (info) or "debug: ".
const char* level_prefix(LogLevel level) noexcept;

/// The wall clock now, in microseconds since 1970.
std::int64_t wall_clock_us() noexcept;
/// The wall clock at the monotonic instant `at`, in microseconds since 1970. Uses the present
/// offset between the two clocks.
std::int64_t wall_clock_us(TimePoint at) noexcept;

/// "12:34:56.789 " in local time, for microseconds since 1970. Allocates.
std::string time_of_day(std::int64_t wall_us);

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <horus/time.hpp>

namespace horus {

/// A release, and how many before it are given up.
struct NextRelease {
  TimePoint at{};
  std::uint64_t skipped = 0;  ///< Whole releases given up between the last one and `at`.
};

/// RT-safe. The release to serve after `released`, when it is `now`: the next point of the absolute
/// grid. Releases whose full period has passed by `now` are skipped, so the result may be up to one
/// period in the past. The grid keeps its phase (RT-1). `period` must be above 0.
[[nodiscard]] constexpr NextRelease next_release(TimePoint released, Nanos period,
                                                 TimePoint now) noexcept {
  const TimePoint next = released + period;
  if (now < next + period) return {.at = next, .skipped = 0};
  const std::int64_t skipped = (now - next) / period;
  return {.at = next + skipped * period, .skipped = static_cast<std::uint64_t>(skipped)};
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "rt/base/time.hpp"

namespace horus {

struct NextRelease {
  TimePoint at{};
  std::uint64_t skipped = 0;  ///< Whole releases given up between the last one and `at`.
};

/// The release to wait for after `released`, given that it is `now`: the next point of the
/// absolute grid, minus those whose full period has passed (floor). Keeps the phase.
/// `period` > 0.
[[nodiscard]] constexpr NextRelease next_release(TimePoint released, Nanos period,
                                                 TimePoint now) noexcept {
  const TimePoint next = released + period;
  if (now < next + period) return {.at = next, .skipped = 0};
  const std::int64_t skipped = (now - next) / period;
  return {.at = next + skipped * period, .skipped = static_cast<std::uint64_t>(skipped)};
}

}  // namespace horus

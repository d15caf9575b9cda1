// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <horus/time.hpp>

namespace horus {

/// The longest spin before a release, unless the user sets another.
inline constexpr Nanos kLongestSpin = 200us;
/// A deadline below this is short: a sleep ends about 50 us late on an ordinary kernel, and this is
/// ten times that (RT-3).
inline constexpr Nanos kShortDeadline = 500us;

/// How long a thread may spin before a release. `given`: the user's setting, 0 for never. Without
/// one a thread spins only if it asked for real time or has a short deadline. `deadline`: the
/// shortest one of the thread's nodes, 0 for none.
[[nodiscard]] constexpr Nanos longest_spin(std::optional<Nanos> given, bool asked_for_real_time,
                                           Nanos deadline) noexcept {
  if (given) return *given;
  const bool is_short = deadline > Nanos{} && deadline < kShortDeadline;
  return asked_for_real_time || is_short ? kLongestSpin : Nanos{};
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "rt/base/time.hpp"

namespace horus {

/// The longest spin before a release where spinning is worth its CPU.
inline constexpr Nanos kLongestSpin = 200us;
/// A sleep ends about 50 us late on an ordinary kernel: below ten times that, it matters (RT-3).
inline constexpr Nanos kShortDeadline = 500us;

/// How long a thread may spin before a release. `given`: what the user wrote, 0 for never; nothing:
/// only where a node of the thread asked for real time, or its deadline is short. `deadline`: the
/// shortest of the thread's nodes, 0 for none.
[[nodiscard]] constexpr Nanos longest_spin(std::optional<Nanos> given, bool asked_for_real_time,
                                           Nanos deadline) noexcept {
  if (given) return *given;
  const bool is_short = deadline > Nanos{} && deadline < kShortDeadline;
  return asked_for_real_time || is_short ? kLongestSpin : Nanos{};
}

}  // namespace horus

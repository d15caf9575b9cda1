// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/base/time.hpp"

namespace horus {

/// What a tick may cost. Zero means: not limited.
struct Budget {
  Nanos execution{};  ///< finish - start, without what was awaited.
  Nanos deadline{};   ///< finish - release, so that a late wake-up counts.
};

/// The three instants of one tick.
struct TickTiming {
  TimePoint release{};  ///< Planned, on the absolute grid.
  TimePoint start{};    ///< The node's code could run (Python: once the GIL is held).
  TimePoint finish{};
  Nanos awaited{};  ///< The node waited and ran no code (asyncio): no part of the execution.
  Nanos lost{};     ///< Of the execution: taken from it by others (Python: while they had the GIL).

  constexpr Nanos lateness() const noexcept { return start - release; }
  constexpr Nanos execution() const noexcept { return finish - start - awaited; }
  constexpr Nanos response() const noexcept { return finish - release; }
};

/// Two independent findings about one tick.
struct Verdict {
  bool missed = false;   ///< response > deadline
  bool overrun = false;  ///< execution - lost > budget: what others took is not the node's fault
};

[[nodiscard]] constexpr Verdict judge(const TickTiming& tick, const Budget& budget) noexcept {
  return {.missed = budget.deadline > Nanos{} && tick.response() > budget.deadline,
          .overrun = budget.execution > Nanos{} && tick.execution() - tick.lost > budget.execution};
}

}  // namespace horus

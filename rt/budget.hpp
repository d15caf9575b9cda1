// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <horus/node.hpp>
#include <horus/time.hpp>

namespace horus {

/// The three instants of one tick, and the time within it that was not the node's.
struct TickTiming {
  TimePoint release{};  ///< The planned start, on the absolute grid.
  TimePoint start{};    ///< When the node's code could run (Python: once the GIL is held).
  TimePoint finish{};   ///< When the node's code was done.
  Nanos awaited{};      ///< Time the node waited and ran no code (asyncio). Not execution time.
  Nanos lost{};         ///< Part of the execution in which another thread had the GIL (Python).

  constexpr Nanos lateness() const noexcept { return start - release; }
  constexpr Nanos execution() const noexcept { return finish - start - awaited; }
  constexpr Nanos response() const noexcept { return finish - release; }
};

/// Two independent findings about one tick.
struct Verdict {
  bool missed = false;   ///< response > deadline
  bool overrun = false;  ///< execution - lost > budget: lost time is not the node's fault
};

/// RT-safe. Compares a tick with its limits.
[[nodiscard]] constexpr Verdict judge(const TickTiming& tick, const Budget& budget) noexcept {
  return {.missed = budget.deadline > Nanos{} && tick.response() > budget.deadline,
          .overrun = budget.execution > Nanos{} && tick.execution() - tick.lost > budget.execution};
}

}  // namespace horus

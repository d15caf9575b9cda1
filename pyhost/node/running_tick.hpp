// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include <pybind11/pybind11.h>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "rt/node.hpp"

namespace horus::py {

/// The tick that the calling thread is in; what now(), dt(), tick() and their kin answer from.
struct RunningTick {
  const Tick* tick = nullptr;        ///< Null outside of a tick.
  TimePoint epoch{};                 ///< Its scheduler's.
  Nanos awaited{};                   ///< So far: no part of the budget.
  const NodeStats* stats = nullptr;  ///< Its node's, where its thread is the tick's.
};
inline thread_local RunningTick running_tick;

/// What the tick that has just ended on the calling thread had awaited, for its statistics.
inline thread_local Nanos awaited_in_tick{};

/// The number of the tick that runs, or ran last, in this process.
/// relaxed: it only labels a GC pause.
inline std::atomic<std::uint64_t> latest_tick{0};

/// The start of the process's latest scheduler, ns; before the first: of this module.
inline std::atomic<std::int64_t> clock_start_ns{to_ns(MonotonicClock::now())};

/// Adds now(), dt(), tick(), elapsed(), budget_remaining(), deadline_remaining(), rng_float(),
/// timestamp_ns() and monotonic_ns().
void bind_tick_functions(pybind11::module_& module);

}  // namespace horus::py

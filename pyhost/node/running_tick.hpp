// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include <pybind11/pybind11.h>

#include <horus/node.hpp>
#include <horus/time.hpp>

#include "rt/base/tick_stats.hpp"

namespace horus::py {

/// The tick that the calling thread is in. now(), dt(), tick() and the like read it.
struct RunningTick {
  const Tick* tick = nullptr;        ///< Null outside a tick.
  TimePoint epoch{};                 ///< When its scheduler began.
  Nanos awaited{};                   ///< Awaited so far; does not count into the budget.
  const NodeStats* stats = nullptr;  ///< Its node's; null on the asyncio thread.
};
inline thread_local RunningTick running_tick;

/// How long the latest tick of the calling executor awaited; GilHook::ticked() takes it.
inline thread_local Nanos awaited_in_tick{};

/// The number of the tick that runs, or ran last, in this process.
/// relaxed: it only labels a GC pause.
inline std::atomic<std::uint64_t> latest_tick{0};

/// When the process's latest scheduler began, ns of CLOCK_MONOTONIC; before the first one, when
/// this module was loaded.
inline std::atomic<std::int64_t> clock_start_ns{to_ns(MonotonicClock::now())};

/// Adds now(), dt(), tick(), elapsed(), budget_remaining(), deadline_remaining(), rng_float(),
/// timestamp_ns() and monotonic_ns().
void bind_tick_functions(pybind11::module_& module);

}  // namespace horus::py

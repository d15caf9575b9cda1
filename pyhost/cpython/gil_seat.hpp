// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <limits>

#include "pyhost/cpython/gil_policy.hpp"

namespace horus::py {

/// The order for a seat's plain numbers: no other data is published through them.
inline constexpr auto kRelaxed = std::memory_order_relaxed;

/// The record that GilArbiter and GilHelper keep of one executor thread.
///
/// Thread safety: `state`, `urgency`, `protection_us` and `switched` do not change while the seat
/// is taken. The groups below say who writes. Plain numbers are relaxed. `phase` is seq_cst,
/// because the helper decides by it whether it may sleep.
struct GilSeat {
  enum class Phase : std::uint32_t {
    kIdle,     ///< Between two batches of ticks; does not want the GIL.
    kWaiting,  ///< Waits for the GIL: it is inside PyEval_RestoreThread, or about to call it.
    kTicking,  ///< Runs ticks: it has the GIL, or has lost it in the middle of a tick.
  };
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::atomic<bool> taken{false};   ///< An executor thread uses this seat.
  const void* state = nullptr;      ///< The thread's PyThreadState.
  Urgency urgency{};                ///< Decides between two ticks that want the GIL.
  unsigned long protection_us = 0;  ///< Switch interval that a tick needs; 0: none. us.
  /// Where CPython counts the switches of the GIL: the interpreter's, not the seat's.
  unsigned long* switched = nullptr;

  // Written by the seat's thread. Times are CLOCK_MONOTONIC.
  std::atomic<Phase> phase{Phase::kIdle};
  /// When the wait or the batch of ticks began. Set anew after a tick that lost the GIL.
  std::atomic<std::int64_t> since_ns{0};
  std::atomic<std::int64_t> expected_ns{kNever};  ///< Next release: when it wants the GIL again.
  std::atomic<std::uint64_t> tick{0};      ///< Changes at the start and at the end of each tick.
  std::atomic<unsigned long> wants_us{0};  ///< Switch interval it needs now; 0: none. us.
  unsigned long switches = 0;  ///< Number of GIL switches when the wait or the tick began.
  bool found_locked = false;   ///< The GIL was locked when the wait began.

  // Written under the GIL's mutex, or by the seat's thread while it has the GIL.
  std::atomic<bool> displaced{false};  ///< A more urgent tick made it drop the GIL in a tick.
  std::atomic<unsigned long> displaced_at{0};  ///< Number of GIL switches at that request.
  /// Since when it holds the GIL, for kLeastHold. The helper writes it as well.
  std::atomic<std::int64_t> held_since_ns{0};

  // Written by the helper. The first three tell what one tick lost. The others tell of a wait that
  // has lasted 100 ms or more; the seat's thread resets held_by when a wait begins.
  std::atomic<std::uint64_t> lost_tick{0};  ///< The `tick` that lost_ns and lost_to belong to.
  std::atomic<std::int64_t> lost_ns{0};     ///< How long that tick wanted the GIL in vain.
  std::atomic<pid_t> lost_to{0};            ///< The thread that had the GIL; 0: not known.
  std::atomic<pid_t> held_by{0};            ///< The thread that the wait waits for; 0: not known.
  std::atomic<std::int64_t> holder_watched_ns{0};  ///< How long `held_by` was watched.
  std::atomic<std::int64_t> holder_ran_ns{0};      ///< How long it ran in that time.
  std::atomic<std::int64_t> holder_off_cpu_ns{0};  ///< How long it was ready without a CPU.
};

}  // namespace horus::py

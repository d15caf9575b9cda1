// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <limits>

#include "pyhost/cpython/gil_policy.hpp"

namespace horus::py {

/// For the numbers of a seat, through which nothing is published.
inline constexpr auto kRelaxed = std::memory_order_relaxed;

/// One executor thread as those see it who arbitrate the GIL.
///
/// Thread safety: fixed while it is taken: state, urgency, protection_us. The groups below
/// have one writer each. Numbers are relaxed but for `phase`, which decides who sleeps.
struct GilSeat {
  enum class Phase : std::uint32_t {
    kIdle,
    kWaiting,  ///< Wants the GIL, and takes it: it is in PyEval_RestoreThread, or about to be.
    kTicking,  ///< Has it, or lost it in the middle of a tick.
  };
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::atomic<bool> taken{false};
  const void* state = nullptr;  ///< Its Python thread state.
  Urgency urgency{};
  unsigned long protection_us = 0;

  // Written by the thread itself.
  std::atomic<Phase> phase{Phase::kIdle};
  std::atomic<std::int64_t> since_ns{0};          ///< When the phase, or the tick, began.
  std::atomic<std::int64_t> expected_ns{kNever};  ///< When it will want the GIL again.
  std::atomic<std::uint64_t> tick{0};             ///< Moves with each tick.
  std::atomic<unsigned long> wants_us{0};         ///< The switch interval that protects it now.
  unsigned long switches = 0;                     ///< The GIL's, when the wait or the tick began.
  bool found_locked = false;                      ///< The GIL, when the wait began.

  // Written under the GIL's mutex, or by the thread while it has the GIL.
  std::atomic<bool> displaced{false};  ///< A more urgent thread of ours had it leave its tick.
  std::atomic<unsigned long> displaced_at{0};  ///< The GIL's switches then.
  std::atomic<std::int64_t> held_since_ns{0};

  // Written by the helper, for the tick that `lost_tick` names and for the wait that goes on.
  std::atomic<std::uint64_t> lost_tick{0};
  std::atomic<std::int64_t> lost_ns{0};
  std::atomic<pid_t> lost_to{0};
  std::atomic<pid_t> held_by{0};  ///< Who has the GIL while the wait lasts 100 ms and more.
  std::atomic<std::int64_t> holder_watched_ns{0};  ///< For how long that thread was watched,
  std::atomic<std::int64_t> holder_ran_ns{0};      ///< has run meanwhile,
  std::atomic<std::int64_t> holder_off_cpu_ns{0};  ///< and was ready without a CPU.
};

}  // namespace horus::py

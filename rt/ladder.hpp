// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <horus/node.hpp>
#include <horus/time.hpp>

#include "rt/base/tick_stats.hpp"

namespace horus {

/// The ladder of one node: its numbers, and which rungs it has. Every ladder has kWarned.
struct LadderPlan {
  LadderConfig numbers{};
  bool acts = false;      ///< It has the rungs kIsolated and kStopped.
  bool degrades = false;  ///< It has the rung kDegraded.
};

/// Where a node is on its ladder.
struct LadderState {
  Rung rung = Rung::kNone;
  std::uint32_t misses = 0;  ///< Misses in a row.
  std::uint32_t good = 0;    ///< Ticks in a row that neither missed nor failed.
  TimePoint reached{};       ///< When it reached the rung; on kNone: when the first miss ended.

  /// True when good ticks change nothing: after_tick() then need not be called for them.
  bool idle() const noexcept { return rung == Rung::kNone && misses == 0; }
};

/// A tick that missed its deadline counts as missed, whether it failed as well or not.
enum class TickOutcome : std::uint8_t { kGood, kMissed, kFailed };

enum class LadderAction : std::uint8_t {
  kNone,     ///< Stay.
  kClimb,    ///< Go up one rung, to LadderStep::state.rung.
  kRecover,  ///< Leave the ladder.
};

/// The result of after_tick().
struct LadderStep {
  LadderState state{};
  LadderAction action = LadderAction::kNone;
  Rung left = Rung::kNone;  ///< For kRecover: the rung that the node was on.
};

/// The rung above `rung` in this plan; `rung` itself when there is none.
[[nodiscard]] constexpr Rung next_rung(const LadderPlan& plan, Rung rung) noexcept {
  switch (rung) {
    case Rung::kNone: return Rung::kWarned;
    case Rung::kWarned:
      if (plan.degrades) return Rung::kDegraded;
      return plan.acts ? Rung::kIsolated : rung;
    case Rung::kDegraded: return plan.acts ? Rung::kIsolated : rung;
    case Rung::kIsolated:
    case Rung::kStopped: break;
  }
  return Rung::kStopped;
}

/// How many misses in a row lead to `rung`.
[[nodiscard]] constexpr std::uint32_t misses_for(const LadderConfig& numbers, Rung rung) noexcept {
  switch (rung) {
    case Rung::kNone: break;
    case Rung::kWarned: return numbers.warn;
    case Rung::kDegraded: return numbers.degrade;
    case Rung::kIsolated: return numbers.isolate;
    case Rung::kStopped: return numbers.stop;
  }
  return 0;
}

/// RT-safe. Pure. What follows on the ladder after a tick that ended at `now`.
[[nodiscard]] constexpr LadderStep after_tick(const LadderPlan& plan, LadderState state,
                                              TickOutcome outcome, TimePoint now) noexcept {
  if (outcome != TickOutcome::kMissed) {
    state.misses = 0;
    state.good = outcome == TickOutcome::kGood ? state.good + 1 : 0;
    const bool climbed = state.rung != Rung::kNone && state.rung != Rung::kStopped;
    if (!climbed || state.good < plan.numbers.recover) return {.state = state};
    return {.state = {}, .action = LadderAction::kRecover, .left = state.rung};
  }
  state.good = 0;
  if (state.misses == 0 && state.rung == Rung::kNone) state.reached = now;
  ++state.misses;
  const Rung next = next_rung(plan, state.rung);
  const bool due = next != state.rung && state.misses >= misses_for(plan.numbers, next) &&
                   now - state.reached >= plan.numbers.least;
  if (!due) return {.state = state};
  state.rung = next;
  state.reached = now;
  return {.state = state, .action = LadderAction::kClimb};
}

}  // namespace horus

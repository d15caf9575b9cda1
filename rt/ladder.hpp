// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "rt/settings.hpp"

namespace horus {

/// What follows when a node misses its deadline again and again: each rung at so many misses in a
/// row, and no sooner than `least` after the one below it, or after the first miss.
struct LadderConfig {
  std::uint32_t warn = 3;       ///< A line in the log.
  std::uint32_t degrade = 5;    ///< Half the rate, where NodeConfig::degrade allows it.
  std::uint32_t isolate = 10;   ///< Safe state of the node; its readers take their fallbacks.
  std::uint32_t stop = 20;      ///< The run stops.
  std::uint32_t recover = 100;  ///< So many good ticks in a row take all of it back, but a stop.
  Nanos least = 50ms;
};
inline constexpr std::array<Setting<LadderConfig>, 6> kLadderSettings{{
    {"warn", &LadderConfig::warn, {1, 1'000'000}},
    {"degrade", &LadderConfig::degrade, {1, 1'000'000}},
    {"isolate", &LadderConfig::isolate, {1, 1'000'000}},
    {"stop", &LadderConfig::stop, {1, 1'000'000}},
    {"recover", &LadderConfig::recover, {1, 1'000'000}},
    {"least", &LadderConfig::least},
}};

/// Which rungs a node has.
struct LadderPlan {
  LadderConfig numbers{};
  bool acts = false;      ///< Else it isolates and stops nobody.
  bool degrades = false;  ///< It halves the rate.
};

struct LadderState {
  Rung rung = Rung::kNone;
  std::uint32_t misses = 0;  ///< In a row.
  std::uint32_t good = 0;    ///< Ticks in a row that were neither late nor failed.
  TimePoint reached{};       ///< The rung; on none: when the first of the misses was over.

  /// Whether a good tick has something to say.
  bool idle() const noexcept { return rung == Rung::kNone && misses == 0; }
};

enum class TickOutcome : std::uint8_t { kGood, kMissed, kFailed };

enum class LadderAction : std::uint8_t {
  kNone,
  kClimb,    ///< To the new rung, for the first time in this episode.
  kRecover,  ///< From every rung.
};

struct LadderStep {
  LadderState state{};
  LadderAction action = LadderAction::kNone;
  Rung left = Rung::kNone;  ///< Of a recovery: the rung that it was on.
};

/// The rung above `rung`; the same one where there is none.
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

/// How many misses in a row lead to it.
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

/// RT-safe. The step after a tick that was over at `now`.
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

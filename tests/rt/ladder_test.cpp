// SPDX-License-Identifier: Apache-2.0
#include "rt/ladder.hpp"

#include <array>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <horus/node.hpp>

namespace horus {
namespace {

constexpr TimePoint kLadderStart = from_ns(3'600'000'000'000);

/// What a run of outcomes, each so long after the one before it, leads to.
LadderState climbed(const LadderPlan& plan, TickOutcome outcome, int ticks, Nanos apart) {
  LadderState state;
  for (int i = 0; i < ticks; ++i) {
    state = after_tick(plan, state, outcome, kLadderStart + i * apart).state;
  }
  return state;
}

struct RungRow {
  int misses;
  Rung acting;
  Rung degrading;
  Rung unasked;
};
// At 10 Hz, where 50 ms are less than a period.
constexpr std::array<RungRow, 9> kRungs{{
    {2, Rung::kNone, Rung::kNone, Rung::kNone},
    {3, Rung::kWarned, Rung::kWarned, Rung::kWarned},
    {4, Rung::kWarned, Rung::kWarned, Rung::kWarned},
    {5, Rung::kWarned, Rung::kDegraded, Rung::kWarned},
    {9, Rung::kWarned, Rung::kDegraded, Rung::kWarned},
    {10, Rung::kIsolated, Rung::kIsolated, Rung::kWarned},
    {19, Rung::kIsolated, Rung::kIsolated, Rung::kWarned},
    {20, Rung::kStopped, Rung::kStopped, Rung::kWarned},
    {1000, Rung::kStopped, Rung::kStopped, Rung::kWarned},
}};

TEST(Ladder, has_a_rung_for_each_number_of_misses) {
  for (const RungRow& row : kRungs) {
    const auto rung = [&row](const LadderPlan& plan) {
      return climbed(plan, TickOutcome::kMissed, row.misses, 100ms).rung;
    };
    EXPECT_EQ(rung({.acts = true}), row.acting) << row.misses;
    EXPECT_EQ(rung({.acts = true, .degrades = true}), row.degrading) << row.misses;
    EXPECT_EQ(rung({}), row.unasked) << row.misses;
  }
  EXPECT_EQ(climbed({.degrades = true}, TickOutcome::kMissed, 1000, 100ms).rung, Rung::kDegraded)
      << "it may be slower, and nobody asked for more";
}

TEST(Ladder, of_a_fast_node_gives_each_rung_its_time) {
  const LadderPlan plan{.acts = true};
  const auto rung = [&plan](int misses) {
    return climbed(plan, TickOutcome::kMissed, misses, 1ms).rung;
  };
  EXPECT_EQ(rung(50), Rung::kNone);
  EXPECT_EQ(rung(51), Rung::kWarned);
  EXPECT_EQ(rung(100), Rung::kWarned);
  EXPECT_EQ(rung(101), Rung::kIsolated);
  EXPECT_EQ(rung(150), Rung::kIsolated);
  EXPECT_EQ(rung(151), Rung::kStopped);
}

TEST(Ladder, is_left_after_good_ticks_in_a_row) {
  const LadderPlan plan{.acts = true};
  LadderState state = climbed(plan, TickOutcome::kMissed, 10, 100ms);
  for (int i = 0; i < 99; ++i) {
    const LadderStep step = after_tick(plan, state, TickOutcome::kGood, kLadderStart + 2s);
    ASSERT_EQ(step.action, LadderAction::kNone);
    state = step.state;
  }
  LadderState failed = after_tick(plan, state, TickOutcome::kFailed, kLadderStart + 2s).state;
  EXPECT_EQ(failed.good, 0U) << "a tick that failed is none of them";
  EXPECT_EQ(failed.rung, Rung::kIsolated);
  const LadderStep back = after_tick(plan, state, TickOutcome::kGood, kLadderStart + 2s);
  EXPECT_EQ(back.action, LadderAction::kRecover);
  EXPECT_EQ(back.left, Rung::kIsolated);
  EXPECT_TRUE(back.state.idle());
}

// Every order of outcomes and of times, with small numbers.

constexpr LadderConfig kSmall{
    .warn = 1, .degrade = 2, .isolate = 3, .stop = 4, .recover = 2, .least = 50ms};

/// A fault that the model must see.
enum class LadderFault {
  kNone,
  kWaitsForNothing,   // A rung is reached before its time.
  kCountsAllMisses,   // Not those in a row.
  kClimbsTwice,       // In one tick.
  kActsUnasked,       // Where nobody asked for more than a warning.
  kDegradesUnasked,   // Where nobody allows half the rate.
  kRecoversEarly,     // Too few good ticks,
  kRecoversByFailed,  // or failed ones,
  kRecoversStopped,   // or from a stop.
  kForgetsItsRung,    // So that it says the same again.
};

LadderStep faulty_step(LadderFault fault, LadderPlan plan, const LadderState& state,
                       TickOutcome outcome, TimePoint now) {
  if (fault == LadderFault::kWaitsForNothing) plan.numbers.least = Nanos{};
  if (fault == LadderFault::kActsUnasked) plan.acts = true;
  if (fault == LadderFault::kDegradesUnasked) plan.degrades = true;
  if (fault == LadderFault::kRecoversEarly) --plan.numbers.recover;
  const bool failed = outcome == TickOutcome::kFailed;
  if (fault == LadderFault::kRecoversByFailed && failed) outcome = TickOutcome::kGood;
  LadderStep step = after_tick(plan, state, outcome, now);
  if (fault == LadderFault::kCountsAllMisses && outcome != TickOutcome::kMissed &&
      step.action == LadderAction::kNone) {
    step.state.misses = state.misses;
  }
  if (fault == LadderFault::kClimbsTwice && step.action == LadderAction::kClimb) {
    step = after_tick(plan, step.state, outcome, now + 1s);
    step.action = LadderAction::kClimb;
  }
  if (fault == LadderFault::kRecoversStopped && state.rung == Rung::kStopped &&
      outcome == TickOutcome::kGood) {
    step = {.state = {}, .action = LadderAction::kRecover, .left = Rung::kStopped};
  }
  if (fault == LadderFault::kForgetsItsRung && outcome == TickOutcome::kFailed) {
    step.state.rung = Rung::kNone;
  }
  return step;
}

/// What an onlooker knows, who counts by himself.
struct Watched {
  LadderState state{};
  std::uint32_t misses = 0;
  std::uint32_t good = 0;
  Rung said = Rung::kNone;  // The highest of this episode.
  TimePoint since{};        // Of that, or of the first of the misses.
};

class LadderModel {
 public:
  LadderModel(const LadderPlan& plan, LadderFault fault) : plan_{plan}, fault_{fault} {}

  /// The first rule that is broken; nothing: none is.
  std::optional<std::string> walk() {
    visit({}, kLadderStart, kDepth);
    return broken_;
  }
  std::size_t steps() const noexcept { return steps_; }

 private:
  static constexpr int kDepth = 8;

  void visit(const Watched& before, TimePoint then, int left) {
    if (left == 0 || broken_) return;
    for (const Nanos passed : {Nanos{10ms}, Nanos{60ms}}) {
      for (const auto outcome : {TickOutcome::kGood, TickOutcome::kMissed, TickOutcome::kFailed}) {
        const TimePoint now = then + passed;
        ++steps_;
        const LadderStep step = faulty_step(fault_, plan_, before.state, outcome, now);
        Watched after = before;
        after.state = step.state;
        after.misses = outcome == TickOutcome::kMissed ? before.misses + 1 : 0;
        after.good = outcome == TickOutcome::kGood ? before.good + 1 : 0;
        if (after.misses == 1 && before.said == Rung::kNone) after.since = now;
        check(before, after, step, now);
        visit(after, now, left - 1);
      }
    }
  }

  void expect(bool holds, const char* rule) {
    if (!holds && !broken_) broken_ = rule;
  }

  void check(const Watched& before, Watched& after, const LadderStep& step, TimePoint now) {
    const Rung rung = step.state.rung;
    switch (step.action) {
      case LadderAction::kNone:
        expect(rung == before.said, "a rung is left, or reached, without a word");
        break;
      case LadderAction::kClimb:
        expect(rung == next_rung(plan_, before.said), "a rung is left out, or said again");
        expect(after.misses >= misses_for(kSmall, rung), "too few misses in a row");
        expect(now - after.since >= kSmall.least, "too early");
        expect(rung < Rung::kIsolated || plan_.acts, "nobody asked for it");
        expect(rung != Rung::kDegraded || plan_.degrades, "it may not be slower");
        after.said = rung;
        after.since = now;
        break;
      case LadderAction::kRecover:
        expect(before.said != Rung::kNone, "from nothing");
        expect(before.said != Rung::kStopped, "from a stop");
        expect(step.left == before.said, "from another rung");
        expect(after.good >= kSmall.recover, "too few good ticks in a row");
        expect(rung == Rung::kNone, "to a rung");
        after.said = Rung::kNone;
        break;
    }
    const bool overdue = after.misses >= misses_for(kSmall, next_rung(plan_, after.said)) &&
                         now - after.since >= kSmall.least &&
                         next_rung(plan_, after.said) != after.said;
    expect(!overdue || step.action != LadderAction::kNone, "too late");
  }

  const LadderPlan plan_;
  const LadderFault fault_;
  std::size_t steps_ = 0;
  std::optional<std::string> broken_;
};

constexpr std::array<LadderPlan, 4> kPlans{{{.numbers = kSmall},
                                            {.numbers = kSmall, .acts = true},
                                            {.numbers = kSmall, .degrades = true},
                                            {.numbers = kSmall, .acts = true, .degrades = true}}};

TEST(LadderModel, holds_in_every_order) {
  std::size_t steps = 0;
  for (const LadderPlan& plan : kPlans) {
    LadderModel model{plan, LadderFault::kNone};
    EXPECT_EQ(model.walk().value_or("nothing"), "nothing");
    steps += model.steps();
  }
  RecordProperty("steps", static_cast<int>(steps));
  EXPECT_GT(steps, 1'000'000U);
}

TEST(LadderModel, refuses_each_fault) {
  for (int i = 1; i <= static_cast<int>(LadderFault::kForgetsItsRung); ++i) {
    bool seen = false;
    for (const LadderPlan& plan : kPlans) {
      seen = seen || LadderModel{plan, static_cast<LadderFault>(i)}.walk().has_value();
    }
    EXPECT_TRUE(seen) << "fault " << i;
  }
}

}  // namespace
}  // namespace horus

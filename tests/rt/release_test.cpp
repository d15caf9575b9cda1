// SPDX-License-Identifier: Apache-2.0
#include "rt/release.hpp"

#include <gtest/gtest.h>

#include <horus/node.hpp>

#include "rt/budget.hpp"

namespace horus {
namespace {

TEST(NextRelease, is_one_period_on_when_the_tick_was_short) {
  const auto next = next_release(TimePoint{10ms}, 1ms, TimePoint{10ms + 300us});
  EXPECT_EQ(next.at, TimePoint{11ms});
  EXPECT_EQ(next.skipped, 0U);
}

TEST(NextRelease, that_has_passed_by_less_than_a_period_is_ticked_late) {
  for (const auto now : {11ms + 0us, 11ms + 1us, 11ms + 999us}) {
    const auto next = next_release(TimePoint{10ms}, 1ms, TimePoint{now});
    EXPECT_EQ(next.at, TimePoint{11ms});
    EXPECT_EQ(next.skipped, 0U);
  }
}

TEST(NextRelease, after_an_overrun_drops_whole_periods_and_keeps_the_phase) {
  const auto next = next_release(TimePoint{10ms}, 1ms, TimePoint{13ms + 400us});
  EXPECT_EQ(next.at, TimePoint{13ms});
  EXPECT_EQ(next.skipped, 2U);
}

TEST(NextRelease, counts_a_period_that_has_just_passed) {
  EXPECT_EQ(next_release(TimePoint{10ms}, 1ms, TimePoint{12ms - 1ns}).skipped, 0U);
  EXPECT_EQ(next_release(TimePoint{10ms}, 1ms, TimePoint{12ms}).skipped, 1U);
}

TEST(NextRelease, never_leaves_the_grid) {
  const TimePoint epoch{12345678ns};
  constexpr Nanos kPeriod = 333'333ns;
  for (std::int64_t late = 0; late < 40; ++late) {
    const auto next = next_release(epoch, kPeriod, epoch + late * 100us);
    EXPECT_EQ((next.at - epoch) % kPeriod, 0ns);
    EXPECT_EQ(next.at, epoch + static_cast<std::int64_t>(next.skipped + 1) * kPeriod);
    EXPECT_LT(epoch + late * 100us, next.at + kPeriod) << "what is ticked is less than one late";
  }
}

TEST(Judge, finds_a_miss_by_the_response_and_an_overrun_by_the_execution) {
  constexpr Budget kBudget{.execution = 200us, .deadline = 900us};
  const auto tick = [](Nanos start, Nanos finish) {
    return TickTiming{
        .release = TimePoint{1s}, .start = TimePoint{1s} + start, .finish = TimePoint{1s} + finish};
  };
  const auto verdict = [&](Nanos start, Nanos finish) {
    return judge(tick(start, finish), kBudget);
  };
  EXPECT_FALSE(verdict(0us, 200us).overrun);
  EXPECT_TRUE(verdict(0us, 201us).overrun);
  EXPECT_FALSE(verdict(0us, 201us).missed);
  // A late wake-up is a miss although the node itself was quick.
  EXPECT_TRUE(verdict(850us, 901us).missed);
  EXPECT_FALSE(verdict(850us, 901us).overrun);
  EXPECT_FALSE(verdict(850us, 900us).missed);
  EXPECT_TRUE(verdict(0us, 1ms).missed && verdict(0us, 1ms).overrun);
}

TEST(Judge, finds_nothing_without_limits) {
  const TickTiming tick{.release = TimePoint{0s}, .start = TimePoint{1s}, .finish = TimePoint{9s}};
  EXPECT_FALSE(judge(tick, {}).missed);
  EXPECT_FALSE(judge(tick, {}).overrun);
}

}  // namespace
}  // namespace horus

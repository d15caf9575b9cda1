// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/gil_policy.hpp"

#include <gtest/gtest.h>

namespace horus::py {
namespace {

constexpr TimePoint at(Nanos time) {
  return TimePoint{} + 1s + time;
}

TEST(GilPolicy, a_priority_comes_before_a_class_and_a_class_before_a_rate) {
  const auto fast = urgency_of(NodeClass::kTick, 0, 1ms);
  const auto slow = urgency_of(NodeClass::kTick, 0, 10ms);
  const auto event = urgency_of(NodeClass::kEvent, 0, 0ns);
  const auto best_effort = urgency_of(NodeClass::kBestEffort, 0, 1ms);
  EXPECT_GT(fast, slow);
  EXPECT_GT(slow, event);
  EXPECT_GT(event, best_effort);
  EXPECT_GT(urgency_of(NodeClass::kTick, 2, 10ms), urgency_of(NodeClass::kTick, 1, 1ms));
  EXPECT_GT(urgency_of(NodeClass::kEvent, 1, 0ns), fast);
  EXPECT_FALSE(fast > urgency_of(NodeClass::kTick, 0, 1ms)) << "equals leave each other alone";
}

TEST(GilPolicy, a_tick_is_protected_for_its_budget_and_at_most_100_ms) {
  EXPECT_EQ(protection_us(NodeClass::kTick, 800us), 801U);
  EXPECT_EQ(protection_us(NodeClass::kTick, 80ms), 80'001U);
  EXPECT_EQ(protection_us(NodeClass::kTick, 100ms), 100'001U);
  EXPECT_EQ(protection_us(NodeClass::kTick, 5s), 100'001U);
  EXPECT_EQ(protection_us(NodeClass::kEvent, 0ns), 0U) << "no budget: as the user has it";
}

TEST(GilPolicy, compute_and_async_nodes_share_the_gil_as_any_thread) {
  EXPECT_FALSE(asks_for_gil(NodeClass::kCompute));
  EXPECT_FALSE(asks_for_gil(NodeClass::kAsync));
  EXPECT_TRUE(asks_for_gil(NodeClass::kTick));
  EXPECT_TRUE(asks_for_gil(NodeClass::kEvent));
  EXPECT_TRUE(asks_for_gil(NodeClass::kBestEffort));
  EXPECT_EQ(protection_us(NodeClass::kCompute, 80ms), 0U);
}

TEST(GilPolicy, a_constant_interval_is_short_for_short_ticks_and_never_above_the_users) {
  EXPECT_EQ(constant_interval_us(800us, 5000), 50U);
  EXPECT_EQ(constant_interval_us(8ms, 5000), 500U);
  EXPECT_EQ(constant_interval_us(80ms, 5000), 5000U);
  EXPECT_EQ(constant_interval_us(100us, 5000), 50U);
  EXPECT_EQ(constant_interval_us(8ms, 20), 20U);
  EXPECT_EQ(constant_interval_us(0ns, 5000), 5000U) << "nothing has a budget";
}

TEST(GilLoss, is_the_time_between_looks_that_both_see_it) {
  GilLoss loss;
  loss.begin(at(0us));
  loss.look(at(100us), false);
  EXPECT_EQ(loss.lost(), 0ns);
  loss.look(at(120us), true);
  EXPECT_EQ(loss.lost(), 10us) << "it began somewhere in these 20 us";
  loss.look(at(1120us), true);
  EXPECT_EQ(loss.lost(), 1010us);
  loss.look(at(1140us), false);
  EXPECT_EQ(loss.lost(), 1020us);
  loss.look(at(5ms), false);
  EXPECT_EQ(loss.lost(), 1020us);
}

TEST(GilLoss, of_one_tick_is_not_that_of_the_next) {
  GilLoss loss;
  loss.begin(at(0us));
  loss.look(at(20us), true);
  loss.look(at(2ms), true);
  loss.begin(at(3ms));
  EXPECT_EQ(loss.lost(), 0ns);
  loss.look(at(4ms), false);
  EXPECT_EQ(loss.lost(), 0ns);
}

TEST(LendingRule, lends_at_the_second_look_and_at_the_first_after_long_waits) {
  EXPECT_FALSE(LendingRule::due(1, TimePoint{}, at(0us)));
  EXPECT_TRUE(LendingRule::due(2, TimePoint{}, at(0us)));
  EXPECT_TRUE(LendingRule::due(1, at(0us), at(1999ms)));
  EXPECT_FALSE(LendingRule::due(1, at(0us), at(2s)));
}

TEST(LendingRule, leaves_a_loan_to_who_is_asked_or_may_have_the_mutex_for_2_ms_at_most) {
  EXPECT_TRUE(LendingRule::kept(true, false, 1ms));
  EXPECT_TRUE(LendingRule::kept(false, true, 2ms));
  EXPECT_FALSE(LendingRule::kept(false, false, 1us));
  EXPECT_FALSE(LendingRule::kept(true, true, 2ms + 1ns));
}

TEST(HolderDid, is_what_took_most_of_the_time_that_it_was_watched) {
  EXPECT_EQ(holder_did(400ms, 390ms, 5ms), HolderDid::kRan);
  EXPECT_EQ(holder_did(400ms, 10ms, 350ms), HolderDid::kNoCpu);
  EXPECT_EQ(holder_did(400ms, 1ms, 2ms), HolderDid::kSlept);
  EXPECT_EQ(holder_did(400ms, 150ms, 240ms), HolderDid::kNoCpu)
      << "neither took half of a long wait";
  EXPECT_EQ(holder_did(100ms, 80ms, 10ms), HolderDid::kRan) << "the last look was long ago";
  EXPECT_EQ(holder_did(0ms, 0ms, 0ms), HolderDid::kRan);
}

}  // namespace
}  // namespace horus::py

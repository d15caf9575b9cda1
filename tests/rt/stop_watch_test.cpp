// SPDX-License-Identifier: Apache-2.0
#include "rt/stop_watch.hpp"

#include <gtest/gtest.h>

namespace horus {
namespace {

class StopWatchTest : public ::testing::Test {
 protected:
  StopStep after(Nanos time, bool hurried = false, bool shut_down = false) {
    now += time;
    return watch.look(now, hurried, shut_down);
  }

  TimePoint now{1h};
  StopWatch watch{5s};
};

TEST_F(StopWatchTest, asks_after_two_seconds_and_gives_up_after_the_timeout) {
  EXPECT_EQ(after(0s), StopStep::kWait);
  EXPECT_EQ(after(1999ms), StopStep::kWait);
  EXPECT_EQ(after(1ms), StopStep::kAsk);
  EXPECT_EQ(after(0s), StopStep::kWait) << "once";
  EXPECT_EQ(after(2999ms), StopStep::kWait);
  EXPECT_EQ(after(1ms), StopStep::kShutDown);
  EXPECT_EQ(after(20ms, false, true), StopStep::kGiveUp);
  EXPECT_EQ(after(1h, true, true), StopStep::kWait) << "it was all that could be done";
}

TEST_F(StopWatchTest, waits_half_a_second_for_the_other_nodes_shutdowns) {
  after(0s);
  after(2s);
  EXPECT_EQ(after(3s), StopStep::kShutDown);
  EXPECT_EQ(after(499ms), StopStep::kWait);
  EXPECT_EQ(after(1ms), StopStep::kGiveUp);
}

TEST_F(StopWatchTest, does_everything_at_once_in_a_hurry) {
  EXPECT_EQ(after(0s, true), StopStep::kAsk);
  EXPECT_EQ(after(0s, true), StopStep::kShutDown);
  EXPECT_EQ(after(0s, true, true), StopStep::kGiveUp);
}

TEST_F(StopWatchTest, waits_for_ever_without_a_timeout_but_says_for_whom) {
  watch = StopWatch{0s};
  after(0s);
  EXPECT_EQ(after(2s), StopStep::kAsk);
  EXPECT_EQ(after(1h), StopStep::kWait);
  EXPECT_EQ(after(0s, true), StopStep::kShutDown) << "whoever insists is heard";
}

TEST_F(StopWatchTest, says_it_in_the_middle_of_a_short_timeout) {
  watch = StopWatch{500ms};
  after(0s);
  EXPECT_EQ(after(249ms), StopStep::kWait);
  EXPECT_EQ(after(1ms), StopStep::kAsk);
  EXPECT_EQ(after(249ms), StopStep::kWait);
  EXPECT_EQ(after(1ms), StopStep::kShutDown);
}

}  // namespace
}  // namespace horus

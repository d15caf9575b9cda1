// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <horus/time.hpp>

namespace horus {
namespace {

TEST(Rate, knows_its_period_in_whole_nanoseconds) {
  EXPECT_EQ((1000_hz).period(), 1ms);
  EXPECT_EQ(Rate::from_hz(3).period(), 333'333'334ns);
  EXPECT_EQ(Rate::from_hz(1e9 / 7e6).period(), 7ms);
  EXPECT_EQ(Rate::from_hz(Rate::kMinHz).period(), 1000s);
  EXPECT_EQ(Rate::from_hz(Rate::kMaxHz).period(), 1us);
  EXPECT_DOUBLE_EQ((500_hz).hz(), 500.0);
}

TEST(Rate, has_as_many_releases_in_whole_seconds_as_it_says) {
  for (int hz = 1; hz <= 20'000; ++hz) {
    const Nanos period = Rate::from_hz(hz).period();
    for (const std::int64_t seconds : {1, 2, 60}) {
      // What whole nanoseconds leave out of a minute is a period from there on.
      if (seconds == 60 && hz > 4000) continue;
      ASSERT_EQ((Nanos{seconds * 1s} - 1ns) / period + 1, hz * seconds) << hz << " Hz";
    }
  }
}

TEST(Rate, is_valid_within_its_limits_only) {
  EXPECT_TRUE(Rate::valid_hz(0.001));
  EXPECT_TRUE(Rate::valid_hz(1e6));
  EXPECT_FALSE(Rate::valid_hz(0));
  EXPECT_FALSE(Rate::valid_hz(-1));
  EXPECT_FALSE(Rate::valid_hz(1e6 + 1));
  EXPECT_FALSE(Rate::valid_hz(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(Rate::valid_hz(std::numeric_limits<double>::infinity()));
}

TEST(MonotonicClock, does_not_go_back) {
  TimePoint last = MonotonicClock::now();
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = MonotonicClock::now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(TimePoint, goes_to_nanoseconds_and_back) {
  EXPECT_EQ(to_ns(from_ns(1234567890123)), 1234567890123);
}

TEST(CycleCount, moves) {
  const std::uint64_t before = cycle_count();
  while (cycle_count() == before) {
  }
  EXPECT_NE(cycle_count(), before);
}

}  // namespace
}  // namespace horus

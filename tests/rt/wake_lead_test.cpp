// SPDX-License-Identifier: Apache-2.0
#include "rt/wake_lead.hpp"

#include <gtest/gtest.h>

namespace horus {
namespace {

void feed(WakeLead& lead, Nanos error, int samples) {
  for (int i = 0; i < samples; ++i) lead.record(error);
}

TEST(WakeLead, covers_the_errors_seen_and_a_margin) {
  WakeLead lead{200us, 1ms};
  feed(lead, 50us, 1000);
  EXPECT_GE(lead.value(), 50us + 5us);
  EXPECT_LE(lead.value(), 60us);
}

TEST(WakeLead, covers_a_high_quantile_and_not_the_worst) {
  WakeLead lead{200us, 10ms};
  for (int i = 0; i < 10; ++i) {
    feed(lead, 20us, 98);
    feed(lead, 80us, 2);
  }
  EXPECT_GE(lead.value(), 80us);
  for (int i = 0; i < 10; ++i) {
    feed(lead, 20us, 399);
    feed(lead, 80us, 1);
  }
  EXPECT_LT(lead.value(), 40us) << "one of 400 is left to be late";
}

TEST(WakeLead, is_never_longer_than_its_limit) {
  WakeLead lead{200us, 10ms};
  feed(lead, 5ms, 1000);
  EXPECT_EQ(lead.value(), 200us);
}

TEST(WakeLead, of_limit_zero_stays_zero) {
  WakeLead lead{0us, 1ms};
  feed(lead, 50us, 1000);
  EXPECT_EQ(lead.value(), 0us);
}

TEST(WakeLead, spins_at_most_fifteen_percent_of_the_period_on_average) {
  // Errors of 0 and 100 us in turn, at 10 kHz: covering both would spin half of the time away.
  WakeLead lead{200us, 100us};
  for (int i = 0; i < 1000; ++i) {
    feed(lead, 0us, 1);
    feed(lead, 100us, 1);
  }
  const Nanos spun_after_early = lead.value();
  EXPECT_LE(spun_after_early / 2, 15us);
  EXPECT_GT(lead.value(), 25us);
}

TEST(WakeLead, begins_within_its_share_before_it_knows_anything) {
  EXPECT_EQ((WakeLead{200us, 1ms}.value()), 150us);
  EXPECT_EQ((WakeLead{200us, 100ms}.value()), 200us);
}

TEST(WakeLead, forgets_what_no_longer_happens) {
  WakeLead lead{200us, 10ms};
  feed(lead, 150us, 2000);
  EXPECT_GE(lead.value(), 150us);
  feed(lead, 10us, 30'000);
  EXPECT_LT(lead.value(), 30us);
}

}  // namespace
}  // namespace horus

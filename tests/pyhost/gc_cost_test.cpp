// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "pyhost/run/gc_planner.hpp"

namespace horus::py {
namespace {

TEST(GcCost, it_follows_quickly_up_and_slowly_down) {
  GcCost cost;
  EXPECT_EQ(cost.young(1000), 36us);
  cost.learn_young(1000, 76us);
  EXPECT_EQ(cost.young(1000), 56us);
  cost.learn_young(1000, 16us);
  EXPECT_EQ(cost.young(1000), 51us);
  cost.learn_young(99, 1s);
  EXPECT_EQ(cost.young(1000), 51us);
  cost.learn_young(1000, 1s);
  EXPECT_EQ(cost.young(1000), 127'500ns);
}

TEST(GcCost, the_first_full_collection_is_believed) {
  GcCost cost;
  cost.begin_old(10'000, 200us);
  EXPECT_EQ(cost.old(1000), 20us);
  cost.begin_old(999, 1s);
  cost.begin_old(1000, 0us);
  EXPECT_EQ(cost.old(1000), 20us);
  cost.learn_old(1000, 40us);
  EXPECT_EQ(cost.old(1000), 30us);
  cost.learn_old(999, 1s);
  EXPECT_EQ(cost.old(1000), 30us);
}

}  // namespace
}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include "rt/spin_policy.hpp"

#include <gtest/gtest.h>

namespace horus {
namespace {

TEST(SpinPolicy, is_not_to_spin_where_nobody_asked_and_no_deadline_is_short) {
  EXPECT_EQ(longest_spin({}, false, 950us), 0us) << "a 1 kHz node that says nothing else";
  EXPECT_EQ(longest_spin({}, false, 0us), 0us) << "no deadline is not a short one";
  EXPECT_EQ(longest_spin({}, false, 500us), 0us);
}

TEST(SpinPolicy, is_to_spin_for_real_time_and_for_short_deadlines) {
  EXPECT_EQ(longest_spin({}, true, 950us), 200us);
  EXPECT_EQ(longest_spin({}, true, 0us), 200us);
  EXPECT_EQ(longest_spin({}, false, 499us), 200us);
}

TEST(SpinPolicy, is_what_the_user_wrote_where_he_wrote_something) {
  EXPECT_EQ(longest_spin(Nanos{0}, true, 100us), 0us);
  EXPECT_EQ(longest_spin(Nanos{70us}, false, 950us), 70us);
}

}  // namespace
}  // namespace horus

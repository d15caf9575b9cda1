// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/instant.hpp"

#include <stdlib.h>

#include <gtest/gtest.h>

namespace horus::cli {
namespace {

struct InstantTest : ::testing::Test {
  InstantTest() {
    ::setenv("TZ", "UTC", 1);  // NOLINT(concurrency-mt-unsafe): one thread.
    ::tzset();
  }
  static constexpr std::int64_t kSecond = 1'000'000;
  static constexpr std::int64_t kNow = 1'700'000'000 * kSecond;  // 2023-11-14 22:13:20
};

TEST_F(InstantTest, is_so_long_ago) {
  EXPECT_EQ(instant_us("10 min ago", kNow), kNow - 600 * kSecond);
  EXPECT_EQ(instant_us("1 hour ago", kNow), kNow - 3600 * kSecond);
  EXPECT_EQ(instant_us("2 days ago", kNow), kNow - 2 * 86400 * kSecond);
  EXPECT_EQ(instant_us("-90s", kNow), kNow - 90 * kSecond);
  EXPECT_EQ(instant_us("1.5 h ago", kNow), kNow - 5400 * kSecond);
}

TEST_F(InstantTest, is_a_time_or_a_day) {
  EXPECT_EQ(instant_us("2023-11-14 22:00:01", kNow), kNow - 799 * kSecond);
  EXPECT_EQ(instant_us("22:00", kNow), kNow - 800 * kSecond);
  EXPECT_EQ(instant_us("22:00:01", kNow), kNow - 799 * kSecond);
  EXPECT_EQ(instant_us("today", kNow), kNow - (22 * 3600 + 800) * kSecond);
  EXPECT_EQ(instant_us("yesterday", kNow), kNow - (46 * 3600 + 800) * kSecond);
  EXPECT_EQ(instant_us("2023-11-14", kNow), instant_us("today", kNow));
}

TEST_F(InstantTest, is_nothing_on_other_text) {
  for (const char* text : {"", "soon", "10 ago", "10 parsecs ago", "-", "ago", "22:00x", "-1e99s",
                           "10 min", "nan s ago", "2023-13-01"}) {
    EXPECT_FALSE(instant_us(text, kNow)) << text;
  }
}

}  // namespace
}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#include "rt/base/histogram.hpp"

#include <memory>

#include <gtest/gtest.h>

#include "rt/base/tick_stats.hpp"

namespace horus {
namespace {

TEST(Ll5, has_the_buckets_that_its_definition_names) {
  EXPECT_EQ(ll5::index_of(0), 0U);
  EXPECT_EQ(ll5::index_of(31), 31U);
  EXPECT_EQ(ll5::index_of(32), 32U);
  EXPECT_EQ(ll5::index_of(63), 63U);
  EXPECT_EQ(ll5::index_of(64), 64U);
  EXPECT_EQ(ll5::index_of(65), 64U);
  EXPECT_EQ(ll5::index_of((std::int64_t{1} << 36) - 1), 1023U);
  EXPECT_EQ(ll5::index_of(std::int64_t{1} << 36), 1023U);
  EXPECT_EQ(ll5::index_of(std::numeric_limits<std::int64_t>::max()), 1023U);
  EXPECT_EQ(ll5::index_of(-1), 0U);
}

TEST(Ll5, counts_each_lower_bound_in_its_own_bucket_and_what_lies_below_in_the_one_before) {
  for (std::size_t i = 0; i < ll5::kBuckets; ++i) {
    ASSERT_EQ(ll5::index_of(ll5::lower_bound(i)), i);
    if (i > 0) {
      ASSERT_EQ(ll5::index_of(ll5::lower_bound(i) - 1), i - 1);
    }
  }
}

TEST(Ll5, has_no_bucket_wider_than_a_thirtysecond_of_its_value) {
  for (std::size_t i = 32; i + 1 < ll5::kBuckets; ++i) {
    const std::int64_t low = ll5::lower_bound(i);
    ASSERT_LE((ll5::lower_bound(i + 1) - low) * 32, low);
  }
}

TEST(Histogram, of_zeroed_memory_is_empty) {
  const Histogram histogram{};
  const auto seen = histogram.snapshot();
  EXPECT_EQ(seen.count(), 0U);
  EXPECT_EQ(seen.percentile_ns(0.5), 0);
  EXPECT_EQ(seen.mean_ns(), 0.0);
  EXPECT_EQ(seen.min_ns, 0);
}

TEST(Histogram, tells_count_extremes_and_mean) {
  Histogram histogram{};
  for (const auto duration : {10ns, 20ns, 30ns}) histogram.record(duration);
  const auto seen = histogram.snapshot();
  EXPECT_EQ(seen.count(), 3U);
  EXPECT_EQ(seen.min_ns, 10);
  EXPECT_EQ(seen.max_ns, 30);
  EXPECT_DOUBLE_EQ(seen.mean_ns(), 20.0);
}

TEST(Histogram, tells_percentiles_within_a_bucket_and_never_beyond_the_maximum) {
  Histogram histogram{};
  for (int i = 1; i <= 1000; ++i) histogram.record(Nanos{i * 1000});
  const auto seen = histogram.snapshot();
  EXPECT_NEAR(static_cast<double>(seen.percentile_ns(0.5)), 500e3, 500e3 * 0.032);
  EXPECT_NEAR(static_cast<double>(seen.percentile_ns(0.99)), 990e3, 990e3 * 0.032);
  EXPECT_EQ(seen.percentile_ns(1.0), 1'000'000);
  EXPECT_LE(seen.percentile_ns(0.9999), 1'000'000);
}

TEST(Histogram, counts_a_start_before_its_release_as_none) {
  Histogram histogram{};
  histogram.record(-5ns);
  EXPECT_EQ(histogram.snapshot().buckets[0], 1U);
}

TEST(Histogram, counts_what_is_beyond_its_range_in_the_last_bucket) {
  Histogram histogram{};
  const Nanos end{static_cast<std::int64_t>(ll5::kEnd)};
  for (const Nanos duration : {end - 1ns, end, end + 1s}) histogram.record(duration);
  const auto seen = histogram.snapshot();
  EXPECT_EQ(seen.buckets.back(), 3U);
  EXPECT_EQ(seen.max_ns, (end + 1s).count());
}

TEST(Histogram, carries_an_earlier_lifes_counts) {
  Histogram past{};
  past.record(5ns);
  past.record(100ns);
  Histogram histogram{};
  histogram.carry(past.snapshot());
  histogram.record(50ns);
  const auto seen = histogram.snapshot();
  EXPECT_EQ(seen.count(), 3U);
  EXPECT_EQ(seen.min_ns, 5);
  EXPECT_EQ(seen.max_ns, 100);
  EXPECT_EQ(seen.sum_ns, 155);
}

TEST(NodeClass, has_the_texts_that_users_see) {
  EXPECT_STREQ(to_text(NodeClass::kBestEffort), "best_effort");
  EXPECT_STREQ(to_text(NodeState::kRunning), "running");
  EXPECT_STREQ(to_text(static_cast<NodeClass>(99)), "unknown");
  EXPECT_STREQ(to_text(static_cast<NodeState>(99)), "unknown");
}

}  // namespace
}  // namespace horus

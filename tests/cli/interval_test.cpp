// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/interval.hpp"

#include <gmock/gmock.h>

#include <limits>

#include <gtest/gtest.h>

#include "tests/cli/sample_stats.hpp"
#include "tools/cli/rhythm.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

/// The robot, whose motor was as late as `lateness` says.
wire::StatsView robot_late(std::initializer_list<Nanos> lateness) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].nodes[0].lateness = test::histogram(lateness);
  return stats;
}

const wire::NodeView& motor_of(const wire::StatsView& stats) {
  return stats.hosts[0].nodes[0];
}

TEST(Since, durations_are_those_of_the_interval_and_counts_are_totals) {
  wire::StatsView now = robot_late({500us, 10us, 20us});
  now.hosts[0].nodes[0].ticks = 9000;
  const auto shown = since(robot_late({500us}), now);
  EXPECT_EQ(motor_of(shown).lateness.count, 2U);
  EXPECT_NEAR(motor_of(shown).lateness.max_us, 20, 20 * 0.04);
  EXPECT_NEAR(motor_of(shown).lateness.min_us, 10, 10 * 0.04);
  EXPECT_NEAR(motor_of(shown).lateness.mean_us, 15, 15 * 0.04);
  EXPECT_EQ(motor_of(shown).ticks, 9000U);
}

TEST(Since, the_largest_is_never_larger_than_the_largest_ever) {
  const auto shown = since(robot_late({}), robot_late({1000us}));
  EXPECT_LE(motor_of(shown).lateness.max_us, 1000.0);
  EXPECT_LE(motor_of(shown).lateness.p99_us, 1000.0);
}

HistogramSnapshot snapshot_of(std::initializer_list<Nanos> durations) {
  Histogram histogram;
  for (const Nanos one : durations) histogram.record(one);
  return histogram.snapshot();
}

TEST(Since, a_histogram_by_itself_is_that_of_the_interval) {
  const auto shown = since(snapshot_of({500us}), snapshot_of({500us, 10us, 20us}));
  EXPECT_EQ(shown.count(), 2U);
  EXPECT_NEAR(static_cast<double>(shown.max_ns), 20'000, 20'000 * 0.04)
      << "not the 500 us of before";
  EXPECT_NEAR(static_cast<double>(shown.percentile_ns(0.5)), 10'000, 10'000 * 0.04);
  EXPECT_EQ(since(snapshot_of({10us}), snapshot_of({10us})).count(), 0U);
  EXPECT_EQ(since(snapshot_of({10us, 10us}), snapshot_of({30us})).max_ns, 30'000)
      << "it began anew";
}

TEST(Since, an_interval_without_ticks_has_no_durations) {
  const auto shown = since(robot_late({10us}), robot_late({10us}));
  EXPECT_EQ(motor_of(shown).lateness.count, 0U);
  EXPECT_TRUE(motor_of(shown).lateness.buckets.empty());
}

TEST(Since, a_host_that_began_anew_is_shown_as_it_is) {
  wire::StatsView now = robot_late({10us});
  now.hosts[0].pid = 999;
  EXPECT_EQ(motor_of(since(robot_late({10us}), now)).lateness.count, 1U);
}

TEST(Since, a_node_or_host_that_was_not_there_is_shown_as_it_is) {
  EXPECT_EQ(motor_of(since({}, robot_late({10us}))).lateness.count, 1U);
  wire::StatsView before = robot_late({10us});
  before.hosts[0].nodes[0].name = "other";
  EXPECT_EQ(motor_of(since(before, robot_late({10us}))).lateness.count, 1U);
}

TEST(Since, the_gil_and_the_collector_count_by_interval_too) {
  const auto shown = since(test::robot(), test::robot());
  EXPECT_EQ(shown.hosts[1].nodes[0].gil_wait->count, 0U);
  EXPECT_EQ(shown.hosts[1].nodes[0].gil_lost->count, 0U);
  EXPECT_EQ(shown.hosts[1].gc[2].pause.count, 0U);
  EXPECT_EQ(shown.hosts[1].gc[2].collections, 1U);
}

TEST(Since, a_histogram_that_shrank_is_shown_as_it_is) {
  EXPECT_EQ(motor_of(since(robot_late({10us, 10us}), robot_late({10us}))).lateness.count, 1U);
}

TEST(Since, buckets_that_do_not_exist_and_counts_that_overflow_do_no_harm) {
  wire::StatsView before = robot_late({10us});
  wire::StatsView now = robot_late({10us});
  for (const auto& buckets : {std::vector<std::pair<std::uint64_t, std::uint64_t>>{{kHuge, 1}},
                              {{1024, 1}},
                              {{1, kHuge}, {2, kHuge}},
                              {{1023, kHuge}},
                              {{5, 1}, {5, 2}, {5, 3}}}) {
    now.hosts[0].nodes[0].lateness.buckets = buckets;
    now.hosts[0].nodes[0].lateness.max_us = -1e300;
    static_cast<void>(since(before, now));
    static_cast<void>(since(now, now));
    now.hosts[0].nodes[0].lateness.max_us = 1e300;
    static_cast<void>(since({}, now));
    static_cast<void>(since(before, now));
    static_cast<void>(since(now, before));
  }
}

TimePoint at(Nanos time) {
  return TimePoint{time};
}

TEST(Rhythm, regular_messages_have_a_rate_and_no_jitter) {
  Rhythm rhythm;
  for (int i = 0; i <= 100; ++i) rhythm.sent(at(i * 10ms));
  EXPECT_EQ(rhythm.messages(), 101U);
  EXPECT_DOUBLE_EQ(rhythm.hz(), 100.0);
  EXPECT_NEAR(rhythm.jitter_us(), 0, 1e-6);
  EXPECT_EQ(rhythm_text(rhythm, 0), "100.00 Hz  min 10ms  max 10ms  jitter 0ns  (101 messages)\n");
}

TEST(Rhythm, jitter_is_the_deviation_of_the_intervals) {
  Rhythm rhythm;
  Nanos now{};
  for (int i = 0; i < 100; ++i) {
    rhythm.sent(at(now));
    now += i % 2 == 0 ? 9ms : 11ms;
  }
  EXPECT_NEAR(rhythm.jitter_us(), 1000, 10);
  EXPECT_DOUBLE_EQ(rhythm.min_us(), 9000);
  EXPECT_DOUBLE_EQ(rhythm.max_us(), 11000);
}

TEST(Rhythm, one_message_has_no_rate) {
  Rhythm rhythm;
  EXPECT_EQ(rhythm.hz(), 0);
  rhythm.sent(at(1s));
  EXPECT_EQ(rhythm.hz(), 0);
  EXPECT_EQ(rhythm_text(rhythm, 3), "1 messages  missed 3\n");
}

TEST(Rhythm, the_interval_over_a_restart_counts) {
  Rhythm rhythm;
  rhythm.sent(at(1s));
  rhythm.restart();
  EXPECT_EQ(rhythm.messages(), 0U);
  rhythm.sent(at(3s));
  EXPECT_EQ(rhythm.intervals(), 1U);
  EXPECT_DOUBLE_EQ(rhythm.hz(), 0.5);
}

TEST(Rhythm, a_message_that_comes_after_a_later_one_takes_no_time_back) {
  Rhythm rhythm;
  for (const Nanos time : {Nanos{1s}, Nanos{3s}, Nanos{2s}, Nanos{4s}}) rhythm.sent(at(time));
  EXPECT_DOUBLE_EQ(rhythm.hz(), 1.0);
  EXPECT_DOUBLE_EQ(rhythm.min_us(), 0);
}

TEST(Rhythm, messages_of_one_instant_are_counted_and_have_no_rate) {
  Rhythm rhythm;
  rhythm.sent(at(1s));
  rhythm.sent(at(1s));
  EXPECT_EQ(rhythm.hz(), 0);
  EXPECT_THAT(rhythm_text(rhythm, 0), Not(HasSubstr("inf")));
}

TEST(Rhythm, its_json_names_the_topic) {
  const wire::Json json = rhythm_json("odom", Rhythm{}, 2);
  EXPECT_EQ(json["topic"], "odom");
  EXPECT_EQ(json["missed"], 2);
  EXPECT_EQ(json["messages"], 0);
}

}  // namespace
}  // namespace horus::cli

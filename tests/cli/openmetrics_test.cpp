// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstdint>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rt/base/histogram.hpp"
#include "tests/cli/sample_stats.hpp"
#include "tools/cli/print_stats.hpp"

namespace horus::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text, const std::string& prefix) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(prefix)) lines.push_back(line);
  }
  return lines;
}

std::uint64_t value_of(const std::string& line) {
  return std::stoull(line.substr(line.rfind(' ') + 1));
}

TEST(OpenMetrics, it_ends_with_its_mark_also_when_nothing_runs) {
  EXPECT_THAT(stats_openmetrics(test::robot()), EndsWith("\n# EOF\n"));
  EXPECT_THAT(stats_openmetrics({}), EndsWith("\n# EOF\n"));
}

TEST(OpenMetrics, each_family_is_declared_once) {
  const auto types = lines_of(stats_openmetrics(test::robot()), "# TYPE ");
  EXPECT_GT(types.size(), 20U);
  EXPECT_EQ(std::set<std::string>(types.begin(), types.end()).size(), types.size());
}

TEST(OpenMetrics, counters_end_in_total_and_name_host_and_node) {
  const std::string text = stats_openmetrics(test::robot());
  EXPECT_THAT(text, HasSubstr("# TYPE horus_ticks counter\n"));
  EXPECT_THAT(text, HasSubstr("horus_ticks_total{host=\"rover\",node=\"motor\"} 7707\n"));
  EXPECT_THAT(text, HasSubstr("horus_node_deadline_miss_total{host=\"rover\",node=\"motor\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("horus_restarts_total{host=\"planner\"} 0\n"));
}

TEST(OpenMetrics, buckets_are_cumulative_and_end_with_all) {
  const auto buckets =
      lines_of(stats_openmetrics(test::robot()),
               "horus_wakeup_latency_seconds_bucket{host=\"rover\",node=\"motor\"");
  ASSERT_EQ(buckets.size(), 20U);
  EXPECT_THAT(buckets.front(), HasSubstr("le=\"1e-06\"} 2"));
  EXPECT_THAT(buckets[8], HasSubstr("le=\"0.0005\"} 2"));
  EXPECT_THAT(buckets[9], HasSubstr("le=\"0.001\"} 3"));
  EXPECT_THAT(buckets[18], HasSubstr("le=\"1.0\"} 3"));
  EXPECT_THAT(buckets.back(), HasSubstr("le=\"+Inf\"} 3"));
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    EXPECT_LE(value_of(buckets[i - 1]), value_of(buckets[i]));
  }
}

TEST(OpenMetrics, the_sum_is_in_seconds) {
  const auto sums = lines_of(stats_openmetrics(test::robot()),
                             "horus_py_gc_pause_seconds_sum{host=\"planner\",generation=\"2\"}");
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_NEAR(std::stod(sums[0].substr(sums[0].rfind(' '))), 0.015, 1e-6);
}

TEST(OpenMetrics, the_verdict_has_its_reasons_but_not_their_numbers) {
  using enum wire::Health;
  const std::string text = stats_openmetrics(
      test::robot(), wire::HealthView{.health = kFailed,
                                      .hosts = {},
                                      .reasons = {{.health = kFailed,
                                                   .host = "planner",
                                                   .node = {},
                                                   .text = "host 'planner' is dead",
                                                   .advice = "see \"why\""},
                                                  {.health = kDegraded,
                                                   .host = "rover",
                                                   .node = "motor",
                                                   .text = "motor: 17 errors in a minute",
                                                   .advice = "read the log"}},
                                      .notes = {}});
  EXPECT_THAT(lines_of(text, "horus_health{"),
              testing::ElementsAre("horus_health{status=\"healthy\"} 0",
                                   "horus_health{status=\"degraded\"} 0",
                                   "horus_health{status=\"failed\"} 1"));
  EXPECT_THAT(
      lines_of(text, "horus_health_reason{"),
      testing::ElementsAre("horus_health_reason{host=\"planner\",node=\"\",status=\"failed\","
                           "advice=\"see \\\"why\\\"\"} 1",
                           "horus_health_reason{host=\"rover\",node=\"motor\","
                           "status=\"degraded\",advice=\"read the log\"} 1"));
}

TEST(OpenMetrics, only_python_nodes_have_waited_for_the_gil) {
  const std::string text = stats_openmetrics(test::robot());
  EXPECT_THAT(text, HasSubstr("horus_py_gil_wait_seconds_count{host=\"planner\",node=\"plan\"} 2"));
  EXPECT_EQ(lines_of(text, "horus_py_gil_wait_seconds_count").size(), 1U);
  EXPECT_THAT(text, HasSubstr("horus_py_gil_lost_seconds_count{host=\"planner\",node=\"plan\"} 1"));
  EXPECT_THAT(text, HasSubstr("horus_py_gil_losses_total{host=\"planner\",node=\"plan\"} 2"));
  EXPECT_THAT(text, HasSubstr("horus_py_gil_long_waits_total{host=\"planner\",node=\"plan\"} 6"));
  EXPECT_THAT(text,
              HasSubstr("horus_py_gil_long_waits_off_cpu_total{host=\"planner\",node=\"plan\"} 5"));
}

TEST(OpenMetrics, memory_and_objects_belong_to_a_host) {
  const std::string text = stats_openmetrics(test::robot());
  EXPECT_THAT(text, HasSubstr("# UNIT horus_process_resident_memory_bytes bytes\n"));
  EXPECT_THAT(text, HasSubstr("horus_process_resident_memory_bytes{host=\"planner\"} 90000000\n"));
  EXPECT_THAT(text, HasSubstr("horus_process_resident_memory_bytes{host=\"rover\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("horus_py_gc_objects{host=\"planner\"} 12345\n"));
  EXPECT_THAT(text, HasSubstr("horus_py_gc_freezes_total{host=\"planner\"} 6\n"));
  EXPECT_THAT(text, Not(HasSubstr("horus_py_gc_objects{host=\"rover\"")));
}

TEST(OpenMetrics, what_was_sent_and_what_was_not_used_is_there) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].rejected_files = 3;
  stats.hosts[0].nodes[0].bytes_sent = 4096;
  const std::string text = stats_openmetrics(stats);
  EXPECT_THAT(text, HasSubstr("horus_host_rejected_files_total{host=\"rover\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# UNIT horus_node_sent_bytes bytes\n"));
  EXPECT_THAT(text, HasSubstr("horus_node_sent_bytes_total{host=\"rover\",node=\"motor\"} 4096\n"));
}

TEST(OpenMetrics, every_counter_that_has_a_name_there_is_exported) {
  const std::string text = stats_openmetrics(test::robot());
  for (const auto& row : kNodeCounters<Counter>) {
    if (row.metric.family == nullptr) continue;
    const std::string name = std::string{row.metric.family} + (row.is(kMayFall) ? "{" : "_total{");
    const std::string label = row.metric.label == nullptr ? "" : row.metric.label;
    bool found = false;
    for (const std::string& line : lines_of(text, name)) found |= line.find(label) != line.npos;
    EXPECT_TRUE(found) << row.key;
  }
}

TEST(OpenMetrics, names_cannot_break_out_of_their_quotes) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].name = "a\"b\\c\nd";
  EXPECT_THAT(stats_openmetrics(stats), HasSubstr(R"(host="a\"b\\c?d",node="motor")"));
}

TEST(OpenMetrics, a_second_host_of_a_name_is_told_apart_and_the_living_one_keeps_it) {
  wire::StatsView stats = test::robot();
  wire::HostView dead = stats.hosts[0];
  dead.alive = false;
  dead.pid = 99;
  stats.hosts.insert(stats.hosts.begin(), dead);
  const std::string text = stats_openmetrics(stats);
  EXPECT_EQ(lines_of(text, "horus_host_up{host=\"rover\",kind=\"cpp\"} 1").size(), 1U);
  EXPECT_EQ(lines_of(text, "horus_host_up{host=\"rover@99\",kind=\"cpp\"} 0").size(), 1U);
}

TEST(OpenMetrics, the_same_sample_is_never_written_twice) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].nodes.push_back(test::motor());
  stats.hosts[0].degradations = {{"fifo", "one", "error", ""}, {"fifo", "two", "error", ""}};
  std::set<std::string> seen;
  for (const std::string& line : lines_of(stats_openmetrics(stats), "horus_")) {
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
}

TEST(OpenMetrics, a_count_that_denies_its_buckets_does_not_make_them_fall) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].nodes[0].lateness.count = 0;
  EXPECT_THAT(stats_openmetrics(stats),
              HasSubstr("horus_wakeup_latency_seconds_bucket{host=\"rover\",node=\"motor\","
                        "le=\"+Inf\"} 3"));
}

TEST(OpenMetrics, a_bucket_counts_below_the_bounds_that_all_of_it_is_below) {
  wire::StatsView stats = test::robot();
  auto& lateness = stats.hosts[0].nodes[0].lateness;
  lateness.buckets = {{ll5::index_of(1000), 7}};  // What lasted 1,007 ns is in it as well.
  lateness.count = 7;
  const std::string text = stats_openmetrics(stats);
  EXPECT_THAT(
      text,
      HasSubstr(
          "horus_wakeup_latency_seconds_bucket{host=\"rover\",node=\"motor\",le=\"1e-06\"} 0"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "horus_wakeup_latency_seconds_bucket{host=\"rover\",node=\"motor\",le=\"2e-06\"} 7"));
}

TEST(OpenMetrics, a_bucket_that_does_not_exist_counts_as_beyond_every_bound) {
  wire::StatsView stats = test::robot();
  auto& lateness = stats.hosts[0].nodes[0].lateness;
  lateness.buckets = {{std::numeric_limits<std::uint64_t>::max(), 7}};
  lateness.count = 7;
  const std::string text = stats_openmetrics(stats);
  EXPECT_THAT(text, HasSubstr("node=\"motor\",le=\"1.0\"} 0"));
  EXPECT_THAT(text, HasSubstr("node=\"motor\",le=\"+Inf\"} 7"));
}

}  // namespace
}  // namespace horus::cli

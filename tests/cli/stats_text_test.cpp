// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/sample_stats.hpp"
#include "tools/cli/columns.hpp"
#include "tools/cli/print_stats.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    widest = std::max(widest, end - at);
    at = end + 1;
  }
  return widest;
}

constexpr const char* kNarrow =
    R"(HOST     KIND    PID  STATE     UP  LIVES  NOT GRANTED
rover    C++     512  ready  7.7 s      1  -
planner  Python  515  ready  7.7 s      1  -

NODE   HOST     CLASS   RATE  TICKS  SKIPPED  MISSES  OVERRUNS
motor  rover    tick   1 kHz   7707        3       2         1
plan   planner  tick   50 Hz    353        0       0         0

       LATENESS             EXECUTION         GIL WAIT         GIL LOST
NODE     p50    p99    max   p50   p99   max  p50   p99   max   p50   p99   max
motor  695ns  662us  662us   2us  12us  12us    -     -     -     -     -     -
plan    20us   20us   20us  40us  40us  40us  4us  90us  90us  50us  50us  50us

                            PAUSE
GC OF    GEN  RUNS  FORCED   p50   p99   max  LONGEST EVER
planner    0     0       0     -     -     -  -
planner    1     0       0     -     -     -  -
planner    2     1       0  15ms  15ms  15ms  15ms at tick 77
)";

TEST(StatsText, a_wide_terminal_shows_each_node_in_one_line) {
  const std::string text = stats_text(test::robot(), 200);
  EXPECT_THAT(text, HasSubstr("motor  rover    tick   1 kHz   7707        3       2         1  "));
  EXPECT_THAT(text, HasSubstr("plan   planner  tick   50 Hz    353        0       0         0  "));
  for (const char* group : {"LATENESS", "EXECUTION", "GIL WAIT", "PAUSE"}) {
    EXPECT_THAT(text, HasSubstr(group));
  }
}

TEST(StatsText, this_is_how_it_looks_in_80_columns) {
  EXPECT_EQ(stats_text(test::robot(), 80), kNarrow);
}

TEST(StatsText, files_that_a_host_did_not_use_are_told) {
  wire::StatsView stats = test::robot();
  EXPECT_THAT(stats_text(stats, 80), testing::Not(HasSubstr("did not use")));
  stats.hosts[1].rejected_files = 2;
  EXPECT_THAT(stats_text(stats, 80),
              HasSubstr("host 'planner' did not use 2 files of others in shared memory"));
}

TEST(StatsText, it_fits_the_terminal) {
  for (const std::size_t width : {80U, 100U, 120U, 200U}) {
    EXPECT_LE(widest_line(stats_text(test::robot(), width)), width);
  }
}

TEST(StatsText, the_collectors_table_is_in_one_piece_in_80_columns) {
  wire::StatsView stats = test::robot();
  stats.hosts[1].gc[2].longest_tick = 86'400'000;
  const std::string text = stats_text(stats, 80);
  const std::string gc = text.substr(text.find("GC OF") - 60);
  EXPECT_THAT(gc, Not(HasSubstr("\n\nGC OF")));
  EXPECT_THAT(gc, HasSubstr("15ms at tick 86400000\n"));
}

TEST(StatsText, columns_that_say_nothing_are_left_out) {
  wire::StatsView stats = test::robot();
  EXPECT_THAT(stats_text(stats, 200), Not(HasSubstr("ERRORS")));
  EXPECT_THAT(stats_text(stats, 200), Not(HasSubstr("DROPPED")));
  stats.hosts[0].nodes[0].errors = 5;
  stats.hosts[0].nodes[0].messages_dropped = 6;
  EXPECT_THAT(stats_text(stats, 200), HasSubstr("ERRORS"));
  EXPECT_THAT(stats_text(stats, 200), HasSubstr("DROPPED"));
  stats.hosts.pop_back();
  EXPECT_THAT(stats_text(stats, 200), Not(HasSubstr("GIL WAIT")));
  EXPECT_THAT(stats_text(stats, 200), Not(HasSubstr("GC OF")));
}

TEST(StatsText, a_state_shows_once_one_node_does_not_run) {
  wire::StatsView stats = test::robot();
  EXPECT_THAT(stats_text(stats, 200), Not(HasSubstr("running")));
  stats.hosts[0].nodes[0].state = "unhealthy";
  EXPECT_THAT(stats_text(stats, 200), HasSubstr("unhealthy"));
}

TEST(StatsText, what_was_not_granted_stands_with_its_host) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].degradations = {{"fifo", "not permitted", "error", ""},
                                 {"memlock", "8 MiB", "error", ""}};
  EXPECT_THAT(stats_text(stats, 80), HasSubstr("1  fifo memlock\n"));
}

TEST(StatsText, without_hosts_there_are_no_empty_tables) {
  EXPECT_EQ(stats_text({}, 80), "HOST  KIND  PID  STATE  UP  LIVES  NOT GRANTED\n");
}

TEST(StateText, a_dead_host_is_dead_whatever_else_it_says) {
  wire::HostView host;
  host.ready = true;
  EXPECT_EQ(state_text(host), "dead");
  host.alive = true;
  EXPECT_EQ(state_text(host), "ready");
  host.ready = false;
  EXPECT_EQ(state_text(host), "not ready");
}

TEST(KindText, an_unknown_kind_is_shown_as_it_is) {
  EXPECT_EQ(kind_text("cpp"), "C++");
  EXPECT_EQ(kind_text("python"), "Python");
  EXPECT_EQ(kind_text("rust"), "rust");
}

TEST(OnlyNode, other_nodes_and_hosts_without_it_are_gone) {
  const auto only = only_node(test::robot(), "plan");
  ASSERT_EQ(only.hosts.size(), 1U);
  EXPECT_EQ(only.hosts[0].name, "planner");
  EXPECT_EQ(only.hosts[0].gc.size(), 3U);
  EXPECT_TRUE(only_node(test::robot(), "pla").hosts.empty());
}

TEST(NodeColumns, what_is_exported_has_a_name_and_a_text_and_neighbours_of_its_family) {
  std::vector<std::string> families;
  for (const NodeColumn& column : node_columns()) {
    if (column.metric == Metric::kNone) continue;
    ASSERT_NE(column.family, nullptr);
    EXPECT_STRNE(column.help, "");
    if (families.empty() || families.back() != column.family) families.emplace_back(column.family);
  }
  std::ranges::sort(families);
  EXPECT_EQ(std::ranges::adjacent_find(families), families.end());
}

}  // namespace
}  // namespace horus::cli

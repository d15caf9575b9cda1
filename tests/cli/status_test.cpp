// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/status.hpp"

#include <gmock/gmock.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/cli/sample_stats.hpp"

namespace horus::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::vector<wire::ExpectedHost> kExpected{{"rover", "cpp"}, {"planner", "python"}};

TEST(JudgeStatus, its_numbers_are_the_exit_codes) {
  EXPECT_EQ(static_cast<int>(Health::kHealthy), 0);
  EXPECT_EQ(static_cast<int>(Health::kDegraded), 1);
  EXPECT_EQ(static_cast<int>(Health::kFailed), 2);
}

TEST(JudgeStatus, a_robot_whose_hosts_are_ready_is_healthy) {
  const StatusView status = judge_status(test::robot(), kExpected);
  EXPECT_EQ(status.health, Health::kHealthy);
  EXPECT_TRUE(status.ready);
  EXPECT_THAT(status.reasons, IsEmpty());
  EXPECT_EQ(status.hosts.size(), 2U);
}

TEST(JudgeStatus, a_host_that_is_expected_and_missing_has_failed) {
  wire::StatsView stats = test::robot();
  stats.hosts.pop_back();
  const StatusView status = judge_status(stats, kExpected);
  EXPECT_EQ(status.health, Health::kFailed);
  EXPECT_FALSE(status.ready);
  EXPECT_THAT(status.reasons, ElementsAre("host 'planner' is missing"));
  EXPECT_EQ(status.hosts[1].state, "missing");
  EXPECT_EQ(status.hosts[1].kind, "python");
}

TEST(JudgeStatus, a_host_that_is_expected_and_dead_has_failed) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].alive = false;
  const StatusView status = judge_status(stats, kExpected);
  EXPECT_EQ(status.health, Health::kFailed);
  EXPECT_THAT(status.reasons, ElementsAre("host 'rover' is dead"));
}

TEST(JudgeStatus, the_living_host_of_a_name_counts_whatever_its_place) {
  for (const bool dead_first : {true, false}) {
    wire::StatsView stats = test::robot();
    wire::HostView dead = stats.hosts[0];
    dead.alive = false;
    stats.hosts.insert(dead_first ? stats.hosts.begin() : stats.hosts.end(), dead);
    EXPECT_EQ(judge_status(stats, kExpected).health, Health::kHealthy);
  }
}

TEST(JudgeStatus, a_dead_host_that_nobody_expects_does_not_matter) {
  wire::StatsView stats = test::robot();
  stats.hosts[1].alive = false;
  const StatusView status = judge_status(stats, {});
  EXPECT_EQ(status.health, Health::kHealthy);
  EXPECT_EQ(status.hosts.size(), 1U);
}

TEST(JudgeStatus, a_host_that_is_not_ready_yet_degrades) {
  wire::StatsView stats = test::robot();
  stats.hosts[1].ready = false;
  const StatusView status = judge_status(stats, kExpected);
  EXPECT_EQ(status.health, Health::kDegraded);
  EXPECT_FALSE(status.ready);
  EXPECT_EQ(status.hosts[1].state, "not ready");
}

TEST(JudgeStatus, a_node_that_has_given_up_has_failed_its_robot) {
  for (const char* state : {"error", "crashed"}) {
    wire::StatsView stats = test::robot();
    stats.hosts[0].nodes[0].state = state;
    const StatusView status = judge_status(stats, kExpected);
    EXPECT_EQ(status.health, Health::kFailed) << state;
    EXPECT_THAT(status.reasons[0], HasSubstr("node 'motor' of host 'rover'"));
  }
}

TEST(JudgeStatus, a_right_that_was_not_granted_degrades_and_names_its_fix) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].degradations = {{"fifo", "not permitted", "warning", "raise rtprio"}};
  const StatusView status = judge_status(stats, kExpected);
  EXPECT_EQ(status.health, Health::kDegraded);
  EXPECT_TRUE(status.ready);
  EXPECT_THAT(status.reasons,
              ElementsAre("host 'rover' runs without fifo: not permitted (raise rtprio)"));
}

TEST(JudgeStatus, what_is_only_good_to_know_does_not_degrade) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].degradations = {{"preempt_rt", "not an RT kernel", "info", ""}};
  EXPECT_EQ(judge_status(stats, kExpected).health, Health::kHealthy);
}

TEST(JudgeStatus, a_failure_is_not_hidden_by_a_later_degradation) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].alive = false;
  stats.hosts[1].ready = false;
  EXPECT_EQ(judge_status(stats, kExpected).health, Health::kFailed);
}

TEST(StatusText, a_word_then_the_reasons_then_the_hosts) {
  wire::StatsView stats = test::robot();
  stats.hosts.pop_back();
  EXPECT_EQ(status_text(judge_status(stats, kExpected), 80),
            "failed\n"
            "  host 'planner' is missing\n"
            "\n"
            "HOST     KIND    STATE    PID\n"
            "rover    C++     ready    512\n"
            "planner  Python  missing    -\n");
}

TEST(StatusText, names_are_fit_for_a_terminal) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].name = "\x1b[31mred";
  stats.hosts[0].ready = false;
  EXPECT_THAT(status_text(judge_status(stats, {}), 80), Not(HasSubstr("\x1b")));
  EXPECT_THAT(wire::to_line(status_json(judge_status(stats, {}))), Not(HasSubstr("\x1b")));
}

TEST(StatusJson, scripts_find_the_word_and_the_reasons) {
  const wire::Json json = status_json(judge_status(test::robot(), kExpected));
  EXPECT_EQ(json["status"], "healthy");
  EXPECT_EQ(json["ready"], true);
  EXPECT_EQ(json["reasons"], wire::Json::array());
  EXPECT_EQ(json["hosts"][0]["name"], "rover");
  EXPECT_EQ(json["hosts"][0]["pid"], 512);
}

}  // namespace
}  // namespace horus::cli

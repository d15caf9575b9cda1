// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/status.hpp"

#include <gmock/gmock.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/cli/sample_stats.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<wire::ExpectedHost> kExpected{{"rover", "cpp"}, {"planner", "python"}};

TEST(StatusText, a_word_then_the_reasons_then_the_hosts) {
  wire::StatsView stats = test::robot();
  stats.hosts.pop_back();
  stats.hosts[0].uptime_s = 3600;
  EXPECT_EQ(status_text(wire::judge(stats.hosts, kExpected), 80),
            "failed\n"
            "  host 'planner' is missing; see 'horusctl log planner' for why it does not start\n"
            "\n"
            "HOST     KIND    STATE    PID\n"
            "rover    C++     ready    512\n"
            "planner  Python  missing    -\n");
}

TEST(StatusText, names_are_fit_for_a_terminal) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].name = "\x1b[31mred";
  stats.hosts[0].ready = false;
  EXPECT_THAT(status_text(wire::judge(stats.hosts, {}), 80), Not(HasSubstr("\x1b")));
  EXPECT_THAT(wire::to_line(status_json(wire::judge(stats.hosts, {}))), Not(HasSubstr("\x1b")));
}

TEST(StatusJson, scripts_find_the_word_and_the_reasons) {
  const wire::Json json = status_json(wire::judge(test::robot().hosts, kExpected));
  EXPECT_EQ(json["status"], "healthy");
  EXPECT_EQ(json["ready"], true);
  EXPECT_EQ(json["reasons"], wire::Json::array());
  EXPECT_EQ(json["hosts"][0]["name"], "rover");
  EXPECT_EQ(json["hosts"][0]["pid"], 512);
}

}  // namespace
}  // namespace horus::cli

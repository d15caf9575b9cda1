// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/why.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "service/wire/varlink.hpp"
#include "shm/log_page.hpp"
#include "tests/cli/fake_server.hpp"
#include "tests/cli/run_cli.hpp"
#include "tools/cli/status.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WhyTest : public testing::Test {
 protected:
  /// A tick of `node` that was late by its own work.
  LateTick& late(std::size_t node, std::uint64_t number) {
    LateTicks& ticks = page.late()[node];
    LateTick& tick = ticks.at(ticks.count.value());
    ticks.count.add();
    tick.number.set(number);
    tick.reason.set(LateReason::kMissed);
    tick.release_ns.set(to_ns(now - 3s));
    tick.execution_ns.set(12'000'000);
    tick.limit_ns.set(10'000'000);
    tick.before.set(-1);
    return tick;
  }

  test::Folder base;
  const std::vector<std::string> nodes{"vision", "arm"};
  shm::StatsPage page = shm::StatsPage::create(base.path(), "rover", nodes).value();
  const TimePoint now = MonotonicClock::now();
};

TEST_F(WhyTest, a_node_that_was_never_late_says_so) {
  EXPECT_EQ(why_text(page, 1, 10, now), "node 'arm' of host 'rover': no late tick so far\n");
  late(1, 1).reason.set(LateReason::kSlowest);
  EXPECT_THAT(why_text(page, 1, 10, now), HasSubstr("no tick was late; the slowest"));
}

TEST_F(WhyTest, a_node_that_does_not_come_back_is_said_to_be_in_its_tick) {
  page.nodes()[1].busy_in.set(NodeActivity::kTick);
  page.nodes()[1].busy_since_ns.set(to_ns(now - 5s));
  EXPECT_THAT(why_text(page, 1, 10, now), HasSubstr("': is in its tick for 5.0 s; "));
}

TEST_F(WhyTest, a_node_on_a_rung_of_its_ladder_says_which_and_what_brings_it_back) {
  NodeStats& arm = page.nodes()[1];
  arm.rung.set(Rung::kIsolated);
  arm.rung_since_ns.set(to_ns(now - 5s));
  arm.rung_misses.set(10);
  arm.rung_recover.set(100);
  arm.rung_good.set(42);
  EXPECT_THAT(
      why_text(page, 1, 10, now),
      HasSubstr("': is isolated since 5.0 s, after 10 deadlines missed in a row (back after "
                "100 good ticks in a row, 42 so far); "));
  EXPECT_THAT(why_text(page, 0, 10, now), Not(HasSubstr("isolated")));
}

TEST_F(WhyTest, most_ticks_cause_comes_first_then_the_latest_ticks) {
  for (std::uint64_t i = 0; i < 300; ++i) late(1, i);
  LateTick& chained = late(1, 300);
  chained.lateness_ns.set(20'000'000);
  chained.before_ns.set(19'000'000);
  chained.before.set(0);
  chained.sent.set(4);
  chained.bytes.set(1'500'000);
  chained.around.window_ns.set(1'000'000'000);
  chained.around.preemptions.set(5);
  const std::string text = why_text(page, 1, 2, now);
  EXPECT_THAT(text, HasSubstr("node 'arm' of host 'rover': 255 of the last 256 late ticks: its own "
                              "work; do less in a tick"));
  EXPECT_THAT(text,
              HasSubstr("  3.0 s ago, tick 300 missed its deadline: 19 of 32 ms: ticks before "
                        "it in its thread, above all of node vision; 10ms allowed; 4 "
                        "messages of 1.5 MB sent\n    in 1s around it: "));
  EXPECT_THAT(text, HasSubstr("5 preemptions"));
  EXPECT_THAT(text, HasSubstr("tick 299 missed its deadline: 12 of 12 ms: its own work"));
  EXPECT_THAT(text, Not(HasSubstr("tick 298")));
}

TEST_F(WhyTest, of_a_dead_host_the_verdict_comes_first_and_is_its_host_s) {
  page.nodes()[1].failures.kinds[0].store({.type = Name<96>::clipped("KeyError"), .count = 3});
  page.host().python.set(1);
  const auto ran = [this](const char* command) {
    ::setenv("HORUS_BASE", base.path().c_str(), 1);
    ::setenv("RUNTIME_DIRECTORY", base.path().c_str(), 1);
    const bool info = std::string_view{command} == "info";
    const auto done = info ? test::run_cli({"node", "info", "arm"}) : test::run_cli({"why", "arm"});
    ::unsetenv("HORUS_BASE");
    ::unsetenv("RUNTIME_DIRECTORY");
    return done;
  };
  auto log = shm::LogPage::create(base.path(), "supervisor").value();
  for (const char* code : {"2", "3"}) {
    log.write({.at_us = *code,
               .node = NodeName::clipped("rover"),
               .text = Name<384>::clipped(std::string{"host 'rover' ended: exit code "} + code)});
  }
  log.write({.at_us = 99, .node = NodeName::clipped("rover"), .text = Name<384>::clipped("ready")});
  { const shm::StatsPage ends = std::move(page); }
  for (const char* command : {"why", "info"}) {
    const auto done = ran(command);
    EXPECT_EQ(done.code, kOk) << done.err;
    EXPECT_THAT(done.out, StartsWith("failed      host 'rover' is dead, since 0 s; see 'horusctl "
                                     "log rover' for how it ended"));
    EXPECT_THAT(done.out, HasSubstr("\nlast end    exit code 3\n"));
  }
  EXPECT_THAT(ran("info").out, HasSubstr("state       its host is dead, since 0.0 s\n"));
  EXPECT_THAT(ran("info").out, HasSubstr("3 x KeyError"));
}

TEST_F(WhyTest, reasons_are_those_of_the_node_and_of_its_host) {
  wire::HealthView health;
  const auto add = [&health](const char* host, const char* node, const char* text) {
    health.reasons.push_back({wire::Health::kDegraded, host, node, text, "do it"});
  };
  add("rover", "arm", "one");
  add("rover", "", "two");
  add("rover", "vision", "three");
  add("planner", "arm", "four");
  add("planner", "", "five");
  EXPECT_EQ(reasons_text(health, "rover", "arm"),
            "degraded    one; do it\ndegraded    two; do it\n");
}

TEST_F(WhyTest, releases_that_were_given_up_are_late_ticks_with_a_cause) {
  LateTick& tick = late(1, 12);
  tick.reason.set(LateReason::kSkipped);
  tick.skipped.set(7);
  tick.limit_ns.set(0);
  tick.lateness_ns.set(70'000'000);
  tick.behind_ns.set(66'000'000);
  EXPECT_THAT(why_text(page, 1, 1, now),
              HasSubstr("1 of the last 1 late ticks: the ticks before them, which were not done; "
                        "do less in a tick"));
  EXPECT_THAT(why_text(page, 1, 1, now),
              HasSubstr("tick 12 skipped 7 releases: 66 of 82 ms: the tick before it, which was "
                        "not done\n"));
}

TEST_F(WhyTest, the_thread_that_had_the_gil_is_its_nodes) {
  LateTick& tick = late(1, 12);
  tick.gil_lost_ns.set(9'000'000);
  tick.gil_lost_to.set(4711);
  EXPECT_THAT(why_text(page, 1, 1, now), HasSubstr("without the GIL, which thread 4711 had;"));
  page.nodes()[0].tid.set(4711);
  EXPECT_THAT(why_text(page, 1, 1, now),
              HasSubstr("without the GIL, which node vision had (thread 4711);"));
  EXPECT_EQ(wire::Json::parse(why_lines(page, 1, 1, now))["gil_lost_to_node"], "vision");
}

TEST_F(WhyTest, collections_are_told_by_generation) {
  LateTick& tick = late(1, 12);
  tick.collections[0].set(3);
  tick.collections[2].set(1);
  tick.objects.set(1'200'000);
  EXPECT_THAT(why_text(page, 1, 1, now),
              HasSubstr("; collected: 3 of generation 0, 1 of generation 2\n"));
  const wire::Json json = wire::Json::parse(why_lines(page, 1, 1, now));
  EXPECT_EQ(json["collections"], wire::Json::array({3, 0, 1}));
  EXPECT_EQ(json["collector"], 2);
  EXPECT_EQ(json["objects"], 1'200'000);
}

TEST_F(WhyTest, one_is_no_more) {
  LateTick& tick = late(0, 1);
  tick.reason.set(LateReason::kSkipped);
  tick.skipped.set(1);
  tick.sent.set(1);
  tick.bytes.set(16);
  const std::string text = why_text(page, 0, 1, now);
  EXPECT_THAT(text, HasSubstr("tick 1 skipped 1 release: "));
  EXPECT_THAT(text, HasSubstr("; 1 message of 16 B sent"));
}

TEST_F(WhyTest, json_has_every_number) {
  late(0, 7).gil_lost_ns.set(5'000'000);
  const wire::Json json = wire::Json::parse(why_lines(page, 0, 10, now));
  EXPECT_EQ(json["node"], "vision");
  EXPECT_EQ(json["tick"], 7);
  EXPECT_EQ(json["reason"], "missed its deadline");
  EXPECT_EQ(json["cause"], "7 of 12 ms: its own work");
  EXPECT_EQ(json["gil_lost_us"], 5000.0);
  EXPECT_EQ(json["limit_us"], 10'000.0);
}

TEST_F(WhyTest, what_the_page_says_of_others_is_not_believed) {
  LateTick& tick = late(0, 1);
  tick.lateness_ns.set(20'000'000);
  tick.before_ns.set(19'000'000);
  tick.before.set(2);
  tick.release_ns.set(-5);
  tick.reason.set(static_cast<LateReason>(77));
  EXPECT_THAT(why_text(page, 0, 1, now), HasSubstr("tick 1 unknown: 19 of 32 ms: ticks before it"));
}

}  // namespace
}  // namespace horus::cli

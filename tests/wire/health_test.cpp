// SPDX-License-Identifier: Apache-2.0
#include "service/wire/health.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace horus::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<ExpectedHost> kExpected{{"rover", "cpp"}, {"planner", "python"}};

HostView host(const char* name, const char* kind, const char* node) {
  HostView view;
  view.name = name;
  view.kind = kind;
  view.pid = 17;
  view.alive = true;
  view.ready = true;
  view.lives = 1;
  view.uptime_s = 3600;
  NodeView& only = view.nodes.emplace_back();
  only.name = node;
  only.state = "running";
  only.last_10s.ticks = 1000;
  only.last_minute.ticks = 6000;
  return view;
}

std::vector<HostView> robot() {
  return {host("rover", "cpp", "motor"), host("planner", "python", "plan")};
}

TEST(Judge, its_numbers_are_the_exit_codes) {
  EXPECT_EQ(static_cast<int>(Health::kHealthy), 0);
  EXPECT_EQ(static_cast<int>(Health::kDegraded), 1);
  EXPECT_EQ(static_cast<int>(Health::kFailed), 2);
}

TEST(Judge, a_robot_whose_hosts_are_ready_is_healthy) {
  const HealthView health = judge(robot(), kExpected);
  EXPECT_EQ(health.health, Health::kHealthy);
  EXPECT_TRUE(health.ready);
  EXPECT_THAT(health.reasons, IsEmpty());
  EXPECT_EQ(health.hosts.size(), 2U);
}

/// What happened to the motor of host rover, and what is said of it.
struct Case {
  const char* title;
  std::function<void(HostView&, NodeView&)> change;
  Health health;
  const char* said;  ///< Of the worst reason.
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases{
      {"1 % late is not above it", [](HostView&, NodeView& node) { node.last_10s.misses = 10; },
       Health::kHealthy, ""},
      {"1.1 % late in 10 s", [](HostView&, NodeView& node) { node.last_10s.misses = 11; },
       Health::kDegraded,
       "11 of 1000 releases late or skipped in 10 s (1.1 %, limit 1 %); see 'horusctl why motor'"},
      {"an input is stale",
       [](HostView&, NodeView& node) {
         node.stale.push_back({.topic = "cmd_vel",
                               .publisher = "planner",
                               .came = true,
                               .age_s = 1.25,
                               .timeout_s = 0.2});
       },
       Health::kDegraded,
       "its input 'cmd_vel' is stale: the newest message from node 'planner' is 1.25 s old, "
       "time-out 0.2 s; see 'horusctl node info planner' for why it is silent, or give the "
       "subscription a longer timeout"},
      {"nothing ever came to an input",
       [](HostView&, NodeView& node) {
         node.stale.push_back(
             {.topic = "cmd_vel", .publisher = "", .age_s = 3, .timeout_s = 0.2, .stops = true});
       },
       Health::kDegraded,
       "its input 'cmd_vel' is stale: none has come, time-out 0.2 s; it has asked for a stop; see "
       "'horusctl topic info cmd_vel' for who sends it"},
      {"a warning of the ladder is told by its late ticks",
       [](HostView&, NodeView& node) { node.rung = "warned"; }, Health::kHealthy, ""},
      {"half its rate",
       [](HostView&, NodeView& node) {
         node.rung = "degraded";
         node.rung_s = 2;
         node.rung_misses = 5;
         node.rung_recover = 100;
         node.rung_good = 42;
       },
       Health::kDegraded,
       "is degraded, since 2 s, after 5 deadlines missed in a row: it has half its rate; back "
       "after "
       "100 good ticks in a row (42 so far); see 'horusctl why motor'"},
      {"isolated by its ladder", [](HostView&, NodeView& node) { node.rung = "isolated"; },
       Health::kFailed, "it is at rest, and its readers take their fallbacks"},
      {"late and skipped add up",
       [](HostView&, NodeView& node) {
         node.last_10s.misses = 6;
         node.last_10s.skipped = 8;
         node.last_10s.ticks = 992;
       },
       Health::kDegraded,
       "14 of 1000 releases late or skipped in 10 s (1.4 %, limit 1 %); see 'horusctl why motor'"},
      {"0.1 % in a minute", [](HostView&, NodeView& node) { node.last_minute.misses = 6; },
       Health::kHealthy, ""},
      {"more in a minute", [](HostView&, NodeView& node) { node.last_minute.skipped = 7; },
       Health::kDegraded, "7 of 6007 releases late or skipped in a minute"},
      {"one late tick of a slow node",
       [](HostView&, NodeView& node) {
         node.last_10s = {.ticks = 10, .misses = 1};
         node.last_minute = {.ticks = 60, .misses = 1};
       },
       Health::kHealthy, ""},
      {"two of them",
       [](HostView&, NodeView& node) {
         node.last_10s = {.ticks = 10, .misses = 2};
         node.last_minute = {.ticks = 60, .misses = 2};
       },
       Health::kDegraded, "2 of 10 releases"},
      {"an exception", [](HostView&, NodeView& node) { node.last_minute.errors = 1; },
       Health::kDegraded,
       "node 'motor' of host 'rover': 1 exception in a minute; see 'horusctl node info "
       "motor' for their tracebacks"},
      {"nearly all of its releases",
       [](HostView&, NodeView& node) { node.last_10s = {.ticks = 4, .skipped = 996}; },
       Health::kDegraded, "996 of 1000 releases late or skipped in 10 s (99.6 %, limit 1 %)"},
      {"all of its releases",
       [](HostView&, NodeView& node) { node.last_10s = {.ticks = 0, .skipped = 1000}; },
       Health::kDegraded, "1000 of 1000 releases late or skipped in 10 s (100 %, limit 1 %)"},
      {"a hang", [](HostView&, NodeView& node) { node.last_minute.hangs = 2; }, Health::kDegraded,
       "2 silences over the watchdog's limit in a minute"},
      {"a missed message", [](HostView&, NodeView& node) { node.last_minute.missed = 16; },
       Health::kDegraded, "16 messages missed in a minute; take more"},
      {"old messages", [](HostView&, NodeView& node) { node.last_minute.old = 11; },
       Health::kDegraded, "11 ticks with a message older than ten periods"},
      {"refused messages", [](HostView&, NodeView& node) { node.last_minute.refused = 99; },
       Health::kHealthy, ""},
      {"overruns", [](HostView&, NodeView& node) { node.last_minute.overruns = 99; },
       Health::kHealthy, ""},
      {"waits for the GIL", [](HostView&, NodeView& node) { node.last_minute.gil_waits = 99; },
       Health::kHealthy, ""},
      {"forced collections", [](HostView& host, NodeView&) { host.gc_forced_last_minute = 9; },
       Health::kHealthy, ""},
      {"a restart", [](HostView& host, NodeView&) { host.restarts_last_minute = 3; },
       Health::kDegraded, "host 'rover' was started again 3 times in a minute"},
      {"a long call",
       [](HostView&, NodeView& node) {
         node.busy_in = "tick";
         node.busy_s = 12.4;
       },
       Health::kDegraded,
       "node 'motor' of host 'rover' is in its tick for 12 s; see what blocks it: gdb -p 17"},
      {"a long call in Python",
       [](HostView& host, NodeView& node) {
         host.kind = "python";
         node.busy_in = "tick";
       },
       Health::kDegraded, "kill -QUIT 17 shows its stack, and ends the host; of one that"},
      {"a long wait",
       [](HostView& host, NodeView& node) {
         host.kind = "python";
         node.node_class = "async";
         node.busy_in = "tick";
       },
       Health::kDegraded, "give what it awaits a time-out, or the node a watchdog="},
      {"a busy machine's housekeeping", [](HostView& host, NodeView&) { host.silent_s = 3; },
       Health::kHealthy, ""},
      {"a host that something has stopped", [](HostView& host, NodeView&) { host.silent_s = 5; },
       Health::kDegraded,
       "host 'rover' does not move: it has counted nothing for 5 s; see whether something has "
       "stopped it (SIGSTOP, a debugger), or leaves it no CPU"},
      {"a node in error", [](HostView&, NodeView& node) { node.state = "error"; }, Health::kFailed,
       "node 'motor' of host 'rover' is in state error"},
      {"a node that crashed", [](HostView&, NodeView& node) { node.state = "crashed"; },
       Health::kFailed, "state crashed"},
      {"not ready", [](HostView& host, NodeView&) { host.ready = false; }, Health::kDegraded,
       "host 'rover' is not ready yet"},
      {"dead",
       [](HostView& host, NodeView&) {
         host.alive = false;
         host.silent_s = 3.2;
       },
       Health::kFailed, "host 'rover' is dead, since 3 s"},
  };
  return kCases;
}

TEST(Judge, a_robot_at_rest_is_not_healthy_where_that_concerns_somebody) {
  auto hosts = robot();
  hosts[0].safety = "safe";
  hosts[0].stop_cause = "misses";
  hosts[0].stop_text = "late";
  EXPECT_EQ(judge(hosts, kExpected).health, Health::kHealthy) << "it moves nothing";
  hosts[0].nodes[0].actuator = true;
  const HealthView health = judge(hosts, kExpected);
  EXPECT_EQ(health.health, Health::kDegraded);
  ASSERT_EQ(health.reasons.size(), 1U);
  EXPECT_EQ(health.reasons[0].text, "host 'rover' is safe (misses): late");
  EXPECT_THAT(health.reasons[0].advice, HasSubstr("horusctl release"));
  hosts[0].nodes[0].actuator = false;
  hosts[0].safety = "estopped";
  EXPECT_EQ(judge(hosts, kExpected).health, Health::kDegraded);
}

TEST(Judge, who_follows_a_stop_names_who_asked_for_it_and_comes_after_him) {
  auto hosts = robot();
  for (HostView& host : hosts) {
    host.safety = "estopped";
    host.stop_cause = "peer";
    host.stop_text = "another host has stopped";
  }
  const HealthView nobody = judge(hosts, kExpected);
  ASSERT_EQ(nobody.reasons.size(), hosts.size());
  EXPECT_EQ(nobody.reasons[0].text, "host 'rover' is estopped (peer): another host has stopped")
      << "who asked is gone";
  hosts.back().stop_cause = "heartbeat";
  hosts.back().stop_text = "'joystick' is silent";
  const std::string asked = hosts.back().name;
  const HealthView health = judge(hosts, kExpected);
  EXPECT_EQ(health.health, Health::kDegraded);
  ASSERT_EQ(health.reasons.size(), hosts.size());
  EXPECT_EQ(health.reasons[0].text,
            "host '" + asked + "' is estopped (heartbeat): 'joystick' is silent");
  EXPECT_EQ(health.reasons[1].text, "host 'rover' is estopped, as host '" + asked + "' is");
  EXPECT_EQ(health.reasons[1].host, "rover");
  EXPECT_FALSE(health.reasons[1].advice.empty());
  hosts.back().alive = false;
  EXPECT_THAT(judge(hosts, kExpected).reasons.back().text, HasSubstr("another host has stopped"))
      << "the dead hold nobody's attention";
}

TEST(Judge, each_count_is_held_against_its_limit) {
  for (const Case& one : cases()) {
    std::vector<HostView> hosts = robot();
    one.change(hosts[0], hosts[0].nodes[0]);
    const HealthView health = judge(hosts, kExpected);
    EXPECT_EQ(health.health, one.health) << one.title;
    EXPECT_EQ(health.reasons.empty(), one.health == Health::kHealthy) << one.title;
    if (health.reasons.empty()) continue;
    EXPECT_THAT(health.reasons[0].line(), HasSubstr(one.said)) << one.title;
    EXPECT_EQ(health.reasons[0].host, "rover") << one.title;
  }
}

TEST(Judge, a_limit_that_is_set_takes_the_place_of_the_default) {
  std::vector<HostView> hosts = robot();
  hosts[0].nodes[0].last_10s.misses = 50;
  hosts[0].nodes[0].last_minute.misses = 50;
  hosts[0].nodes[0].last_minute.refused = 5;
  hosts[0].restarts_last_minute = 1;
  HealthLimits node;
  node.late = 5;
  node.late_minute.reset();
  node.refused = 5;
  HealthLimits host;
  host.restarts = 1;
  const std::vector<LimitRule> rules{{"", "motor", node}, {"rover", "", host}};
  EXPECT_THAT(judge(hosts, kExpected, rules).reasons, IsEmpty());
  hosts[0].nodes[0].last_10s.misses = 51;
  hosts[0].nodes[0].last_minute.refused = 6;
  hosts[0].restarts_last_minute = 2;
  EXPECT_EQ(judge(hosts, kExpected, rules).reasons.size(), 3U);
}

TEST(Judge, the_rule_that_names_most_counts) {
  std::vector<HostView> hosts = robot();
  hosts[0].nodes[0].last_minute.errors = 2;
  const auto at_most = [](double errors) {
    HealthLimits limits;
    limits.errors = errors;
    return limits;
  };
  const LimitRule all{"rover", "", at_most(0)};
  const LimitRule node{"", "motor", at_most(1)};
  const LimitRule both{"rover", "motor", at_most(2)};
  const LimitRule other{"planner", "motor", at_most(0)};
  for (const auto& rules :
       {std::vector{all, node, both, other}, std::vector{other, both, node, all}}) {
    EXPECT_THAT(judge(hosts, kExpected, rules).reasons, IsEmpty());
  }
}

TEST(Judge, the_worst_comes_first) {
  std::vector<HostView> hosts = robot();
  hosts[0].nodes[0].last_minute.errors = 1;
  hosts[1].nodes[0].state = "crashed";
  const HealthView health = judge(hosts, kExpected);
  ASSERT_EQ(health.reasons.size(), 2U);
  EXPECT_EQ(health.health, Health::kFailed);
  EXPECT_EQ(health.reasons[0].node, "plan");
  EXPECT_EQ(health.reasons[1].node, "motor");
}

TEST(Judge, a_host_that_is_expected_and_missing_has_failed) {
  std::vector<HostView> hosts = robot();
  hosts.pop_back();
  const HealthView health = judge(hosts, kExpected);
  EXPECT_EQ(health.health, Health::kFailed);
  EXPECT_FALSE(health.ready);
  ASSERT_EQ(health.reasons.size(), 1U);
  EXPECT_EQ(health.reasons[0].text, "host 'planner' is missing");
  EXPECT_EQ(health.hosts[1].state, "missing");
  EXPECT_EQ(health.hosts[1].kind, "python");
}

TEST(Judge, a_host_that_still_imports_as_the_robot_begins_has_not_failed) {
  std::vector<HostView> hosts = robot();
  hosts.pop_back();
  hosts[0].uptime_s = 29;
  HealthView health = judge(hosts, kExpected);
  EXPECT_EQ(health.health, Health::kDegraded);
  EXPECT_FALSE(health.ready);
  ASSERT_EQ(health.reasons.size(), 1U);
  EXPECT_EQ(health.reasons[0].text, "host 'planner' is starting");
  EXPECT_EQ(health.hosts[1].state, "starting");
  hosts[0].uptime_s = 30;
  EXPECT_EQ(judge(hosts, kExpected).health, Health::kFailed);
  // One that has ended leaves a page.
  hosts = robot();
  hosts[0].uptime_s = 1;
  hosts[1].alive = false;
  EXPECT_EQ(judge(hosts, kExpected).health, Health::kFailed);
}

TEST(Judge, what_to_do_about_a_dead_host_depends_on_whether_somebody_starts_it_again) {
  std::vector<HostView> hosts = robot();
  hosts[1].alive = false;
  EXPECT_EQ(judge(hosts, kExpected).reasons[0].advice,
            "see 'horusctl log planner' for how it ended; its supervisor starts it again, if its "
            "'restart' allows it");
  EXPECT_EQ(judge(hosts, {}).reasons[0].advice,
            "see 'horusctl log planner' for how it ended, and start it again");
  hosts[0].alive = false;
  EXPECT_EQ(judge(hosts, kExpected).reasons[0].advice,
            "see 'horusctl log' for how it ended, and start it again")
      << "the journal has no host's name of the daemon's own lines";
}

TEST(Judge, how_a_host_ended_that_was_started_again_is_told_where_its_supervisor_knows) {
  std::vector<HostView> hosts = robot();
  hosts[1].restarts_last_minute = 2;
  auto expected = kExpected;
  expected[1].said = {HostState::kReady, true, 3, "exit code 3"};
  EXPECT_EQ(judge(hosts, expected).reasons.at(0).text,
            "host 'planner' was started again 2 times in a minute: exit code 3");
  expected[1].said = {HostState::kStarting, true, 3, "importing module 'map'"};
  EXPECT_EQ(judge(hosts, expected).reasons.at(0).text,
            "host 'planner' was started again 2 times in a minute")
      << "that is no end";
}

TEST(Judge, where_to_read_how_a_host_ended_that_was_started_again_is_told) {
  std::vector<HostView> hosts = robot();
  for (HostView& host : hosts) host.restarts_last_minute = 1;
  const HealthView health = judge(hosts, kExpected);
  ASSERT_EQ(health.reasons.size(), 2U);
  EXPECT_EQ(health.reasons[0].advice, "see 'horusctl log' for how it ended");
  EXPECT_EQ(health.reasons[1].advice, "see 'horusctl log planner' for how it ended");
}

/// What is said of a host whose supervisor says `said`; `page`: a dead one has left statistics.
HealthView judged(const ExpectedHost::Said& said, bool page) {
  std::vector<HostView> hosts = robot();
  hosts[1].alive = false;
  if (!page) hosts.pop_back();
  auto expected = kExpected;
  expected[1].said = said;
  return judge(hosts, expected);
}

TEST(Judge, of_a_host_that_does_not_run_counts_what_its_supervisor_says) {
  for (const bool page : {false, true}) {
    HealthView view =
        judged({HostState::kStarting, true, 12, "it ended before: exit code 3"}, page);
    EXPECT_EQ(view.health, Health::kFailed) << "so far it does not run";
    const std::string starting = view.reasons.at(0).key();
    EXPECT_EQ(view.reasons.at(0).line(),
              "host 'planner' is starting again, for 12 s: it ended before: exit code 3; its "
              "supervisor starts it again; see 'horusctl log planner'");

    view = judged({HostState::kStarting, false, 12, "importing module 'map'"}, page);
    EXPECT_EQ(view.health, Health::kDegraded);
    EXPECT_EQ(view.reasons.at(0).line(),
              "host 'planner' is starting, for 12 s: importing module 'map'; wait, or see "
              "'horusctl log planner'");
    EXPECT_EQ(view.hosts.at(1).state, "starting");
    EXPECT_FALSE(view.ready);

    view = judged({HostState::kWaiting, true, 3, "exit code 3"}, page);
    EXPECT_EQ(view.health, Health::kFailed);
    EXPECT_EQ(view.reasons.at(0).line(),
              "host 'planner' is down, for 3 s: exit code 3; its supervisor starts it again; see "
              "'horusctl log planner'");
    EXPECT_EQ(view.reasons.at(0).key(), starting) << "one fault, told once";

    view = judged({HostState::kEnded, true, 3, "exit code 3"}, page);
    EXPECT_EQ(view.health, Health::kFailed);
    EXPECT_EQ(
        view.reasons.at(0).line(),
        "host 'planner' has ended: exit code 3; its 'restart' leaves it so; see 'horusctl log "
        "planner'");
    EXPECT_FALSE(view.ready);

    view = judged({HostState::kEnded, false, 3, "exit code 0"}, page);
    EXPECT_EQ(view.health, Health::kHealthy) << view.reasons.at(0).line();
    EXPECT_EQ(view.hosts.at(1).state, "ended");
    EXPECT_TRUE(view.ready);

    view = judged({HostState::kStopping, false, 3, ""}, page);
    EXPECT_EQ(view.reasons.at(0).text, "host 'planner' is ending, for 3 s");
  }
}

TEST(Judge, of_a_host_that_runs_its_own_statistics_count) {
  auto expected = kExpected;
  expected[1].said = {HostState::kEnded, true, 3, "killed"};
  const HealthView view = judge(robot(), expected);
  EXPECT_EQ(view.health, Health::kHealthy);
  EXPECT_EQ(view.hosts.at(1).state, "ready");
  EXPECT_TRUE(view.ready);
}

TEST(Judge, the_living_host_of_a_name_counts_whatever_its_place) {
  for (const bool dead_first : {true, false}) {
    std::vector<HostView> hosts = robot();
    HostView dead = hosts[0];
    dead.alive = false;
    hosts.insert(dead_first ? hosts.begin() : hosts.end(), dead);
    EXPECT_EQ(judge(hosts, kExpected).health, Health::kHealthy);
  }
}

TEST(Judge, a_dead_host_that_nobody_expects_counts_where_nobody_says_what_to_expect) {
  std::vector<HostView> hosts = robot();
  hosts[1].alive = false;
  hosts[1].silent_s = 59;
  EXPECT_EQ(judge(hosts, {}).health, Health::kFailed);
  hosts[1].silent_s = 61;
  EXPECT_EQ(judge(hosts, {}).health, Health::kHealthy);
  // A service does not end by itself.
  hosts[1].kind = "cpp";
  EXPECT_EQ(judge(hosts, {}).health, Health::kFailed);
  EXPECT_EQ(judge(hosts, {{{"rover", "cpp"}}}).health, Health::kHealthy);
}

TEST(Judge, what_the_machine_does_not_grant_counts_where_it_was_asked_for) {
  std::vector<HostView> hosts = robot();
  hosts[0].degradations = {{"fifo", "not permitted", "warning", "raise rtprio"},
                           {"preempt_rt", "not an RT kernel", "info", ""}};
  const char* const kLine = "host 'rover' runs without fifo: not permitted; raise rtprio";
  HealthView health = judge(hosts, kExpected);
  EXPECT_EQ(health.health, Health::kHealthy);
  EXPECT_THAT(health.notes, ElementsAre(kLine));
  hosts[0].asks_realtime = true;
  health = judge(hosts, kExpected);
  EXPECT_EQ(health.health, Health::kDegraded);
  EXPECT_THAT(health.notes, IsEmpty());
  ASSERT_EQ(health.reasons.size(), 1U);
  EXPECT_EQ(health.reasons[0].line(), kLine);
}

TEST(Judge, each_reason_has_a_key_of_its_own_which_stays_while_its_numbers_move) {
  std::vector<HostView> hosts = robot();
  hosts[0].asks_realtime = true;
  hosts[0].degradations = {{"fifo", "not permitted", "warning", ""},
                           {"locked memory", "not permitted", "warning", ""}};
  hosts[0].nodes[0].last_minute.errors = 3;
  const auto keys = [&hosts] {
    std::set<std::string> found;
    for (const Reason& reason : judge(hosts, kExpected).reasons) found.insert(reason.key());
    return found;
  };
  const auto before = keys();
  EXPECT_EQ(before.size(), 3U);
  hosts[0].nodes[0].last_minute.errors = 4;
  EXPECT_EQ(keys(), before);
}

TEST(Health, survives_the_wire) {
  std::vector<HostView> hosts = robot();
  hosts[0].nodes[0].state = "crashed";
  hosts[1].degradations = {{"fifo", "not permitted", "warning", ""}};
  const HealthView sent = judge(hosts, kExpected);
  const auto read = health_from_json(to_json(sent));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(read.value()), to_json(sent));
  EXPECT_EQ(read.value().health, Health::kFailed);
}

TEST(Health, what_lacks_a_field_or_says_an_unknown_word_is_no_verdict) {
  const Json whole = to_json(judge(robot(), kExpected));
  for (const auto& [key, value] : whole.items()) {
    Json part = whole;
    part.erase(key);
    EXPECT_FALSE(health_from_json(part)) << key;
    part[key] = 17;
    EXPECT_FALSE(health_from_json(part)) << key;
  }
  Json other = whole;
  other["status"] = "well";
  EXPECT_FALSE(health_from_json(other));
  EXPECT_FALSE(health_from_json(Json::array()));
}

}  // namespace
}  // namespace horus::wire

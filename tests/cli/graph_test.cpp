// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/graph.hpp"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "service/wire/varlink.hpp"
#include "tests/cli/sample_stats.hpp"
#include "tools/cli/nodes.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

shm::TopicInfo command() {
  shm::TopicInfo topic;
  topic.name = "cmd_vel";
  topic.type = "CmdVel";
  topic.publishers = {{.pid = 1, .node = "planner", .alive = true, .sent = 20, .refused = 1},
                      {.pid = 9, .node = "ghost", .alive = false}};
  topic.subscribers = {{.pid = 2, .node = "motor", .alive = true, .received = 19, .missed = 4},
                       {.pid = 2, .node = "motor", .alive = true},
                       {.pid = 0x7fffffff, .node = "", .alive = true}};
  return topic;
}

TEST(Graph, a_line_says_who_sends_what_to_whom) {
  EXPECT_EQ(graph_text({command()}), "planner -> cmd_vel (CmdVel) -> ? (pid 2147483647), motor\n");
  shm::TopicInfo unused;
  unused.name = "old";
  EXPECT_EQ(graph_text({unused}), "no topics in use\n");
  shm::TopicInfo heard = command();
  heard.publishers.clear();
  EXPECT_THAT(graph_text({heard}), HasSubstr("nobody -> cmd_vel"));
}

TEST(Graph, graphviz_gets_edges_and_no_name_that_it_would_obey) {
  shm::TopicInfo topic = command();
  topic.publishers[0].node = "a\"b\\c\x1b";
  const std::string dot = graph_dot({topic});
  EXPECT_THAT(dot, HasSubstr("digraph horus {"));
  EXPECT_THAT(dot, HasSubstr(R"("a\"b\\c)"));
  EXPECT_THAT(dot, HasSubstr("\"topic cmd_vel\" -> \"motor\";"));
  EXPECT_THAT(dot, Not(HasSubstr("\x1b")));
  EXPECT_THAT(dot, Not(HasSubstr("ghost")));
}

TEST(TopicInfo, participants_bear_their_nodes_names) {
  const std::string text = topic_text(command(), 100);
  EXPECT_THAT(text, HasSubstr("planner"));
  EXPECT_THAT(text, HasSubstr("motor"));
  const wire::Json json = wire::Json::parse(topics_lines({command()}));
  EXPECT_EQ(json["publishers"][0]["node"], "planner");
  EXPECT_EQ(json["subscribers"][0]["node"], "motor");
}

TEST(TopicInfo, a_time_out_is_shown_with_how_it_stands) {
  EXPECT_THAT(topic_text(command(), 100), Not(HasSubstr("time-out")));
  shm::TopicInfo topic = command();
  topic.subscribers[0].timeout_ns = 200'000'000;
  topic.subscribers[0].stale_since_ns = 1;
  topic.subscribers[0].stale = 3;
  topic.subscribers[0].fallbacks = 40;
  EXPECT_THAT(topic_text(topic, 100),
              HasSubstr("motor: stale, time-out 200ms; stale 3 times, 40 fallbacks given\n"));
  const wire::Json json = wire::Json::parse(topics_lines({topic}));
  EXPECT_EQ(json["subscribers"][0]["timeout_ms"], 200.0);
  EXPECT_EQ(json["subscribers"][0]["stale"], true);
  EXPECT_EQ(json["subscribers"][0]["times_stale"], 3);
  EXPECT_EQ(json["subscribers"][0]["fallbacks"], 40);
}

TEST(NodeInfo, its_topics_have_rates_of_what_came_between_two_looks) {
  TopicLooks looks{.before = {command()}, .now = {command()}, .apart_s = 2};
  looks.now[0].publishers[0].sent = 120;
  EXPECT_EQ(node_topics_text(looks, "planner", 1, 100),
            "TOPIC    TYPE              RATE  MESSAGES  LOST  PASSED OVER\n"
            "cmd_vel  CmdVel  sends  50.0 Hz       120     1            -\n");
  EXPECT_EQ(node_topics_text(looks, "planner", 2, 100), "no topics\n");
  EXPECT_EQ(node_topics_text(looks, "ghost", 9, 100), "no topics\n");
  looks.now[0].subscribers[0].passed_over = 7;
  EXPECT_THAT(node_topics_text(looks, "motor", 2, 100),
              HasSubstr("cmd_vel  CmdVel  receives  0.0 Hz        19     4            7\n"));
  looks.before.clear();
  EXPECT_THAT(node_topics_text(looks, "planner", 1, 100), HasSubstr(" - "));
}

TEST(NodeInfo, tells_state_timing_and_counts) {
  wire::StatsView stats = test::robot();
  wire::NodeView& node = stats.hosts[0].nodes[0];
  node.last_10s.misses = 12;
  node.last_minute.errors = 3;
  node.deadline_us = 900;
  const std::string text = node_text(stats.hosts[0], node);
  for (const char* part :
       {"node        motor\n", "rover (C++, pid 512, ready)", "tick, 1 kHz, order 0",
        "budget none, deadline 900us", "12 missed their deadline", "3 exceptions", "7707 ticks"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("ladder")));
}

TEST(NodeInfo, tells_stale_inputs_and_the_rung_of_its_ladder) {
  wire::StatsView stats = test::robot();
  wire::NodeView& node = stats.hosts[0].nodes[0];
  node.stale.push_back(
      {.topic = "cmd_vel", .publisher = "planner", .came = true, .age_s = 3, .timeout_s = 0.2});
  node.inputs_stale = 2;
  node.fallbacks = 5;
  node.rung = "isolated";
  const std::string text = node_text(stats.hosts[0], node);
  EXPECT_THAT(text, HasSubstr("ladder      isolated, since "));
  EXPECT_THAT(text,
              HasSubstr("stale       'cmd_vel': 3.0 s old, from node 'planner', time-out 200ms"));
  EXPECT_THAT(text, HasSubstr("an input was stale 2 times; 5 fallbacks"));
}

}  // namespace
}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <string>

#include <gtest/gtest.h>

#include "service/wire/varlink.hpp"
#include "shm/schema.hpp"
#include "tests/cli/sample_stats.hpp"
#include "tools/cli/nodes.hpp"
#include "tools/cli/topics.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using wire::Json;

TEST(NodeList, each_node_of_a_living_host_has_a_line) {
  wire::StatsView stats = test::robot();
  stats.hosts[0].nodes[0].cpu = 3;
  stats.hosts[0].nodes[0].priority = 80;
  EXPECT_EQ(nodes_text(stats, 80),
            "NODE   HOST     CLASS  STATE     RATE  ORDER  PRIORITY  CPU  PID  TID\n"
            "motor  rover    tick   running  1 kHz      0        80    3  512    0\n"
            "plan   planner  tick   running  50 Hz      0         0  any  515    0\n");
  stats.hosts[0].alive = false;
  EXPECT_THAT(nodes_text(stats, 80), Not(HasSubstr("motor")));
  EXPECT_THAT(nodes_lines(stats), Not(HasSubstr("motor")));
}

TEST(NodeList, without_nodes_it_says_so) {
  EXPECT_EQ(nodes_text({}, 80), "no nodes\n");
  EXPECT_EQ(nodes_lines({}), "");
}

TEST(NodeList, each_line_is_a_json_object) {
  const std::string lines = nodes_lines(test::robot());
  const Json first = Json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first["name"], "motor");
  EXPECT_EQ(first["host"], "rover");
  EXPECT_EQ(first["rate_hz"], 1000.0);
  EXPECT_EQ(first["pid"], 512);
}

shm::TopicInfo odometry() {
  shm::TopicInfo topic;
  topic.name = "odom";
  topic.type = "Odometry";
  topic.message_size = 736;
  topic.schema = shm::schema_of(*shm::find_type("Odometry"));
  topic.capacity = 1024;
  topic.publishers = {{.ring = {}, .pid = 1, .alive = true, .sent = 10, .refused = 1},
                      {.ring = {}, .pid = 2, .alive = false, .sent = 5, .refused = 0}};
  topic.subscribers = {{.pid = 3, .alive = true, .received = 8, .missed = 2, .torn = 1}};
  return topic;
}

TEST(NodeInfo, topics_tell_what_was_lost_and_what_was_passed_over) {
  shm::TopicInfo topic = odometry();
  topic.subscribers[0].node = "arm";
  topic.subscribers[0].passed_over = 77;
  topic.publishers[0].node = "arm";
  topic.publishers[0].pid = 3;
  const std::string text = node_topics_text({.before = {}, .now = {topic}}, "arm", 3, 80);
  EXPECT_EQ(text,
            "TOPIC  TYPE                RATE  MESSAGES  LOST  PASSED OVER\n"
            "odom   Odometry  sends        -        10     1            -\n"
            "odom   Odometry  receives     -         8     2           77\n");
}

TEST(NodeInfo, messages_are_counted_by_what_became_of_them) {
  wire::StatsView stats = test::robot();
  wire::NodeView& node = stats.hosts[0].nodes[0];
  node.messages_sent = 1;
  node.messages_received = 2;
  node.messages_missed = 3;
  node.messages_refused = 4;
  node.messages_passed_over = 5;
  EXPECT_THAT(node_text(stats.hosts[0], node),
              HasSubstr("messages    1 sent, 2 received, 3 missed, 4 refused, 5 passed over\n"));
}

TEST(TopicList, who_lives_is_counted_and_what_was_sent_is_added_up) {
  EXPECT_EQ(topics_text({odometry()}, 120),
            "TOPIC  TYPE      BYTES  CAPACITY  PUBLISHERS  SUBSCRIBERS  SENT  RECEIVED  MISSED  "
            "DROPPED  TORN\n"
            "odom   Odometry    736      1024           1            1    15         8       2     "
            "   1     1\n");
  EXPECT_EQ(topics_text({}, 80), "no topics\n");
}

TEST(TopicList, json_names_every_participant) {
  const Json json = Json::parse(topics_lines({odometry()}));
  EXPECT_EQ(json["name"], "odom");
  EXPECT_EQ(json["publishers"].size(), 2U);
  EXPECT_EQ(json["publishers"][1]["alive"], false);
  EXPECT_EQ(json["subscribers"][0]["missed"], 2);
  EXPECT_EQ(json["sent"], 15);
  EXPECT_EQ(json["dropped"], 1);
  EXPECT_EQ(json["subscribers"][0]["torn"], 1);
  EXPECT_EQ(json["policy"], "overwrite");
}

TEST(TopicInfo, fields_and_participants_are_told) {
  const std::string text = topic_text(odometry(), 100);
  for (const char* part : {"Odometry, at most 736 bytes", "the oldest is overwritten",
                           "pose_covariance[36]", "PUBLISHER", "(dead)", "SUBSCRIBER"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  shm::TopicInfo own;
  own.type = "Wheel";
  own.schema = "Wheel{speed:f32@0;slip:f32[4]@4}20/4";
  EXPECT_THAT(topic_text(own, 100), HasSubstr("slip[4]"));
  own.schema = "Wheel{n:u8@0;m:u8@1;slip:f32[*:n];grip:f32[*:n*m]}2/1";
  EXPECT_THAT(topic_text(own, 100), AllOf(HasSubstr("slip[n]"), HasSubstr("grip[n x m]")));
  EXPECT_THAT(topic_text({}, 100), AllOf(HasSubstr("no publishers"), HasSubstr("no subscribers")));
}

TEST(TopicList, a_name_that_a_terminal_would_obey_is_shown_harmless) {
  shm::TopicInfo topic = odometry();
  topic.name = "\x1b[31m\xc2\x9b";
  for (const std::string& text : {topics_text({topic}, 80), topics_lines({topic})}) {
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
  }
  EXPECT_EQ(Json::parse(topics_lines({topic}))["name"], topic.name);
}

}  // namespace
}  // namespace horus::cli

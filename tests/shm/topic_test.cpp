// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <horus/msg/control.hpp>
#include <horus/msg/sensors.hpp>

#include "rt/base/tick_stats.hpp"
#include "shm/registry.hpp"
#include "tests/support/scheduler_fixture.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using TopicTest = test::ShmTest;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

TEST_F(TopicTest, a_message_arrives_as_it_was_sent) {
  const auto session = open();
  auto publisher = session->publisher<msg::CmdVel>("base/cmd").value();
  auto subscriber = session->subscriber<msg::CmdVel>("base/cmd").value();
  EXPECT_FALSE(subscriber.has_message());
  EXPECT_FALSE(subscriber.take());

  EXPECT_TRUE(publisher.send({.timestamp_ns = 5, .linear = 1.5F, .angular = -0.25F}));

  EXPECT_TRUE(subscriber.has_message());
  EXPECT_EQ(subscriber.pending(), 1U);
  const auto message = subscriber.take();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->timestamp_ns, 5U);
  EXPECT_EQ(message->linear, 1.5F);
  EXPECT_EQ(message->angular, -0.25F);
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(publisher.sent(), 1U);
  EXPECT_EQ(subscriber.counts().received, 1U);
  EXPECT_EQ(subscriber.counts().missed, 0U);
}

TEST_F(TopicTest, what_is_sent_is_counted_with_its_bytes_and_what_is_refused_is_not) {
  const auto session = open();
  const auto node = std::make_unique<NodeStats>();
  const OpenDetails details{.counters = message_counters(*node)};
  const TopicOptions of_node{.capacity = 4, .details = &details};
  TopicOptions refusing = of_node;
  refusing.policy = Policy::kRefuse;
  auto commands = session->publisher<msg::CmdVel>("cmd", of_node).value();
  auto values = session->publish("values", generic_type(), refusing).value();
  const auto subscriber = session->subscribe("values", generic_type()).value();
  for (int i = 0; i < 3; ++i) commands.send({});
  const std::string text(100, 'x');
  int sent = 0;
  while (sent < 1000 && values.send(bytes_of(text))) ++sent;
  ASSERT_LT(sent, 1000) << "nobody takes them";
  EXPECT_EQ(node->messages_sent.value(), 3U + static_cast<unsigned>(sent));
  EXPECT_EQ(node->bytes_sent.value(),
            3 * sizeof(msg::CmdVel) + text.size() * static_cast<std::size_t>(sent));
}

TEST_F(TopicTest, messages_of_one_publisher_keep_their_order_over_many_laps) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 8}).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 100; ++n) {
    publisher.send(Checked::of(n));
    const auto message = subscriber.take();
    ASSERT_TRUE(message && message->whole());
    EXPECT_EQ(message->number, n);
  }
}

TEST_F(TopicTest, a_slow_subscriber_loses_the_oldest_and_is_told_exactly_how_many) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 2}).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 9; ++n) publisher.send(Checked::of(n));
  EXPECT_EQ(subscriber.pending(), 2U);
  EXPECT_EQ(subscriber.take()->number, 7U);
  EXPECT_EQ(subscriber.take()->number, 8U);
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(subscriber.counts().received, 2U);
  EXPECT_EQ(subscriber.counts().missed, 7U);
}

TEST_F(TopicTest, every_subscriber_gets_every_message) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto here = session->subscriber<Checked>("t").value();
  auto there = other->subscriber<Checked>("t").value();
  publisher.send(Checked::of(4));
  EXPECT_EQ(here.take()->number, 4U);
  EXPECT_EQ(there.take()->number, 4U);
}

TEST_F(TopicTest, messages_of_several_publishers_come_in_the_order_of_their_sending) {
  const auto session = open();
  const auto other = open();
  auto first = session->publisher<Checked>("t").value();
  auto second = other->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  EXPECT_EQ(subscriber.publishers(), 2U);
  for (std::uint64_t n = 0; n < 6; ++n) (n % 3 == 0 ? first : second).send(Checked::of(n));
  for (std::uint64_t n = 0; n < 6; ++n) EXPECT_EQ(subscriber.take()->number, n);
}

TEST_F(TopicTest, what_does_not_fit_into_the_depth_is_passed_over) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  Counter missed;
  Counter passed_over;
  auto subscriber =
      session
          ->subscriber<Checked>(
              "t", test::with({.depth = 4},
                              {.counters = {.missed = &missed, .passed_over = &passed_over}}))
          .value();
  std::uint64_t number = 0;
  // One of ten at each look: what is taken is never older than the depth.
  for (int look = 0; look < 300; ++look) {
    for (int i = 0; i < 10; ++i) publisher.send(Checked::of(number++));
    EXPECT_EQ(subscriber.pending(), 4U);
    EXPECT_EQ(subscriber.take()->number, number - 4);
  }
  while (subscriber.take()) {
  }
  EXPECT_EQ(subscriber.counts().received, 300U + 3U);
  EXPECT_EQ(subscriber.counts().missed, 0U);
  EXPECT_EQ(subscriber.counts().received + subscriber.counts().passed_over, publisher.sent());
  EXPECT_EQ(missed.value(), 0U);
  EXPECT_EQ(passed_over.value(), subscriber.counts().passed_over);
}

TEST_F(TopicTest, who_may_not_declare_a_type_is_held_to_it_all_the_same) {
  const auto session = open();
  EXPECT_TRUE(session->declare("t", type_info(Tag<Checked>{})));
  EXPECT_TRUE(test::files(base.path() + "/declared", "").empty());
  const auto publisher = session->publisher<Checked>("t").value();
  const auto refused = session->declare("t", type_info(Tag<msg::CmdVel>{}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTypeMismatch);
}

TEST_F(TopicTest, what_a_node_takes_before_its_first_tick_has_no_age) {
  NodeStats node;
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber =
      session->subscriber<Checked>("t", test::with({}, {.counters = {.whole = &node}})).value();
  const auto take_in_tick_that_began = [&](std::uint64_t cycles) {
    node.ticks.add();
    node.began.set(cycles);
    publisher.send(Checked::of(0));
    EXPECT_TRUE(subscriber.take());
    return find_topic(session->base(), "t").value().subscribers.at(0).age.count();
  };
  // Of the first ticks the length of a cycle is not known yet.
  test::wait_until([&] { return take_in_tick_that_began(cycle_count()) != 0; });
  EXPECT_EQ(take_in_tick_that_began(0), 1U);
  EXPECT_EQ(take_in_tick_that_began(cycle_count()), 2U);
}

TEST_F(TopicTest, a_depth_that_is_not_full_passes_over_nothing) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t", {.depth = 4}).value();
  for (std::uint64_t n = 0; n < 4; ++n) publisher.send(Checked::of(n));
  for (std::uint64_t n = 0; n < 4; ++n) EXPECT_EQ(subscriber.take()->number, n);
  EXPECT_EQ(subscriber.counts().passed_over, 0U);
}

TEST_F(TopicTest, what_is_overwritten_within_the_depth_is_missed) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 16}).value();
  Counter missed;
  auto whole =
      session->subscriber<Checked>("t", test::with({}, {.counters = {.missed = &missed}})).value();
  auto deep = session->subscriber<Checked>("t", {.depth = 1000}).value();
  auto latest = session->subscriber<Checked>("t").value();
  std::uint64_t number = 0;
  for (int look = 0; look < 5; ++look) {
    for (int i = 0; i < 20; ++i) publisher.send(Checked::of(number++));
    EXPECT_TRUE(whole.take());
    while (deep.take()) {
    }
    EXPECT_TRUE(latest.take_latest());
  }
  while (whole.take()) {
  }
  EXPECT_EQ(whole.counts().received + whole.counts().missed, 100U);
  EXPECT_GT(whole.counts().missed, 0U);
  EXPECT_EQ(missed.value(), whole.counts().missed);
  EXPECT_EQ(deep.counts().missed, 5 * 4U);
  EXPECT_EQ(latest.counts().missed, 0U) << "it wanted none of them";
  EXPECT_EQ(latest.counts().received + latest.counts().passed_over, 100U);
}

TEST_F(TopicTest, a_ring_is_as_large_as_its_publisher_says_whoever_came_first) {
  const auto session = open();
  auto first = session->subscriber<Checked>("t", {.capacity = 2, .depth = 8}).value();
  auto publisher = session->publisher<Checked>("t", {.capacity = 64}).value();
  auto other = session->publisher<Checked>("t").value();
  EXPECT_EQ(publisher.capacity(), 64U);
  EXPECT_EQ(other.capacity(), 1024U);
  for (std::uint64_t n = 0; n < 64; ++n) publisher.send(Checked::of(n));
  EXPECT_EQ(first.take()->number, 56U);
}

TEST_F(TopicTest, a_topic_that_refuses_passes_over_nothing) {
  const auto session = open();
  const TopicOptions refuses{.capacity = 8, .depth = 2, .policy = Policy::kRefuse};
  auto publisher = session->publisher<Checked>("t", refuses).value();
  auto subscriber = session->subscriber<Checked>("t", refuses).value();
  for (std::uint64_t n = 0; n < 12; ++n) EXPECT_EQ(publisher.send(Checked::of(n)), n < 8);
  for (std::uint64_t n = 0; n < 8; ++n) EXPECT_EQ(subscriber.take()->number, n);
  EXPECT_EQ(subscriber.counts().passed_over + subscriber.counts().missed, 0U);
}

TEST_F(TopicTest, a_subscription_begins_with_what_was_sent_since_an_instant) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  for (std::uint64_t n = 0; n < 5; ++n) publisher.send(Checked::of(n));
  const std::uint64_t since = cycle_count();
  for (std::uint64_t n = 5; n < 8; ++n) publisher.send(Checked::of(n));
  auto some =
      session->subscriber<Checked>("t", test::with({.history = 100}, {.since = since})).value();
  auto all = session->subscriber<Checked>("t", {.history = 100}).value();
  auto fresh =
      session->subscriber<Checked>("t", test::with({.history = 100}, {.since = cycle_count()}))
          .value();
  EXPECT_EQ(some.pending(), 3U);
  EXPECT_EQ(some.take()->number, 5U);
  EXPECT_EQ(all.pending(), 8U);
  EXPECT_FALSE(fresh.take());
}

TEST_F(TopicTest, a_publisher_that_comes_later_is_heard_from_its_first_message) {
  const auto session = open();
  const auto other = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto publisher = other->publisher<Checked>("t").value();
  for (std::uint64_t n = 0; n < 3; ++n) publisher.send(Checked::of(n));
  ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
  for (std::uint64_t n = 0; n < 3; ++n) EXPECT_EQ(subscriber.take()->number, n);
}

TEST_F(TopicTest, within_a_process_publishers_and_subscribers_know_each_other_at_once) {
  auto session = Session::open(base.path()).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto publisher = session->publisher<Checked>("t").value();
  publisher.send(Checked::of(1));
  EXPECT_TRUE(subscriber.take());
  auto second = session->subscriber<Checked>("t").value();
  EXPECT_EQ(publisher.subscribers(), 2U);
  EXPECT_EQ(publisher.readers(), 2U);
}

TEST_F(TopicTest, a_publisher_that_ends_leaves_what_it_sent_to_those_who_knew_it) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto publisher = session->publisher<Checked>("t").value();
  publisher.send(Checked::of(1));
  ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
  publisher = {};
  EXPECT_EQ(subscriber.take()->number, 1U);
  EXPECT_TRUE(test::eventually([&] { return !subscriber.take() && subscriber.publishers() == 0; }));
}

TEST_F(TopicTest, who_takes_part_is_known_by_the_name_of_its_node) {
  const auto session = open();
  const NodeName arm = NodeName::clipped("arm");
  const OpenDetails details{.counters = {.node = &arm}};
  const TopicOptions of_arm{.details = &details};
  auto publisher = session->publisher<Checked>("t", of_arm).value();
  auto subscriber = session->subscriber<Checked>("t", of_arm).value();
  auto nobody = session->subscriber<Checked>("t").value();
  const TopicInfo topic = find_topic(base.path(), "t").value();
  ASSERT_EQ(topic.publishers.size(), 1U);
  EXPECT_EQ(topic.publishers[0].node, "arm");
  ASSERT_EQ(topic.subscribers.size(), 2U);
  EXPECT_NE(topic.subscribers[0].node, topic.subscribers[1].node);
  EXPECT_EQ(topic.subscribers[0].node + topic.subscribers[1].node, "arm");
}

TEST_F(TopicTest, a_late_joiner_starts_at_the_newest) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  publisher.send(Checked::of(1));
  auto subscriber = session->subscriber<Checked>("t").value();
  EXPECT_FALSE(subscriber.take());
  publisher.send(Checked::of(2));
  EXPECT_EQ(subscriber.take()->number, 2U);
  EXPECT_EQ(subscriber.counts().missed, 0U);
}

TEST_F(TopicTest, a_late_joiner_that_asks_for_history_starts_so_many_back) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  for (std::uint64_t n = 0; n < 10; ++n) publisher.send(Checked::of(n));
  auto two = session->subscriber<Checked>("t", {.history = 2}).value();
  auto all = session->subscriber<Checked>("t", {.history = 100}).value();
  EXPECT_EQ(two.take()->number, 8U);
  EXPECT_EQ(all.take()->number, 6U) << "no more than the ring holds";
}

TEST_F(TopicTest, the_latest_value_is_the_newest_of_all_publishers_and_the_rest_is_passed_over) {
  const auto session = open();
  auto first = session->publisher<Checked>("t", {.capacity = 4}).value();
  auto second = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  EXPECT_FALSE(subscriber.take_latest());
  for (std::uint64_t n = 0; n < 6; ++n) first.send(Checked::of(n));
  second.send(Checked::of(6));
  first.send(Checked::of(7));
  second.send(Checked::of(8));
  EXPECT_EQ(subscriber.take_latest()->number, 8U);
  EXPECT_FALSE(subscriber.take_latest());
  EXPECT_FALSE(subscriber.has_message());
  second.send(Checked::of(9));
  first.send(Checked::of(10));
  EXPECT_EQ(subscriber.take_latest()->number, 10U) << "whichever publisher is looked at first";
  EXPECT_FALSE(subscriber.take_latest());
  EXPECT_EQ(subscriber.counts().received, 2U);
  EXPECT_EQ(subscriber.counts().passed_over, 9U);
  EXPECT_EQ(subscriber.counts().missed, 0U);
}

TEST_F(TopicTest, generic_messages_have_their_own_lengths) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type(), {.max_size = 100}).value();
  auto subscriber = session->subscribe("t", generic_type()).value();
  EXPECT_EQ(publisher.max_size(), 100U);
  EXPECT_EQ(subscriber.max_size(), 100U);
  std::array<std::byte, 100> buffer{};
  for (const std::size_t length : {0U, 1U, 7U, 8U, 9U, 99U, 100U}) {
    const std::string sent(length, 'x');
    EXPECT_TRUE(publisher.send(bytes_of(sent)));
    ASSERT_EQ(subscriber.take(buffer), static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(buffer.data()), length), sent);
  }
}

TEST_F(TopicTest, a_message_above_the_topics_limit_is_refused_and_counted) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type(), {.max_size = 10}).value();
  EXPECT_FALSE(publisher.send(bytes_of("eleven byte")));
  EXPECT_EQ(publisher.refused(), 1U);
  EXPECT_EQ(publisher.sent(), 0U);
}

TEST_F(TopicTest, a_typed_message_of_another_size_is_refused) {
  const auto session = open();
  auto publisher = session->publish("t", type_info(Tag<msg::CmdVel>{})).value();
  EXPECT_FALSE(publisher.send(bytes_of("short")));
  EXPECT_FALSE(publisher.send(bytes_of("much longer than a CmdVel")));
  EXPECT_EQ(publisher.refused(), 2U);
}

TEST_F(TopicTest, another_type_on_a_topic_is_refused_and_both_are_named) {
  const auto session = open();
  const std::string topic(200, 'n');
  auto publisher = session->publisher<msg::CmdVel>(topic).value();
  const auto refused = session->subscriber<msg::JointState>(topic);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTypeMismatch);
  const std::string text{refused.error().subject.view()};
  EXPECT_NE(text.find("CmdVel"), std::string::npos) << text;
  EXPECT_NE(text.find("JointState"), std::string::npos) << text;
  EXPECT_FALSE(session->publish(topic, generic_type()));
}

TEST_F(TopicTest, a_type_of_the_same_name_and_another_layout_is_refused) {
  const auto session = open();
  auto publisher = session->publisher<msg::CmdVel>("t").value();
  TypeInfo changed = type_info(Tag<msg::CmdVel>{});
  changed.hash ^= 1;
  const auto refused = session->subscribe("t", changed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().subject.view(),
            "topic 't' carries CmdVel, asked for CmdVel of another layout; "
            "this process has it open");
}

TEST_F(TopicTest, the_default_capacity_follows_from_the_size_of_a_message) {
  const auto session = open();
  EXPECT_EQ(session->publisher<msg::CmdVel>("small").value().capacity(), 1024U);
  TypeInfo big{.name = "Big",
               .default_topic = "",
               .size = 100'000,
               .align = 8,
               .hash = 7,
               .fields = {},
               .args = {},
               .doc = ""};
  EXPECT_EQ(session->publish("big", big).value().capacity(), 32U) << "at most 4 MiB a ring";
  const auto generic = session->publish("generic", generic_type()).value();
  EXPECT_EQ(generic.capacity(), 4096U);
  EXPECT_EQ(generic.max_size(), 65536U);
}

TEST_F(TopicTest, a_capacity_is_rounded_up_and_its_publishers_own) {
  const auto session = open();
  const auto first = session->publisher<Checked>("t", {.capacity = 5}).value();
  EXPECT_EQ(first.capacity(), 8U);
  EXPECT_EQ(session->publisher<Checked>("t", {.capacity = 100}).value().capacity(), 128U);
}

TEST_F(TopicTest, impossible_limits_are_refused_and_leave_the_topic_free) {
  const auto session = open();
  for (const TopicOptions& options :
       {TopicOptions{.max_size = (4U << 20) + 1}, TopicOptions{.capacity = (1U << 20) + 1},
        TopicOptions{.capacity = 1U << 20, .max_size = 1U << 20}}) {
    const auto refused = session->publish("t", generic_type(), options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
  }
  EXPECT_TRUE(session->publish("t", generic_type()));
}

TEST_F(TopicTest, a_bad_topic_name_is_refused) {
  const auto session = open();
  for (const std::string& name : {std::string{}, std::string{"a b"}, std::string{"ä"},
                                  std::string{"a%2Fb"}, std::string(201, 'a')}) {
    const auto refused = session->publisher<msg::CmdVel>(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
  }
  for (const std::string& name :
       {std::string{".."}, std::string{"/a/../b"}, std::string(200, 'a')}) {
    EXPECT_TRUE(session->publisher<msg::CmdVel>(name)) << name;
  }
}

}  // namespace
}  // namespace horus::shm

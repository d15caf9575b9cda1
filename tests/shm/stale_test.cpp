// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include <horus/image.hpp>
#include <horus/msg/control.hpp>
#include <horus/msg/sensors.hpp>

#include "rt/base/outputs.hpp"
#include "rt/base/tick_stats.hpp"
#include "shm/freshness.hpp"
#include "shm/registry.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using msg::CmdVel;
using namespace std::chrono_literals;

constexpr Nanos kTimeout = 250ms;

class StaleTest : public test::ShmTest {
 protected:
  /// One that nothing but an isolation makes stale.
  Subscriber<CmdVel> patient_input(Session& session, Nanos timeout = 1h) {
    auto opened = session.subscriber<CmdVel>(
        "cmd", test::with({.timeout = timeout, .fallback = Fallback::kZero},
                          {.counters = message_counters(node)}));
    return std::move(opened).value();
  }
  /// A node's subscription, as one has it that ticks.
  Subscriber<CmdVel> input(Session& session, Fallback fallback,
                           std::span<const std::byte> value = {}) {
    auto opened =
        session.subscriber<CmdVel>("cmd", test::with({.history = 100,
                                                      .depth = 16,
                                                      .timeout = kTimeout,
                                                      .fallback = fallback,
                                                      .value = value},
                                                     {.counters = message_counters(node)}));
    return std::move(opened).value();
  }
  /// The node's first tick begins, or the next one.
  void tick() {
    if (node.first_release_ns.value() == 0) {
      node.first_release_ns.set(to_ns(MonotonicClock::now()));
    }
    node.ticks.add();
    node.began.set(cycle_count());
  }
  /// Ticks until the input is stale, whatever was sent before.
  template <typename Input>
  void tick_until_stale(Input& one) {
    do {
      tick();
    } while (!one.stale());
  }
  StaleInput record() const {
    for (const auto& place : node.stale.inputs) {
      const auto one = place.load();
      if (one && one->topic == "cmd") return *one;
    }
    return {};
  }

  NodeStats node{{}, {}, NodeName::clipped("motor")};
};

TEST_F(StaleTest, the_neutral_message_is_given_once_in_a_tick_when_nothing_new_comes) {
  const auto session = open();
  auto publisher = session->publisher<CmdVel>("cmd").value();
  auto cmd = input(*session, Fallback::kZero);
  tick();
  publisher.send({.linear = 1.5F, .angular = 0.5F});
  EXPECT_EQ(cmd.take()->linear, 1.5F);
  EXPECT_FALSE(cmd.gave_fallback());
  tick_until_stale(cmd);
  ASSERT_TRUE(cmd.has_message());
  const auto zero = cmd.take();
  ASSERT_TRUE(zero);
  EXPECT_EQ(zero->linear, 0.0F);
  EXPECT_EQ(zero->angular, 0.0F);
  EXPECT_TRUE(cmd.gave_fallback());
  publisher.send({.linear = 9.0F});
  EXPECT_TRUE(cmd.stale()) << "the last value of this tick came from the fallback";
  EXPECT_EQ(cmd.take()->linear, 9.0F);
  tick_until_stale(cmd);
  EXPECT_TRUE(cmd.take());
  EXPECT_FALSE(cmd.has_message()) << "a loop that takes until there is nothing ends";
  EXPECT_FALSE(cmd.take());
  tick();
  EXPECT_TRUE(cmd.take_latest()) << "and again in the next tick";
  EXPECT_EQ(cmd.counts().received, 2U) << "a fallback is no message";
  EXPECT_EQ(node.messages_received.value(), 2U);
  EXPECT_EQ(node.fallbacks.value(), 3U);
  EXPECT_EQ(node.inputs_stale.value(), 2U);
  EXPECT_EQ(node.stops_asked.value(), 0U);
}

TEST_F(StaleTest, the_first_new_message_ends_it_whoever_sends_it) {
  const auto session = open();
  auto cmd = input(*session, Fallback::kZero);
  {
    auto publisher = session->publisher<CmdVel>("cmd").value();
    tick();
    publisher.send({.linear = 1.0F});
    EXPECT_TRUE(cmd.take());
    tick_until_stale(cmd);
  }
  EXPECT_NE(record().since_ns, 0);
  const auto again = open();
  auto publisher = again->publisher<CmdVel>("cmd").value();
  session->find_publishers();
  publisher.send({.linear = 2.0F});
  tick();
  EXPECT_FALSE(cmd.stale()) << "it waits, and is fresh";
  EXPECT_EQ(cmd.take()->linear, 2.0F);
  EXPECT_EQ(record().since_ns, 0) << "taking it is enough";
  EXPECT_FALSE(cmd.stale());
  tick_until_stale(cmd);
  EXPECT_EQ(node.inputs_stale.value(), 2U);
}

TEST_F(StaleTest, what_never_came_counts_from_the_first_tick) {
  const auto session = open();
  auto cmd = input(*session, Fallback::kZero);
  for (const TimePoint end = MonotonicClock::now() + 3 * kTimeout; MonotonicClock::now() < end;) {
    ASSERT_FALSE(cmd.stale()) << "its node has not ticked";
  }
  EXPECT_FALSE(cmd.take());
  tick_until_stale(cmd);
  EXPECT_TRUE(cmd.take());
  EXPECT_EQ(record().newest_ns, 0) << "none came";
  EXPECT_GE(MonotonicClock::now() - from_ns(node.first_release_ns.value()), kTimeout);
}

TEST_F(StaleTest, a_node_that_first_looks_late_has_waited_since_its_first_tick) {
  const auto session = open();
  // No release was before the machine's start, which may have been a minute ago.
  auto cmd = patient_input(*session, MonotonicClock::now().time_since_epoch() / 4);
  node.ticks.add();
  node.first_release_ns.set(1);
  ASSERT_TRUE(test::eventually([&] { return cmd.stale(); }));
}

TEST_F(StaleTest, what_an_isolated_node_sends_into_a_ring_that_was_made_again_stays_stale) {
  const auto session = open();
  const auto other = open();
  NodeStats planner{{}, {}, NodeName::clipped("planner")};
  auto publisher =
      other->publisher<CmdVel>("cmd", test::with({}, {.counters = message_counters(planner)}))
          .value();
  auto cmd = patient_input(*session);
  tick();
  publisher.send({.linear = 1.0F});
  ASSERT_TRUE(cmd.take());
  while (!other->outputs().isolate(planner.name, true)) {
  }
  const std::string ring = test::files(topic_path("cmd"), ".ring").at(0);
  std::filesystem::remove(ring);
  ASSERT_TRUE(test::eventually([&] {
    const auto rings = test::files(topic_path("cmd"), ".ring");
    publisher.send({.linear = 2.0F});
    return rings.size() == 1 && rings[0] != ring && cmd.publishers() == 2;
  }));
  tick();
  const auto given = cmd.take();
  ASSERT_TRUE(given);
  EXPECT_EQ(given->linear, 0.0F);
  EXPECT_TRUE(cmd.gave_fallback());
}

TEST_F(StaleTest, what_an_isolated_node_sent_last_stays_stale_when_its_ring_goes) {
  const auto session = open();
  auto cmd = patient_input(*session);
  // Opened later: the helper thread tells it of a death after `cmd`.
  auto witness = session->subscriber<CmdVel>("cmd").value();
  {
    const auto other = open();
    NodeStats planner{{}, {}, NodeName::clipped("planner")};
    auto publisher =
        other->publisher<CmdVel>("cmd", test::with({}, {.counters = message_counters(planner)}))
            .value();
    tick();
    publisher.send({.linear = 1.0F});
    ASSERT_TRUE(test::eventually([&] { return cmd.take().has_value(); }));
    ASSERT_TRUE(test::eventually([&] { return witness.take().has_value(); }));
    while (!other->outputs().isolate(planner.name, true)) {
    }
  }
  ASSERT_TRUE(test::eventually([&] {
    witness.take();
    return witness.publishers() == 0;
  }));
  for (int i = 0; i < 2; ++i) {
    tick();
    const auto given = cmd.take();
    ASSERT_TRUE(given) << i;
    EXPECT_EQ(given->linear, 0.0F);
    EXPECT_TRUE(cmd.gave_fallback());
  }
  // Its ring may come to the address that the other had.
  auto publisher = session->publisher<CmdVel>("cmd").value();
  tick();
  EXPECT_TRUE(cmd.take());
  EXPECT_TRUE(cmd.gave_fallback()) << "it has sent nothing yet";
  publisher.send({.linear = 2.0F});
  tick();
  EXPECT_EQ(cmd.take()->linear, 2.0F) << "another node's";
  EXPECT_FALSE(cmd.gave_fallback());
}

TEST_F(StaleTest, hold_gives_the_newest_message_again) {
  const auto session = open();
  auto publisher = session->publisher<CmdVel>("cmd").value();
  auto cmd = input(*session, Fallback::kHold);
  tick_until_stale(cmd);
  EXPECT_FALSE(cmd.take()) << "there is nothing to hold";
  publisher.send({.linear = 1.0F});
  publisher.send({.linear = 2.0F});
  tick();
  EXPECT_EQ(cmd.take()->linear, 1.0F);
  EXPECT_EQ(cmd.take()->linear, 2.0F);
  tick_until_stale(cmd);
  EXPECT_EQ(cmd.take()->linear, 2.0F);
  EXPECT_FALSE(cmd.take());
}

TEST_F(StaleTest, what_waited_for_longer_than_the_time_out_is_passed_over) {
  const auto session = open();
  auto publisher = session->publisher<CmdVel>("cmd").value();
  auto cmd = input(*session, Fallback::kZero);
  auto hold = input(*session, Fallback::kHold);
  tick();
  for (int i = 1; i <= 5; ++i) publisher.send({.linear = static_cast<float>(i)});
  tick_until_stale(cmd);  // As after a pause of the whole machine.
  EXPECT_EQ(cmd.take()->linear, 0.0F);
  EXPECT_FALSE(cmd.take());
  EXPECT_EQ(cmd.counts().received, 0U);
  EXPECT_EQ(cmd.counts().passed_over, 5U);
  EXPECT_EQ(hold.take()->linear, 5.0F) << "of five the newest is held";
  EXPECT_TRUE(hold.gave_fallback());
  EXPECT_EQ(hold.counts().passed_over, 4U);
  publisher.send({.linear = 6.0F});
  tick();
  EXPECT_EQ(hold.take()->linear, 6.0F);
  EXPECT_FALSE(hold.gave_fallback());
}

TEST_F(StaleTest, a_value_of_ones_own_is_given) {
  const auto session = open();
  const CmdVel crawl{.linear = 0.1F};
  auto cmd = input(*session, Fallback::kValue, fallback_of(crawl));
  tick_until_stale(cmd);
  EXPECT_EQ(cmd.take()->linear, 0.1F);
}

TEST_F(StaleTest, stop_gives_nothing_and_asks_once_for_a_stop) {
  const auto session = open();
  auto publisher = session->publisher<CmdVel>("cmd").value();
  auto cmd = input(*session, Fallback::kStop);
  tick_until_stale(cmd);
  tick();
  EXPECT_FALSE(cmd.has_message());
  EXPECT_FALSE(cmd.take());
  EXPECT_EQ(node.stops_asked.value(), 1U);
  EXPECT_EQ(record().stops, 1U);
  publisher.send({.linear = 1.0F});
  EXPECT_TRUE(cmd.take());
  tick_until_stale(cmd);
  EXPECT_EQ(node.stops_asked.value(), 2U) << "once in each time that it is stale";
}

TEST_F(StaleTest, without_a_fallback_it_is_only_told) {
  const auto session = open();
  auto cmd = input(*session, Fallback::kNone);
  tick_until_stale(cmd);
  EXPECT_FALSE(cmd.has_message());
  EXPECT_FALSE(cmd.take());
  EXPECT_EQ(node.fallbacks.value(), 0U);
}

TEST_F(StaleTest, what_no_node_receives_is_given_once_in_a_time_out) {
  const auto session = open();
  auto cmd = session->subscriber<CmdVel>("cmd", {.timeout = kTimeout, .fallback = Fallback::kZero})
                 .value();
  for (int given = 0; given < 3; given += cmd.take() ? 1 : 0) {
  }
  EXPECT_FALSE(cmd.take());
  EXPECT_TRUE(cmd.stale());
}

TEST_F(StaleTest, an_event_node_is_woken_once_when_its_input_becomes_stale) {
  const auto session = open();
  auto publisher = session->publisher<CmdVel>("cmd").value();
  auto cmd = input(*session, Fallback::kZero);
  EXPECT_TRUE(cmd.wait_for_new(MonotonicClock::now() + 30s)) << "none ever came";
  tick();
  EXPECT_TRUE(cmd.take());
  EXPECT_FALSE(cmd.wait_for_new(MonotonicClock::now() + 2 * kTimeout));
  publisher.send({.linear = 3.0F});
  EXPECT_TRUE(cmd.wait_for_new(MonotonicClock::now() + 30s));
  tick();
  EXPECT_EQ(cmd.take()->linear, 3.0F);
  EXPECT_TRUE(cmd.wait_for_new(MonotonicClock::now() + 30s));
  tick();
  EXPECT_TRUE(cmd.take());
  EXPECT_TRUE(cmd.gave_fallback());
}

TEST_F(StaleTest, it_is_shown_with_its_topic) {
  const auto session = open();
  auto publisher =
      session->publisher<CmdVel>("cmd", test::with({}, {.counters = {.node = &node.name}})).value();
  auto cmd = input(*session, Fallback::kZero);
  tick();
  publisher.send({.linear = 1.0F});
  EXPECT_TRUE(cmd.take());
  tick_until_stale(cmd);
  EXPECT_TRUE(cmd.take());
  const auto topic = find_topic(session->base(), "cmd").value();
  ASSERT_EQ(topic.subscribers.size(), 1U);
  EXPECT_EQ(topic.subscribers[0].timeout_ns, kTimeout.count());
  EXPECT_GT(topic.subscribers[0].stale_since_ns, 0);
  EXPECT_EQ(topic.subscribers[0].stale, 1U);
  EXPECT_EQ(topic.subscribers[0].fallbacks, 1U);
  EXPECT_EQ(record().publisher, "motor");
  EXPECT_EQ(record().timeout_ns, kTimeout.count());
  EXPECT_LT(record().newest_ns, record().since_ns);
}

TEST_F(StaleTest, what_an_isolated_node_sent_is_stale_at_once) {
  const auto session = open();
  const auto other = open();
  NodeStats planner{{}, {}, NodeName::clipped("planner")};
  auto publisher =
      other->publisher<CmdVel>("cmd", test::with({}, {.counters = message_counters(planner)}))
          .value();
  auto cmd = patient_input(*session);
  tick();
  publisher.send({.linear = 1.0F});
  EXPECT_TRUE(cmd.take());
  EXPECT_FALSE(cmd.stale());
  publisher.send({.linear = 2.0F});
  while (!other->outputs().isolate(planner.name, true)) {
  }
  tick();
  EXPECT_TRUE(cmd.stale());
  EXPECT_EQ(cmd.take()->linear, 0.0F);
  publisher.send({.linear = 3.0F});
  tick();
  EXPECT_EQ(cmd.take()->linear, 0.0F) << "nor what it sends later";
  EXPECT_EQ(cmd.counts().received, 1U);
  EXPECT_EQ(cmd.counts().passed_over, 2U);
  while (!other->outputs().isolate(planner.name, false)) {
  }
  publisher.send({.linear = 4.0F});
  tick();
  EXPECT_EQ(cmd.take()->linear, 4.0F);
  EXPECT_FALSE(cmd.stale());
}

TEST_F(StaleTest, in_another_run_of_its_node_it_begins_anew) {
  const auto session = open();
  auto cmd = input(*session, Fallback::kZero);
  tick_until_stale(cmd);
  EXPECT_NE(record().since_ns, 0);
  cmd.belongs_to(nullptr);
  cmd.belongs_to(&node);
  EXPECT_EQ(record().since_ns, 0);
  tick();
  EXPECT_TRUE(cmd.stale());
  EXPECT_NE(record().since_ns, 0);
}

TEST_F(StaleTest, what_does_not_fit_is_refused) {
  const auto session = open();
  const auto refusal = [&](TopicOptions options) {
    const auto opened = session->subscriber<CmdVel>("cmd", options);
    return opened ? "" : std::string{opened.error().subject.view()};
  };
  EXPECT_THAT(refusal({.fallback = Fallback::kHold}), testing::HasSubstr("needs a timeout"));
  EXPECT_THAT(refusal({.timeout = -1ms}), testing::HasSubstr("above 0"));
  EXPECT_THAT(refusal({.timeout = 1ms, .fallback = Fallback::kValue}),
              testing::HasSubstr("no CmdVel"));
  const auto imu =
      session->subscriber<msg::Imu>("imu", {.timeout = 1ms, .fallback = Fallback::kZero});
  ASSERT_FALSE(imu);
  EXPECT_THAT(std::string{imu.error().subject.view()}, testing::HasSubstr("Imu has no message"));
  const std::array<std::byte, 100> long_value{};
  EXPECT_FALSE(session->subscribe(
      "v", generic_type(),
      {.max_size = 64, .timeout = 1ms, .fallback = Fallback::kValue, .value = long_value}))
      << "longer than a message";
  EXPECT_FALSE(session->subscriber<Image>("i", {.timeout = 1ms, .fallback = Fallback::kHold}));
  EXPECT_TRUE(session->subscriber<Image>("i", {.timeout = 1ms, .fallback = Fallback::kStop}));
}

TEST(Neutral, of_a_motor_is_not_its_initial_command) {
  const auto& type = type_info(Tag<msg::MotorCommand>{});
  ASSERT_EQ(type.neutral.size(), sizeof(msg::MotorCommand));
  msg::MotorCommand command;
  std::memcpy(&command, type.neutral.data(), sizeof command);
  EXPECT_FALSE(command.enable);
  EXPECT_TRUE(type_info(Tag<msg::ServoCommand>{}).neutral.empty()) << "an arm would fall";
}

TEST(Freshness, is_told_by_send_stamps_alone) {
  Freshness input{10ns};
  input.scale(1.0);
  EXPECT_FALSE(input.is_stale(1000)) << "its silence does not count yet";
  input.begin(100);
  EXPECT_FALSE(input.is_stale(110));
  EXPECT_TRUE(input.is_stale(111));
  input.hear(105, 111);
  EXPECT_FALSE(input.is_stale(115));
  input.hear(102, 112);
  EXPECT_FALSE(input.is_stale(115)) << "an older one of another publisher";
  EXPECT_TRUE(input.is_stale(116));
  input.hear(~0ULL, 120);
  EXPECT_FALSE(input.is_stale(130)) << "a stamp of the future is one of now";
  EXPECT_TRUE(input.is_stale(131));
  input.scale(0.0);
  EXPECT_FALSE(input.is_stale(1000)) << "how long a cycle is nobody knows yet";
  EXPECT_FALSE(input.is_old(200, 100));
}

}  // namespace
}  // namespace horus::shm

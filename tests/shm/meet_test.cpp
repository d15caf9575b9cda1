// SPDX-License-Identifier: Apache-2.0
// Where a subscription begins, where a publisher ends, and who has nobody at the other end.
#include <signal.h>

#include <string>
#include <thread>
#include <vector>

#include "shm/near.hpp"
#include "shm/registry.hpp"
#include "tests/support/shm_fixture.hpp"
#include "tests/support/told.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::ChildProcess;

bool was_told(const std::string& part) {
  return test::told_text().find(part) != std::string::npos;
}

class MeetTest : public test::ShmTest {
 protected:
  void SetUp() override { test::forget_told(); }
  std::unique_ptr<Session> open_telling() const {
    return Session::open(base.path(), false, test::tell).value();
  }
};

TEST_F(MeetTest, from_its_opening_on_a_subscriber_counts_where_the_topic_refuses) {
  const auto session = open_telling();
  const auto other = open();
  const TopicOptions refuses{.capacity = 4, .policy = Policy::kRefuse};
  for (int i = 0; i < 10; ++i) {
    const std::string name = "t" + std::to_string(i);
    test::forget_told();
    auto publisher = other->publisher<Checked>(name, refuses).value();
    auto subscriber = session->subscriber<Checked>(name, refuses).value();
    for (std::uint64_t n = 0; n < 8; ++n) publisher.send(Checked::of(n));
    // Who does not answer in time is named.
    const bool in_time = publisher.sent() == 4;
    EXPECT_TRUE(in_time || test::eventually([] { return was_told("has not taken note"); }));
    while (subscriber.take()) {
    }
    EXPECT_EQ(subscriber.counts().received, 4U);
    EXPECT_EQ(subscriber.counts().received + subscriber.counts().missed, publisher.sent());
  }
}

TEST_F(MeetTest, what_is_sent_before_a_publisher_closes_is_received_by_who_was_there) {
  const auto session = open();
  const auto other = open();
  std::uint64_t sent = 0;
  auto subscriber = session->subscriber<Checked>("t").value();
  for (int i = 0; i < 10; ++i) {
    auto publisher = other->publisher<Checked>("t", {.capacity = 4}).value();
    for (int n = 0; n < 3 + i; ++n, ++sent) publisher.send(Checked::of(sent));
  }
  EXPECT_TRUE(test::eventually([&] {
    subscriber.take();
    return subscriber.counts().received + subscriber.counts().missed == sent;
  }));
  EXPECT_EQ(subscriber.counts().received, 3U + 9 * 4U);
}

TEST_F(MeetTest, a_stopped_publisher_is_named_and_what_it_loses_is_counted) {
  const auto session = open_telling();
  ChildProcess child{{"publish", base.path(), "t"}};
  ASSERT_EQ(child.line(), "ready");
  child.stop();
  auto subscriber = session->subscriber<Checked>("t").value();
  EXPECT_TRUE(test::eventually(
      [&] { return was_told("process " + std::to_string(child.pid()) + ") has not taken note"); }));
  ASSERT_EQ(::kill(child.pid(), SIGCONT), 0);
  child.tell("another");
  ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
  EXPECT_EQ(subscriber.take()->number, 0U);
}

TEST_F(MeetTest, each_thread_has_a_patience_of_its_own) {
  const auto session = open_telling();
  ChildProcess one{{"publish", base.path(), "one"}};
  ChildProcess other{{"publish", base.path(), "other"}};
  ASSERT_EQ(one.line() + other.line(), "readyready");
  one.stop();
  other.stop();
  std::thread first{[&] { static_cast<void>(session->subscriber<Checked>("one")); }};
  ASSERT_TRUE(test::eventually([&] { return !test::files(topic_path("one"), ".sub").empty(); }));
  const TimePoint begun = MonotonicClock::now();
  static_cast<void>(session->subscriber<Checked>("other"));
  EXPECT_GE(MonotonicClock::now() - begun, Session::kPatience);
  first.join();
  ASSERT_EQ(::kill(one.pid(), SIGCONT) + ::kill(other.pid(), SIGCONT), 0);
}

TEST_F(MeetTest, a_name_that_was_likely_meant_is_told_once) {
  const auto session = open_telling();
  const auto other = open();
  auto publisher = session->publisher<Checked>("wheel_speed").value();
  auto subscriber = other->subscriber<Checked>("wheelspeed").value();
  auto slash = session->subscriber<Checked>("/arm").value();
  auto arm = other->publisher<Checked>("arm").value();
  publisher.send(Checked::of(1));
  EXPECT_TRUE(test::eventually(
      [] { return was_told("'wheel_speed' is sent here, and there is a topic 'wheelspeed'"); }));
  EXPECT_TRUE(test::eventually(
      [] { return was_told("'/arm' is received here, and there is a topic 'arm'"); }));
  // Another of the name is not told again.
  auto again = session->publisher<Checked>("wheel_speed").value();
  again.send(Checked::of(1));
  auto last = session->publisher<Checked>("unheard").value();
  last.send(Checked::of(1));
  EXPECT_TRUE(test::eventually([] { return was_told("'unheard'"); }));
  const std::string told = test::told_text();
  const auto first = told.find("'wheel_speed' is sent here");
  EXPECT_EQ(told.find("'wheel_speed' is sent here", first + 1), std::string::npos);
}

TEST_F(MeetTest, another_name_by_a_slash_is_told_as_soon_as_either_is_opened) {
  const auto other = open();
  auto arm = other->subscriber<Checked>("/arm").value();
  {
    const auto session = open_telling();
    auto publisher = session->publisher<Checked>("arm").value();
    auto again = session->publisher<Checked>("arm").value();
  }
  EXPECT_EQ(test::told_text(),
            "topic 'arm' is sent here, and there is a topic '/arm': they are two topics; is one "
            "name meant?\n");
}

TEST_F(MeetTest, a_program_that_does_not_say_who_hears_it_is_told_on_standard_error) {
  const auto other = open();
  auto arm = other->subscriber<Checked>("/arm").value();
  testing::internal::CaptureStderr();
  {
    const auto session = open();
    auto publisher = session->publisher<Checked>("arm").value();
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("horus: warning: topic 'arm' is sent here, and there is a topic '/arm': they "
                      "are two topics; is one name meant?\n"),
            std::string::npos)
      << said;
}

TEST_F(MeetTest, who_wants_a_topic_that_has_no_type_gets_what_is_sent_there_meanwhile) {
  const auto session = open();
  const auto other = open();
  auto sought = session->seek("t");
  ASSERT_NE(sought, nullptr);
  ASSERT_EQ(test::files(topic_path("t"), ".want").size(), 1U);
  {
    auto publisher = other->publisher<Checked>("t", {.capacity = 4}).value();
    for (std::uint64_t n = 0; n < 10; ++n) publisher.send(Checked::of(n));
    ASSERT_TRUE(test::eventually([&] { return publisher.readers() == 1; }));
  }
  // Who wants it learns from it what it is to open.
  const auto left = find_topic(base.path(), "t");
  ASSERT_TRUE(left);
  EXPECT_EQ(left.value().type, "Checked");
  auto subscriber =
      session->subscriber<Checked>("t", test::with({}, {.sought = sought.get()})).value();
  sought.reset();
  EXPECT_TRUE(test::files(topic_path("t"), ".want").empty());
  for (std::uint64_t n = 6; n < 10; ++n) EXPECT_EQ(subscriber.take()->number, n);
  EXPECT_FALSE(subscriber.take());
  EXPECT_EQ(subscriber.counts().missed, 6U);
  subscriber = {};
  EXPECT_FALSE(find_topic(base.path(), "t"));
}

TEST_F(MeetTest, a_type_goes_with_the_last_who_wants_its_topic) {
  const auto session = open();
  auto sought = session->seek("t");
  { auto publisher = session->publisher<Checked>("t").value(); }
  EXPECT_TRUE(find_topic(base.path(), "t"));
  sought.reset();
  EXPECT_FALSE(find_topic(base.path(), "t"));
}

TEST_F(MeetTest, a_topic_that_refuses_waits_for_who_wants_it_until_he_ceases) {
  const auto session = open();
  const auto other = open();
  auto sought = session->seek("t");
  auto publisher =
      other->publisher<Checked>("t", {.capacity = 4, .policy = Policy::kRefuse}).value();
  for (std::uint64_t n = 0; n < 8; ++n) EXPECT_EQ(publisher.send(Checked::of(n)), n < 4);
  sought.reset();
  EXPECT_TRUE(test::eventually([&] { return publisher.send(Checked::of(4)); }));
}

TEST_F(MeetTest, within_a_process_a_topic_that_refuses_knows_at_once_who_ceases_to_want_it) {
  const auto session = open();
  for (int i = 0; i < 20; ++i) {
    const std::string name = "t" + std::to_string(i);
    auto sought = session->seek(name);
    auto publisher =
        session->publisher<Checked>(name, {.capacity = 4, .policy = Policy::kRefuse}).value();
    for (std::uint64_t n = 0; n < 8; ++n) EXPECT_EQ(publisher.send(Checked::of(n)), n < 4);
    auto subscriber =
        session->subscriber<Checked>(name, test::with({}, {.sought = sought.get()})).value();
    sought.reset();
    while (subscriber.take()) {
    }
    EXPECT_TRUE(publisher.send(Checked::of(4))) << i;
  }
}

TEST_F(MeetTest, a_name_that_was_likely_meant_is_told_to_who_wants_it) {
  const auto session = open_telling();
  const auto other = open();
  auto publisher = other->publisher<Checked>("wheel_speed").value();
  const auto sought = session->seek("wheelspeed");
  EXPECT_TRUE(test::eventually([] {
    return was_told("'wheelspeed' is received here, and there is a topic 'wheel_speed'");
  }));
}

TEST_F(MeetTest, what_nobody_receives_is_told) {
  const auto session = open_telling();
  auto publisher = session->publisher<Checked>("unheard").value();
  auto silent = session->publisher<Checked>("silent").value();
  publisher.send(Checked::of(1));
  EXPECT_TRUE(test::eventually([] { return was_told("nobody has received for 5 s"); }));
  EXPECT_TRUE(was_told("'unheard'"));
  EXPECT_FALSE(was_told("'silent'"));
}

TEST(NearMiss, names_that_a_hand_may_have_mistaken) {
  EXPECT_TRUE(is_near_miss("/cmd_vel", "cmd_vel"));
  EXPECT_TRUE(is_near_miss("cmd-vel", "cmd_vel"));
  EXPECT_TRUE(is_near_miss("Scan", "scan"));
  EXPECT_TRUE(is_near_miss("scna", "scan"));
  EXPECT_TRUE(is_near_miss("lidar", "lider"));
  EXPECT_TRUE(is_near_miss("joint_states", "joint_stat"));
  EXPECT_FALSE(is_near_miss("scan", "scan"));
  EXPECT_FALSE(is_near_miss("motor1", "motor2"));
  EXPECT_FALSE(is_near_miss("imu", "emu"));
  EXPECT_FALSE(is_near_miss("left_arm", "right_arm"));
  EXPECT_FALSE(is_near_miss("odom", "map"));
}

}  // namespace
}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
// Topics that refuse a message rather than overwrite one that somebody waits for.
#include <string>
#include <vector>

#include "shm/region.hpp"
#include "shm/registry.hpp"
#include "shm/seeking.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::files;

constexpr TopicOptions kFour{.capacity = 4, .policy = Policy::kRefuse};

class PolicyTest : public test::ShmTest {
 protected:
  static std::uint64_t fill(Publisher<Checked>& publisher) {
    std::uint64_t sent = 0;
    while (sent < 100 && publisher.send(Checked::of(publisher.sent()))) ++sent;
    return sent;
  }
};

TEST_F(PolicyTest, a_full_ring_refuses_until_the_subscriber_has_taken) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t", kFour).value();
  auto publisher = session->publisher<Checked>("t", kFour).value();
  EXPECT_EQ(fill(publisher), 4U);
  EXPECT_EQ(publisher.refused(), 1U);
  EXPECT_EQ(publisher.sent(), 4U);
  ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
  EXPECT_EQ(subscriber.take()->number, 0U);
  EXPECT_TRUE(publisher.send(Checked::of(4)));
  EXPECT_FALSE(publisher.send(Checked::of(5)));
  for (std::uint64_t n = 1; n < 5; ++n) EXPECT_EQ(subscriber.take()->number, n);
  EXPECT_EQ(subscriber.counts().missed, 0U);
  const auto topic = find_topic(base.path(), "t").value();
  EXPECT_TRUE(topic.refuses);
  EXPECT_EQ(topic.publishers.at(0).refused, 2U);
}

TEST_F(PolicyTest, without_a_subscriber_nothing_is_refused) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", kFour).value();
  EXPECT_EQ(fill(publisher), 100U);
}

TEST_F(PolicyTest, the_slowest_subscriber_counts_whichever_came_first) {
  for (const bool slow_first : {true, false}) {
    const auto session = open();
    auto one = session->subscriber<Checked>("t", kFour).value();
    auto other = session->subscriber<Checked>("t", kFour).value();
    auto& slow = slow_first ? one : other;
    auto& fast = slow_first ? other : one;
    auto publisher = session->publisher<Checked>("t", kFour).value();
    EXPECT_EQ(fill(publisher), 4U);
    ASSERT_TRUE(test::eventually([&] { return slow.has_message() && fast.has_message(); }));
    while (fast.take()) {
    }
    EXPECT_FALSE(publisher.send(Checked::of(9)));
    EXPECT_EQ(slow.take_latest()->number, 3U);
    EXPECT_TRUE(publisher.send(Checked::of(4)));
  }
}

TEST_F(PolicyTest, what_varies_in_size_is_refused_when_its_area_is_full) {
  const auto session = open();
  const TopicOptions options{.max_size = 1000, .policy = Policy::kRefuse};
  auto subscriber = session->subscribe("t", generic_type(), options).value();
  auto publisher = session->publish("t", generic_type(), options).value();
  std::vector<std::byte> buffer(1000);
  ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 1; }));
  std::uint64_t taken = 0;
  for (std::size_t round = 0; round < 300; ++round) {
    // Fewer than the index holds.
    while (publisher.send(std::span{buffer}.first(900 + round % 100))) {
      ASSERT_LT(publisher.sent() - taken, 200U);
    }
    ASSERT_GE(publisher.sent() - taken, 100U);
    for (int n = 0; n < 20; ++n, ++taken) ASSERT_GE(subscriber.take(buffer), 900);
  }
  EXPECT_EQ(subscriber.counts().missed, 0U);
}

TEST_F(PolicyTest, a_subscriber_that_comes_late_begins_at_the_newest_and_counts_from_then) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t", kFour).value();
  for (std::uint64_t n = 0; n < 9; ++n) EXPECT_TRUE(publisher.send(Checked::of(n)));
  auto subscriber = other->subscriber<Checked>("t").value();
  EXPECT_FALSE(subscriber.has_message());
  // As soon as the publisher has seen it, it is refused for; until then it misses what is lost.
  ASSERT_TRUE(test::eventually([&] { return !publisher.send(Checked::of(publisher.sent())); }));
  std::uint64_t taken = 0;
  while (const auto message = subscriber.take()) {
    EXPECT_EQ(message->number, 9 + subscriber.counts().missed + taken++);
  }
  EXPECT_EQ(9 + subscriber.counts().received + subscriber.counts().missed, publisher.sent());
  EXPECT_EQ(fill(publisher), 4U);
}

TEST_F(PolicyTest, a_subscriber_that_ends_or_dies_is_waited_for_no_more) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", kFour).value();
  const auto send = [&publisher] { return publisher.send(Checked::of(publisher.sent())); };
  auto subscriber = session->subscriber<Checked>("t").value();
  ASSERT_TRUE(test::eventually([&] { return !send(); }));
  subscriber = {};
  EXPECT_TRUE(test::eventually(send));
  test::ChildProcess child{{"subscribe", base.path(), "t"}};
  ASSERT_EQ(child.line(), "ready");
  ASSERT_TRUE(test::eventually([&] { return !send(); }));
  child.kill();
  EXPECT_TRUE(test::eventually(send));
}

/// As many as it takes before it would cost a subscriber something, 100 at most.
std::uint64_t fill_gently(Publisher<Checked>& publisher) {
  std::uint64_t sent = 0;
  for (; sent < 100 && !publisher.refuses_now(sizeof(Checked)); ++sent) {
    publisher.send(Checked::of(publisher.sent()));
  }
  return sent;
}

TEST_F(PolicyTest, who_asks_first_costs_no_subscriber_a_message_on_a_topic_that_overwrites) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  EXPECT_EQ(fill_gently(publisher), 100U);
  auto subscriber = session->subscriber<Checked>("t").value();
  EXPECT_EQ(fill_gently(publisher), 4U);
  EXPECT_EQ(publisher.refused(), 1U);
  EXPECT_EQ(subscriber.take()->number, 100U);
  EXPECT_EQ(fill_gently(publisher), 1U);
  // send() asks nobody.
  EXPECT_TRUE(publisher.send(Checked::of(publisher.sent())));
  EXPECT_EQ(subscriber.take()->number, 102U);
  EXPECT_EQ(subscriber.counts().missed, 1U);
}

TEST_F(PolicyTest, what_a_subscriber_s_depth_passes_over_costs_it_nothing) {
  const auto session = open();
  auto newest = session->subscriber<Checked>("t", {.depth = 4}).value();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  EXPECT_EQ(fill_gently(publisher), 100U);
  EXPECT_EQ(newest.take()->number, 96U);
  auto deeper = session->subscriber<Checked>("t", {.depth = 5}).value();
  EXPECT_EQ(fill_gently(publisher), 4U);
}

TEST_F(PolicyTest, who_opened_it_ahead_counts_where_nobody_receives) {
  const auto session = open();
  auto ahead = session->subscriber<Checked>("t", test::with({}, {.ahead = true})).value();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  EXPECT_EQ(fill_gently(publisher), 4U);
  {
    auto subscriber = session->subscriber<Checked>("t", {.depth = 1}).value();
    EXPECT_EQ(fill_gently(publisher), 100U);
    ahead.begin();
    EXPECT_EQ(fill_gently(publisher), 0U);
  }
  while (ahead.take()) continue;
  EXPECT_EQ(fill_gently(publisher), 4U);
}

TEST_F(PolicyTest, who_says_that_it_refuses_is_waited_for_once_he_asks_and_counts_what_he_missed) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", kFour).value();
  auto ahead =
      session->subscriber<Checked>("t", test::with({.policy = Policy::kRefuse}, {.ahead = true}))
          .value();
  EXPECT_EQ(fill(publisher), 100U);
  ahead.begin();
  for (std::uint64_t n = 96; n < 100; ++n) EXPECT_EQ(ahead.take()->number, n);
  EXPECT_EQ(ahead.counts().missed, 96U);
  EXPECT_EQ(fill(publisher), 4U);
}

TEST_F(PolicyTest, who_opened_it_ahead_and_may_receive_is_waited_for_at_once) {
  const auto session = open();
  auto ahead = session->subscriber<Checked>("t", test::with({}, {.ahead = true})).value();
  auto publisher = session->publisher<Checked>("t", kFour).value();
  EXPECT_EQ(fill(publisher), 4U);
  const auto sought = session->seek("u", true);
  auto other = session->publisher<Checked>("u", kFour).value();
  EXPECT_EQ(fill(other), 4U);
}

TEST_F(PolicyTest, who_wants_a_topic_ahead_is_waited_for_once_he_asks) {
  const auto session = open();
  const auto sought = session->seek("t", true);
  may_only_send(*sought);
  auto publisher = session->publisher<Checked>("t", kFour).value();
  EXPECT_EQ(fill(publisher), 100U);
  Session::begin(*sought);
  EXPECT_EQ(fill(publisher), 0U);
  auto subscriber =
      session->subscriber<Checked>("t", test::with({}, {.sought = sought.get()})).value();
  while (subscriber.take()) continue;
  EXPECT_EQ(subscriber.counts().received + subscriber.counts().missed, 100U);
}

TEST_F(PolicyTest, another_policy_is_an_error_that_names_both_and_none_takes_what_is_there) {
  const auto session = open();
  auto refusing = session->publisher<Checked>("refuses", kFour).value();
  auto overwriting = session->publisher<Checked>("overwrites").value();
  const auto one = session->subscriber<Checked>("refuses", {.policy = Policy::kOverwrite});
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().code, Errc::kTypeMismatch);
  EXPECT_EQ(one.error().subject.view(), "topic 'refuses' refuses, asked for one that overwrites");
  const auto other = session->publisher<Checked>("overwrites", {.policy = Policy::kRefuse});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().subject.view(),
            "topic 'overwrites' overwrites, asked for one that refuses");
  EXPECT_TRUE(session->subscriber<Checked>("refuses"));
  EXPECT_TRUE(session->publisher<Checked>("overwrites", {.policy = Policy::kOverwrite}));
}

TEST_F(PolicyTest, the_first_publisher_says_it_whoever_subscribed_before) {
  for (const bool declares : {false, true}) {
    const std::string name = declares ? "declared" : "t";
    const auto session = Session::open(base.path(), declares).value();
    const auto other = open();
    auto near = session->subscriber<Checked>(name, {.depth = 2}).value();
    auto far = other->subscriber<Checked>(name, {.depth = 2, .policy = Policy::kOverwrite}).value();
    auto publisher = session->publisher<Checked>(name, kFour).value();
    ASSERT_TRUE(publisher.refuses());
    EXPECT_EQ(fill(publisher), 4U);
    ASSERT_TRUE(test::eventually([&] { return far.has_message(); }));
    for (auto* const one : {&near, &far}) {
      for (std::uint64_t n = 0; n < 4; ++n) EXPECT_EQ(one->take()->number, n);
      EXPECT_EQ(one->counts().passed_over + one->counts().missed, 0U);
    }
    EXPECT_TRUE(find_topic(base.path(), name).value().refuses);
    EXPECT_FALSE(session->publisher<Checked>(name, {.policy = Policy::kOverwrite}));
    publisher = {};
    near = {};
    far = {};
  }
}

// Somebody else's file may say anything: it costs refusals while it lives, and nothing more.
TEST_F(PolicyTest, numbers_that_nobody_honest_would_tell_have_the_topic_refuse_at_most) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", kFour).value();
  const std::uint64_t inode =
      test::open_region(files(topic_path("t"), ".ring").at(0), 0).value().inode();
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  for (const std::uint64_t taken : {kMost, kMost - 3, std::uint64_t{1} << 63, std::uint64_t{0}}) {
    const std::string path = topic_path("t") + "/t.1-1-" + std::to_string(taken) + ".0.sub";
    auto region = Region::create(test::folder_of(path), sizeof(CursorFile), kFileMode).value();
    auto& cursor = *region.as<CursorFile>();
    cursor.file = {.magic = Magic::kCursor, .size = sizeof(CursorFile)};
    ASSERT_TRUE(region.publish(test::name_of(path)));
    // It has not found the ring, and may never.
    ASSERT_TRUE(test::eventually([&] { return !publisher.send(Checked::of(publisher.sent())); }));
    cursor.rows[63].taken = taken;
    cursor.rows[63].ring = inode;
    EXPECT_EQ(publisher.send(Checked::of(publisher.sent())), taken != 0) << taken;
    region.unlink();
    region = {};
    EXPECT_TRUE(test::eventually([&] { return publisher.send(Checked::of(publisher.sent())); }));
  }
}

}  // namespace
}  // namespace horus::shm

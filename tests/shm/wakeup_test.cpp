// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <string>
#include <thread>

#include "shm/deferred_bells.hpp"
#include "shm/region.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;

TimePoint in(Nanos wait) {
  return MonotonicClock::now() + wait;
}

class WakeupTest : public test::ShmTest {
 protected:
  /// What the one subscriber of a topic says of itself.
  Region cursor(const std::string& topic) const {
    return test::open_region(test::files(topic_path(topic), ".sub").at(0), sizeof(CursorFile))
        .value();
  }
  static bool sleeps(const Region& cursor) {
    return cursor.as<const CursorFile>()->sleeping.load() != 0;
  }
  /// How often this process has a file mapped.
  static int mapped(const std::string& path) {
    std::ifstream maps{"/proc/self/maps"};
    int count = 0;
    for (std::string line; std::getline(maps, line);) count += line.ends_with(path) ? 1 : 0;
    return count;
  }
  /// How often its bell was rung, once publishers have told it that they know it.
  std::uint32_t rings_of_met(const Region& cursor, std::uint32_t publishers) const {
    EXPECT_TRUE(test::eventually([&] { return rings(cursor) >= publishers; }));
    return rings(cursor);
  }
  /// How often the bell of a subscriber was rung.
  std::uint32_t rings(const Region& cursor) const {
    const std::string name{cursor.as<const CursorFile>()->bell.view()};
    const auto bell = test::open_region(base.path() + "/bells/" + name, sizeof(BellFile)).value();
    return bell.as<const BellFile>()->word.load();
  }
};

TEST_F(WakeupTest, a_wait_ends_at_its_deadline_and_not_before) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  const TimePoint deadline = in(25ms);
  EXPECT_FALSE(subscriber.wait_until(deadline));
  EXPECT_GE(MonotonicClock::now(), deadline);
}

TEST_F(WakeupTest, a_sleeper_that_never_wakes_is_rung_once_a_millisecond) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = other->subscriber<Checked>("t").value();
  ASSERT_TRUE(test::eventually([&] { return publisher.subscribers() == 1; }));
  const auto false_sleeper =
      test::open_region(test::files(topic_path("t"), ".sub").at(0), sizeof(CursorFile), true)
          .value();
  const std::uint32_t met = rings_of_met(false_sleeper, 1);
  false_sleeper.as<CursorFile>()->sleeping = 1;
  constexpr std::uint64_t kSends = 20'000;
  const TimePoint start = MonotonicClock::now();
  for (std::uint64_t n = 0; n < kSends; ++n) publisher.send(Checked::of(n));
  const auto ms = static_cast<std::uint64_t>((MonotonicClock::now() - start) / 1ms);
  const std::uint64_t rung = rings(false_sleeper) - met;
  EXPECT_GE(rung, 1U);
  EXPECT_LE(rung, ms + 2);
  EXPECT_EQ(publisher.unrung(), kSends - rung);
}

TEST_F(WakeupTest, a_sleeper_that_says_each_time_that_it_fell_asleep_has_50_rings_a_millisecond) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = other->subscriber<Checked>("t").value();
  ASSERT_TRUE(test::eventually([&] { return publisher.subscribers() == 1; }));
  const auto liar =
      test::open_region(test::files(topic_path("t"), ".sub").at(0), sizeof(CursorFile), true)
          .value();
  const std::uint32_t met = rings_of_met(liar, 1);
  const TimePoint start = MonotonicClock::now();
  for (std::uint32_t n = 0; n < 20'000; ++n) {
    liar.as<CursorFile>()->sleeping = 2 * n + 1;
    publisher.send(Checked::of(n));
    // In a new sleep it is rung at once.
    if (n == 40) {
      EXPECT_GE(rings(liar), met + 41U);
    }
  }
  const auto ms = static_cast<std::uint64_t>((MonotonicClock::now() - start) / 1ms);
  EXPECT_LE(rings(liar) - met, 50 * (ms + 2));
}

TEST_F(WakeupTest, a_bell_that_rings_after_the_tick_uses_one_ring_of_its_budget_in_it) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = other->subscriber<Checked>("t").value();
  ASSERT_TRUE(test::eventually([&] { return publisher.subscribers() == 1; }));
  const auto sleeper =
      test::open_region(test::files(topic_path("t"), ".sub").at(0), sizeof(CursorFile), true)
          .value();
  const std::uint32_t before = rings(sleeper);
  {
    const DeferredBells in_a_tick;
    for (std::uint32_t n = 0; n < 1000; ++n) {
      sleeper.as<CursorFile>()->sleeping = 2 * n + 1;
      publisher.send(Checked::of(n));
    }
    EXPECT_EQ(publisher.unrung(), 0U);
    EXPECT_EQ(rings(sleeper), before);
  }
  EXPECT_EQ(rings(sleeper), before + 1);
}

TEST_F(WakeupTest, sleepers_of_one_process_are_woken_by_one_ring) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto first = other->subscriber<Checked>("t").value();
  auto second = other->subscriber<Checked>("t").value();
  ASSERT_TRUE(test::eventually([&] { return publisher.subscribers() == 2; }));
  std::vector<Region> cursors;
  for (const std::string& path : test::files(topic_path("t"), ".sub")) {
    cursors.push_back(test::open_region(path, sizeof(CursorFile), true).value());
  }
  ASSERT_EQ(cursors.size(), 2U);
  const std::uint32_t met = rings_of_met(cursors.front(), 2);
  for (std::uint32_t sleep = 1; sleep <= 3; ++sleep) {
    for (const Region& cursor : cursors) cursor.as<CursorFile>()->sleeping = sleep;
    publisher.send(Checked::of(sleep));
    EXPECT_EQ(rings(cursors.front()), met + sleep);
  }
  EXPECT_EQ(publisher.unrung(), 0U);
}

TEST_F(WakeupTest, a_wait_for_what_is_there_already_does_not_wait) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  publisher.send(Checked::of(1));
  EXPECT_TRUE(subscriber.wait_until(TimePoint{}));
}

TEST_F(WakeupTest, a_message_of_another_thread_ends_a_wait) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  std::thread sender{[&, file = cursor("t")] {
    ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
    publisher.send(Checked::of(7));
  }};
  EXPECT_TRUE(subscriber.wait_until(in(1min)));
  EXPECT_EQ(subscriber.take()->number, 7U);
  sender.join();
}

TEST_F(WakeupTest, a_message_of_another_process_ends_a_wait) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  test::ChildProcess child{{"publish", base.path(), "t"}};
  ASSERT_EQ(child.line(), "ready");
  child.tell("send");
  EXPECT_TRUE(subscriber.wait_until(in(1min)));
  EXPECT_EQ(subscriber.take()->number, 0U);
  EXPECT_EQ(child.end(), 0);
}

TEST_F(WakeupTest, a_sleeper_in_another_process_is_rung) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  test::ChildProcess child{{"subscribe", base.path(), "t"}};
  ASSERT_EQ(child.line(), "ready");
  const Region file = cursor("t");
  child.tell("wait");
  ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
  std::uint64_t sent = 0;
  // Until this process has noticed the subscriber, it rings nothing and the bound wakes.
  ASSERT_TRUE(test::eventually([&] {
    if (!sleeps(file)) child.tell("wait");
    publisher.send(Checked::of(++sent));
    return rings(file) > 0;
  }));
  EXPECT_EQ(child.line(), "1");
}

TEST_F(WakeupTest, nobody_is_rung_when_nobody_sleeps) {
  const auto session = open();
  const auto other = open();
  auto subscriber = other->subscriber<Checked>("t").value();
  auto publisher = session->publisher<Checked>("t").value();
  const std::uint32_t met = rings_of_met(cursor("t"), 1);
  for (std::uint64_t n = 0; n < 10; ++n) publisher.send(Checked::of(n));
  EXPECT_EQ(rings(cursor("t")), met);
}

TEST_F(WakeupTest, deferred_bells_ring_when_they_are_told_to) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto publisher = session->publisher<Checked>("t").value();
  const Region file = cursor("t");
  std::thread sleeper{[&] {
    while (!subscriber.wait_until(in(1min))) {
    }
  }};
  ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
  {
    DeferredBells bells;
    publisher.send(Checked::of(1));
    publisher.send(Checked::of(2));
    EXPECT_EQ(rings(file), 0U);
    bells.ring();
    EXPECT_LE(rings(file), 1U) << "one ring a process, however many messages";
    bells.ring();
    EXPECT_LE(rings(file), 1U);
  }
  sleeper.join();
}

TEST_F(WakeupTest, the_sleeper_of_a_deferred_bell_may_die_first) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto child =
      std::make_unique<test::ChildProcess>(std::vector<std::string>{"subscribe", base.path(), "t"});
  ASSERT_EQ(child->line(), "ready");
  child->tell("wait");
  const Region file = cursor("t");
  ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
  DeferredBells bells;
  publisher.send(Checked::of(1));
  child->kill();
  // The next send lets the dead subscriber go, and the helper thread unmaps it.
  ASSERT_TRUE(test::eventually([&] {
    publisher.send(Checked::of(2));
    return mapped(file.path()) == 1;
  }));
  bells.ring();
}

TEST_F(WakeupTest, an_interrupt_ends_a_wait_without_a_message) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  std::thread other{[&, file = cursor("t")] {
    ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
    subscriber.interrupt();
  }};
  EXPECT_FALSE(subscriber.wait_until(in(1h)));
  other.join();
}

TEST_F(WakeupTest, one_thread_waits_for_many_topics_and_is_told_which) {
  const auto session = open();
  const auto other = open();
  std::vector<Subscriber<Checked>> subscribers;
  std::vector<Publisher<Checked>> publishers;
  std::vector<RawSubscriber*> all;
  for (const char* topic : {"a", "b", "c"}) {
    subscribers.push_back(session->subscriber<Checked>(topic).value());
    publishers.push_back(other->publisher<Checked>(topic).value());
  }
  for (auto& subscriber : subscribers) all.push_back(&subscriber);
  for (std::size_t n = 0; n < all.size(); ++n) {
    const Region file = cursor(std::string(1, "abc"[n]));
    std::thread sender{[&] {
      ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
      publishers[n].send(Checked::of(n));
    }};
    EXPECT_EQ(RawSubscriber::wait_any(all, in(1min)), all[n]);
    EXPECT_EQ(subscribers[n].take()->number, n);
    EXPECT_FALSE(sleeps(file));
    sender.join();
  }
  const TimePoint deadline = in(25ms);
  EXPECT_EQ(RawSubscriber::wait_any(all, deadline), nullptr);
  EXPECT_GE(MonotonicClock::now(), deadline);
  EXPECT_EQ(RawSubscriber::wait_any({}, in(1h)), nullptr);
}

TEST_F(WakeupTest, an_interrupt_of_one_topic_ends_the_wait_for_all) {
  const auto session = open();
  auto first = session->subscriber<Checked>("t").value();
  auto second = session->subscriber<Checked>("u").value();
  const std::array<RawSubscriber*, 2> both{&first, &second};
  std::thread other{[&, file = cursor("u")] {
    ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
    second.interrupt();
  }};
  EXPECT_EQ(RawSubscriber::wait_any(both, in(1h)), nullptr);
  other.join();
}

TEST_F(WakeupTest, a_take_with_a_deadline_takes_what_comes_before_it) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  const TimePoint deadline = in(25ms);
  EXPECT_FALSE(subscriber.take_until(deadline));
  EXPECT_GE(MonotonicClock::now(), deadline);
  std::thread sender{[&, file = cursor("t")] {
    ASSERT_TRUE(test::eventually([&] { return sleeps(file); }));
    publisher.send(Checked::of(7));
  }};
  EXPECT_EQ(subscriber.take_until(in(1min))->number, 7U);
  sender.join();
}

}  // namespace
}  // namespace horus::shm

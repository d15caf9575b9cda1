// SPDX-License-Identifier: Apache-2.0
// What happens between processes, most of all when one of them dies.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <random>
#include <string>
#include <vector>

#include "shm/region.hpp"
#include "shm/registry.hpp"
#include "shm/ring.hpp"
#include "shm/sweep.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::ChildProcess;
using test::files;

class ProcessTest : public test::ShmTest {
 protected:
  /// A process that publishes one message, which is there for `subscriber`, and is killed.
  void send_one_and_die(const Subscriber<Checked>& subscriber) {
    ChildProcess child{{"publish", base.path(), "t"}};
    ASSERT_EQ(child.line(), "ready");
    child.tell("send");
    ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
    child.kill();
  }
};

std::uint64_t sent_on(const std::string& ring) {
  const auto region = test::open_region(ring, sizeof(RingHeader)).value();
  return complete(view_of(region, type_info(Tag<Checked>{}).hash, false).value());
}

TEST_F(ProcessTest, a_publisher_that_dies_anywhere_tears_no_message_and_stops_nobody) {
  const auto session = open();
  const auto steady_session = open();
  auto steady = steady_session->publisher<Checked>("steady").value();
  auto beside = session->subscriber<Checked>("steady").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  std::mt19937 random{20240607};
  std::uniform_int_distribution<int> looks{0, 400};
  const auto look = [&subscriber] {
    const auto message = subscriber.take();
    EXPECT_TRUE(!message || message->whole());
    return message.has_value();
  };
  std::uint64_t sent = 0;
  ChildProcess flood{{"flood", base.path(), "t"}};
  for (std::uint64_t kills = 0; kills < 100; ++kills) {
    flood.tell("another");
    const pid_t child = std::stoi(flood.line());
    // Its ring is known here as soon as the table, which has room for 64, has a place again.
    ASSERT_TRUE(test::eventually([&] {
      look();
      return subscriber.counts().received + subscriber.counts().missed > sent;
    }));
    for (int left = looks(random); left > 0; --left) look();
    ::kill(child, SIGKILL);
    ASSERT_EQ(flood.line(), "dead");
    // The next child sweeps the ring away, but for those who have it.
    sent += sent_on(files(topic_path("t"), ".ring").at(0));
    EXPECT_TRUE(test::eventually([&] {
      return !look() && subscriber.counts().received + subscriber.counts().missed >= sent;
    }));
    // What the dead had completed was received or is counted as missed, once.
    ASSERT_EQ(subscriber.counts().received + subscriber.counts().missed, sent);
    steady.send(Checked::of(kills));
    EXPECT_EQ(beside.take()->number, kills);
  }
  EXPECT_TRUE(test::eventually([&] { return !look() && subscriber.publishers() == 0; }));
}

TEST_F(ProcessTest, what_a_dead_publisher_left_is_delivered_once) {
  const auto session = open();
  const auto other = open();  // Now: a new session would sweep the dead publisher's ring.
  auto subscriber = session->subscriber<Checked>("t").value();
  ASSERT_NO_FATAL_FAILURE(send_one_and_die(subscriber));
  EXPECT_EQ(subscriber.take()->number, 0U);
  ASSERT_TRUE(test::eventually([&] { return !subscriber.take() && subscriber.publishers() == 0; }));
  // The file is still there. The helper thread has looked at it again when it has seen what was
  // put beside it later.
  ASSERT_EQ(files(topic_path("t"), ".ring").size(), 1U);
  for (int round = 0; round < 3; ++round) {
    auto publisher = other->publisher<Checked>("t").value();
    publisher.send(Checked::of(100));
    ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
    EXPECT_EQ(subscriber.take()->number, 100U);
    EXPECT_FALSE(subscriber.take());
  }
}

void write_at(const std::string& path, std::size_t at, std::uint64_t number) {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  ASSERT_EQ(::pwrite(file.get(), &number, sizeof number, static_cast<off_t>(at)),
            static_cast<ssize_t>(sizeof number));
}

/// Leaves a dead publisher's next slot as it is in the middle of a send.
void tear_next(const std::string& path) {
  const std::uint64_t n = sent_on(path);
  const auto region = test::open_region(path, sizeof(RingHeader)).value();
  const auto& ring = *region.as<const RingHeader>();
  write_at(path, sizeof(RingHeader) + n % ring.capacity * ring.slot_size, 2 * n + 1);
}

TEST_F(ProcessTest, what_a_publisher_died_in_counts_once_as_torn) {
  const auto session = open();
  const auto other = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  for (std::uint64_t death = 1; death <= 2; ++death) {
    ASSERT_NO_FATAL_FAILURE(send_one_and_die(subscriber));
    tear_next(files(topic_path("t"), ".ring").at(0));
    EXPECT_EQ(subscriber.take()->number, 0U) << "what was complete is delivered";
    ASSERT_TRUE(
        test::eventually([&] { return !subscriber.take() && subscriber.publishers() == 0; }));
    EXPECT_EQ(subscriber.counts().torn, death);
    EXPECT_EQ(find_topic(base.path(), "t").value().subscribers.at(0).torn, death);
    // One that comes later has nothing to do with it, and nobody counts it again.
    auto late = other->subscriber<Checked>("t").value();
    auto publisher = other->publisher<Checked>("t").value();
    publisher.send(Checked::of(100));
    ASSERT_TRUE(test::eventually([&] { return subscriber.take().has_value(); }));
    ASSERT_TRUE(test::eventually([&] { return late.take().has_value(); }));
    EXPECT_EQ(late.counts().torn, 0U);
    EXPECT_EQ(subscriber.counts().torn, death);
    publisher = {};
    ASSERT_TRUE(
        test::eventually([&] { return !subscriber.take() && subscriber.publishers() == 0; }));
    EXPECT_EQ(subscriber.counts().torn, death) << "who ends well tears nothing";
    late = {};
    sweep(base.path());
  }
  EXPECT_EQ(subscriber.counts().received, 4U);
  EXPECT_EQ(subscriber.counts().missed, 0U);
}

TEST_F(ProcessTest, what_a_publisher_died_in_after_its_last_word_is_delivered_and_counted) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  ASSERT_NO_FATAL_FAILURE(send_one_and_die(subscriber));
  const std::string ring = files(topic_path("t"), ".ring").at(0);
  ASSERT_EQ(sent_on(ring), 1U);
  write_at(ring, offsetof(RingHeader, committed), 0);
  EXPECT_EQ(find_topic(base.path(), "t").value().publishers.at(0).sent, 1U);
  EXPECT_EQ(subscriber.take()->number, 0U);
  ASSERT_TRUE(test::eventually([&] { return !subscriber.take() && subscriber.publishers() == 0; }));
  EXPECT_EQ(subscriber.counts().received, 1U);
  EXPECT_EQ(subscriber.counts().missed + subscriber.counts().torn, 0U);
}

TEST_F(ProcessTest, a_dead_subscriber_is_let_go) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  ChildProcess child{{"subscribe", base.path(), "t"}};
  ASSERT_EQ(child.line(), "ready");
  const auto listed = find_topic(base.path(), "t").value();
  ASSERT_EQ(listed.subscribers.size(), 1U);
  EXPECT_EQ(listed.subscribers[0].pid, child.pid());
  child.kill();
  EXPECT_FALSE(find_topic(base.path(), "t").value().subscribers[0].alive);
  EXPECT_TRUE(publisher.send(Checked::of(1)));
  // Its cursor, its bell.
  EXPECT_EQ(sweep(base.path()), 2U);
}

TEST_F(ProcessTest, the_topics_of_the_dead_are_swept_by_the_next_session) {
  ChildProcess dead{{"publish", base.path(), "gone"}};
  ChildProcess living{{"publish", base.path(), "here"}};
  ASSERT_EQ(dead.line(), "ready");
  ASSERT_EQ(living.line(), "ready");
  dead.kill();
  ASSERT_EQ(list_topics(base.path()).size(), 2U);
  const auto session = open();
  const auto topics = list_topics(base.path());
  ASSERT_EQ(topics.size(), 1U);
  EXPECT_EQ(topics[0].name, "here");
  EXPECT_TRUE(topics[0].publishers.at(0).alive);
  EXPECT_FALSE(std::filesystem::exists(type_path("gone")));
}

TEST_F(ProcessTest, a_process_that_ends_well_leaves_nothing_but_the_topics_type) {
  ChildProcess child{{"publish", base.path(), "t"}};
  ASSERT_EQ(child.line(), "ready");
  EXPECT_EQ(child.end(), 0);
  EXPECT_TRUE(files(topic_path("t"), ".ring").empty());
  EXPECT_TRUE(files(base.path() + "/bells", "").empty());
}

TEST_F(ProcessTest, the_fork_of_a_dead_process_does_not_keep_it_alive) {
  ChildProcess parent{{"fork", base.path(), "t"}};
  const pid_t fork = std::stoi(parent.line());
  ASSERT_TRUE(find_topic(base.path(), "t").value().publishers.at(0).alive);
  parent.kill();
  const auto left = [&] { return find_topic(base.path(), "t").value().publishers.at(0); };
  // The fork gives its copies up as the first thing that it does, which may be after the death.
  EXPECT_TRUE(test::eventually([&] { return !left().alive; }));
  EXPECT_EQ(::kill(fork, 0), 0) << "the fork lives";
  EXPECT_EQ(left().sent, 1U) << "what the fork sent went nowhere";
  EXPECT_GE(sweep(base.path()), 2U);
  ::kill(fork, SIGKILL);
}

TEST_F(ProcessTest, a_fork_that_destroys_its_copies_leaves_its_parents_alone) {
  ChildProcess parent{{"fork-destroy", base.path(), "t"}};
  EXPECT_EQ(parent.line(), "intact");
}

TEST_F(ProcessTest, a_full_file_system_is_an_error_at_creation_and_others_go_on) {
  ChildProcess child{{"full", base.path()}};
  const std::string big = child.line();
  if (big == "no rights") GTEST_SKIP() << "mounting a file system needs root";
  EXPECT_EQ(big, "reserve shared memory " + std::to_string(ENOSPC));
  EXPECT_EQ(child.line(), "goes on");
  EXPECT_EQ(child.line(), "exhausted");
}

}  // namespace
}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
// Files that somebody removes under their living owner.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <horus/image.hpp>

#include "shm/registry.hpp"
#include "shm/stats_page.hpp"
#include "tests/support/shm_fixture.hpp"
#include "tests/support/told.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::eventually;
using test::files;
using test::told;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

class RenewTest : public test::ShmTest {
 protected:
  RenewTest() { test::forget_told(); }
  std::unique_ptr<Session> telling(bool declares = false) {
    return Session::open(base.path(), declares, test::tell).value();
  }
  /// Of a host "robot" with one node, which the session keeps.
  std::shared_ptr<StatsPage> kept_page(Session& session) {
    auto page = std::make_shared<StatsPage>(
        StatsPage::create(base.path(), "robot", std::vector<std::string>{"motor"}).value());
    session.keep(page);
    return page;
  }
  /// It may be made again while it is removed.
  void remove_base() {
    std::error_code again;
    do {
      std::filesystem::remove_all(base.path(), again);
    } while (again);
  }
  /// Whoever lists the topic finds so many who live.
  bool has(const std::string& topic, std::size_t publishers, std::size_t subscribers) {
    const auto info = find_topic(base.path(), topic);
    const auto living = [](const auto& all) {
      return static_cast<std::size_t>(
          std::ranges::count_if(all, [](auto& one) { return one.alive; }));
    };
    return info && living(info.value().publishers) == publishers &&
           living(info.value().subscribers) == subscribers;
  }
};

TEST_F(RenewTest, a_publisher_whose_ring_was_removed_is_found_again_and_nobody_loses_a_message) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 64}).value();
  auto here = session->subscriber<Checked>("t").value();
  auto there = other->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 3; ++n) publisher.send(Checked::of(n));
  std::filesystem::remove(files(topic_path("t"), ".ring").at(0));
  ASSERT_TRUE(eventually([&] { return files(topic_path("t"), ".ring").size() == 1; }));
  session->are_known();  // A look is over, and the new ring is offered.
  for (std::uint64_t n = 3; n < 6; ++n) publisher.send(Checked::of(n));
  EXPECT_EQ(publisher.sent(), 6U);
  for (auto* subscriber : {&here, &there}) {
    for (std::uint64_t n = 0; n < 6; ++n) {
      ASSERT_TRUE(eventually([&] { return subscriber->has_message(); })) << n;
      EXPECT_EQ(subscriber->take()->number, n);
    }
    EXPECT_FALSE(subscriber->take());
    EXPECT_EQ(subscriber->counts().missed, 0U);
  }
  ASSERT_TRUE(eventually([&] { return !there.take() && there.publishers() == 1; }));
}

TEST_F(RenewTest, what_was_made_for_a_silent_publisher_is_made_again_when_it_is_removed) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  publisher.send(Checked::of(0));
  for (int turn = 0; turn < 3; ++turn) {
    const auto ring = files(topic_path("t"), ".ring").at(0);
    std::filesystem::remove(ring);
    ASSERT_TRUE(eventually([&] { return has("t", 1, 0); })) << turn;
    EXPECT_EQ(files(topic_path("t"), ".ring").size(), 1U);
  }
  const auto other = open();
  auto subscriber = other->subscriber<Checked>("t").value();
  // Between the new ring's name and its offer messages still go to the old one.
  ASSERT_TRUE(eventually([&] { return publisher.subscribers() == 1; }));
  publisher.send(Checked::of(1));
  ASSERT_TRUE(eventually([&] { return subscriber.has_message(); }));
  EXPECT_EQ(subscriber.take()->number, 1U);
  EXPECT_EQ(publisher.sent(), 2U);
}

TEST_F(RenewTest, the_last_messages_are_there_for_newcomers_after_their_ring_was_made_again) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 4}).value();
  auto values = session->publish("values", generic_type(), {.capacity = 4}).value();
  auto early = other->subscriber<Checked>("t", {.history = 4}).value();
  const auto bytes = [](std::uint8_t n) { return std::vector(std::size_t{n} * 100, std::byte{n}); };
  for (std::uint8_t n = 0; n < 7; ++n) {
    publisher.send(Checked::of(n));
    values.send(bytes(n));
  }
  for (std::uint64_t turn = 0; turn < 2; ++turn) {
    const std::uint64_t since = cycle_count();
    remove_base();
    ASSERT_TRUE(eventually([&] { return has("t", 1, 1) && has("values", 1, 0); }));
    const auto newcomer = open();
    auto latched = newcomer->subscriber<Checked>("t", {.history = 2}).value();
    auto fresh =
        newcomer->subscriber<Checked>("t", test::with({.history = 0}, {.wanted = since})).value();
    auto last = newcomer->subscribe("values", generic_type(), {.history = 1}).value();
    ASSERT_TRUE(eventually([&] { return publisher.subscribers() >= 3; }));
    ASSERT_TRUE(eventually([&] { return latched.has_message() && last.has_message(); }));
    EXPECT_EQ(latched.take()->number, 5 + turn);
    EXPECT_EQ(latched.take()->number, 6 + turn);
    std::vector<std::byte> value(1000);
    ASSERT_EQ(last.take(value), 600);
    EXPECT_EQ(value[599], std::byte{6});
    publisher.send(Checked::of(7 + turn));
    for (auto* one : {&latched, &fresh}) {
      ASSERT_TRUE(eventually([&] { return one->has_message(); }));
      EXPECT_EQ(one->take()->number, 7 + turn);
      EXPECT_FALSE(one->take());
      EXPECT_EQ(one->counts().missed, 0U);
    }
  }
  EXPECT_EQ(publisher.sent(), 9U);
  // Who was there before hears each message once.
  for (std::uint64_t n = 3; n < 9; ++n) {
    ASSERT_TRUE(eventually([&] { return early.has_message(); }));
    EXPECT_EQ(early.take()->number, n);
  }
  EXPECT_FALSE(early.take());
  EXPECT_EQ(early.counts().missed, 3U);
}

TEST_F(RenewTest, what_was_sent_to_a_ring_made_again_stays_for_who_was_stopped_meanwhile) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  test::ChildProcess stopped{{"subscribe", base.path(), "t"}};
  ASSERT_EQ(stopped.line(), "ready");
  ASSERT_TRUE(eventually([&] { return publisher.readers() == 1; }));
  stopped.stop();
  std::filesystem::remove(files(topic_path("t"), ".ring").at(0));
  ASSERT_TRUE(eventually([&] { return has("t", 1, 1); }));
  // A look is over, and the new ring is offered.
  session->are_known();
  publisher.send(Checked::of(5));
  publisher = {};
  ASSERT_EQ(::kill(stopped.pid(), SIGCONT), 0);
  stopped.tell("next");
  EXPECT_EQ(stopped.line(), "5");
}

TEST_F(RenewTest, a_topic_that_refuses_owes_what_was_carried_over_to_nobody_who_had_it) {
  const auto session = open();
  const auto other = open();
  auto publisher =
      session->publisher<Checked>("t", {.capacity = 2, .policy = Policy::kRefuse}).value();
  auto subscriber = other->subscriber<Checked>("t").value();
  ASSERT_TRUE(eventually([&] { return publisher.readers() == 1; }));
  for (std::uint64_t n = 0; n < 2; ++n) {
    ASSERT_TRUE(publisher.send(Checked::of(n)));
    ASSERT_EQ(subscriber.take()->number, n);
  }
  const auto old = files(topic_path("t"), ".ring").at(0);
  std::filesystem::remove(old);
  ASSERT_TRUE(eventually([&] {
    const auto now = files(topic_path("t"), ".ring");
    return now.size() == 1 && now[0] != old && subscriber.publishers() == 2;
  }));
  session->are_known();
  ASSERT_TRUE(publisher.send(Checked::of(2)));
  ASSERT_TRUE(publisher.send(Checked::of(3)));
  EXPECT_FALSE(publisher.send(Checked::of(4)));
  for (std::uint64_t n = 2; n < 4; ++n) {
    ASSERT_TRUE(eventually([&] { return subscriber.has_message(); }));
    EXPECT_EQ(subscriber.take()->number, n);
  }
  EXPECT_FALSE(subscriber.take());
}

TEST_F(RenewTest, a_base_that_was_removed_is_made_again_and_newcomers_are_heard_and_hear) {
  const auto session = telling();
  auto publisher = session->publisher<Checked>("out", {.policy = Policy::kRefuse}).value();
  auto subscriber = session->subscriber<Checked>("in").value();
  publisher.send(Checked::of(0));
  for (std::uint64_t turn = 1; turn < 3; ++turn) {
    remove_base();
    ASSERT_TRUE(eventually([&] { return has("out", 1, 0) && has("in", 0, 1); }));
    const auto newcomer = open();
    auto hears = newcomer->subscriber<Checked>("out").value();
    auto says = newcomer->publisher<Checked>("in").value();
    ASSERT_TRUE(eventually([&] { return publisher.subscribers() != 0; }));
    ASSERT_TRUE(publisher.send(Checked::of(turn)));
    says.send(Checked::of(turn));
    ASSERT_TRUE(eventually([&] { return hears.has_message() && subscriber.has_message(); }));
    EXPECT_EQ(hears.take()->number, turn);
    EXPECT_EQ(subscriber.take()->number, turn);
    EXPECT_TRUE(says.send(Checked::of(turn)));
    // By the bell, under its new name.
    EXPECT_TRUE(subscriber.wait_until(MonotonicClock::now() + 60s));
    subscriber.take();
  }
  EXPECT_EQ(publisher.sent(), 3U);
  EXPECT_THAT(told(), Contains(AllOf(HasSubstr("somebody removed the shared memory of this process "
                                               "in " +
                                               base.path()),
                                     HasSubstr("enable-linger"))));
}

TEST_F(RenewTest, a_base_of_several_users_is_made_again_for_all_of_them) {
  const gid_t group = ::geteuid() == 0 ? 61000 : ::getegid();
  const auto shape = [&] {
    struct stat status {};
    return ::stat(base.path().c_str(), &status) == 0
               ? std::pair{status.st_mode & 07777U, status.st_gid}
               : std::pair{0U, gid_t{0}};
  };
  ASSERT_EQ(::chown(base.path().c_str(), ::geteuid(), group), 0);
  ASSERT_EQ(::chmod(base.path().c_str(), 02750), 0);
  const auto session = telling();
  auto publisher = session->publisher<Checked>("t").value();
  remove_base();
  ASSERT_TRUE(eventually([&] { return has("t", 1, 0); }));
  EXPECT_EQ(shape(), (std::pair{02750U, group}));
  for (const char* folder : {"/topics", "/topics/00", "/pools", "/bells", "/hosts", "/declared"}) {
    struct stat status {};
    ASSERT_EQ(::stat((base.path() + folder).c_str(), &status), 0) << folder;
    EXPECT_EQ(status.st_gid, group) << folder;
    EXPECT_NE(status.st_mode & S_IXGRP, 0U) << folder;
  }
  // Another process of this user, which knows of nothing, may be the first to make it.
  const std::string closed = base.path() + ".closed";
  ASSERT_EQ(::mkdir(closed.c_str(), 0700), 0);
  ASSERT_EQ(::renameat2(AT_FDCWD, base.path().c_str(), AT_FDCWD, closed.c_str(), RENAME_EXCHANGE),
            0);
  std::filesystem::remove_all(closed);
  ASSERT_TRUE(eventually([&] { return has("t", 1, 0); }));
  EXPECT_EQ(shape(), (std::pair{02750U, group}));
  EXPECT_THAT(told(), ::testing::Not(Contains(HasSubstr("shut out"))));
}

TEST_F(RenewTest, a_base_that_its_owner_closes_stays_closed) {
  ASSERT_EQ(::chmod(base.path().c_str(), 02750), 0);
  const auto first = telling();
  ASSERT_EQ(::chmod(base.path().c_str(), 0700), 0);
  const auto second = telling();
  struct stat status {};
  ASSERT_EQ(::stat(base.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
}

TEST_F(RenewTest, a_folder_of_the_base_that_was_removed_is_made_again) {
  const auto session = telling();
  const auto page = kept_page(*session);
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  std::uint64_t sent = 0;
  for (const std::string& folder :
       {topic_path("t"), base.path() + "/topics", base.path() + "/hosts", base.path() + "/pools"}) {
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(eventually([&] {
      return std::filesystem::exists(folder) && has("t", 1, 1) &&
             StatsPage::hosts(base.path()) == std::vector<std::string>{"robot"};
    })) << folder;
    const auto other = open();
    auto newcomer = other->subscriber<Checked>("t").value();
    ASSERT_TRUE(eventually([&] { return newcomer.publishers() == 1; })) << folder;
    publisher.send(Checked::of(++sent));
    ASSERT_TRUE(eventually([&] { return newcomer.has_message(); })) << folder;
  }
  EXPECT_THAT(told(), ::testing::Not(Contains(HasSubstr("cannot be made again"))));
}

TEST_F(RenewTest, nothing_is_left_of_who_leaves_after_a_removal) {
  auto session = open();
  {
    auto publisher = session->publisher<Checked>("t").value();
    auto subscriber = session->subscriber<Checked>("t").value();
    remove_base();
    ASSERT_TRUE(eventually([&] { return has("t", 1, 1); }));
  }
  EXPECT_TRUE(list_topics(base.path()).empty());
  session.reset();
  EXPECT_TRUE(files(base.path() + "/bells", "").empty());
  EXPECT_TRUE(files(topic_path("t"), "").empty());
}

TEST_F(RenewTest, a_subscriber_that_was_removed_is_rung_and_waited_for_again) {
  const auto session = open();
  const auto other = open();
  auto publisher =
      session->publisher<Checked>("t", {.capacity = 2, .policy = Policy::kRefuse}).value();
  auto subscriber = other->subscriber<Checked>("t").value();
  ASSERT_TRUE(eventually([&] { return publisher.readers() == 1; }));
  std::filesystem::remove(files(topic_path("t"), ".sub").at(0));
  ASSERT_TRUE(eventually([&] { return has("t", 1, 1); }));
  ASSERT_TRUE(eventually([&] { return publisher.readers() == 1 && publisher.subscribers() == 1; }));
  EXPECT_TRUE(publisher.send(Checked::of(0)));
  EXPECT_TRUE(publisher.send(Checked::of(1)));
  EXPECT_FALSE(publisher.send(Checked::of(2))) << "the subscriber's place is known";
  EXPECT_EQ(subscriber.take()->number, 0U);
  // At once, but where the publisher has yet to see that the first file is gone.
  EXPECT_TRUE(eventually([&] { return publisher.send(Checked::of(2)); }));
}

TEST_F(RenewTest, images_are_found_after_their_pool_was_removed) {
  const auto session = open();
  auto publisher = session->publisher<Image>("camera").value();
  const Image before = Image::make(*session, 8, 8, Encoding::kMono8).value();
  publisher.send(before);
  remove_base();
  ASSERT_TRUE(eventually(
      [&] { return files(base.path() + "/pools", ".pool").size() == 1 && has("camera", 1, 0); }));
  const auto other = open();
  auto subscriber = other->subscriber<Image>("camera").value();
  ASSERT_TRUE(eventually([&] {
    publisher.send(Image::make(*session, 8, 8, Encoding::kMono8).value());
    return bool{subscriber.take()};
  }));
  EXPECT_EQ(before.bytes().size(), 64U);
}

TEST_F(RenewTest, a_declared_type_is_declared_again) {
  const auto session = telling(/*declares=*/true);
  ASSERT_TRUE(session->declare("t", type_info(Tag<Checked>{})));
  remove_base();
  ASSERT_TRUE(eventually([&] { return files(base.path() + "/declared", "t.type").size() == 1; }));
  const auto other = open();
  EXPECT_EQ(other->publish("t", generic_type()).error().code, Errc::kTypeMismatch);
}

TEST_F(RenewTest, who_has_another_type_than_is_declared_is_named_though_nobody_here_reads) {
  const auto other = open();
  auto early = other->publish("t", generic_type()).value();
  const auto session = telling(/*declares=*/true);
  ASSERT_TRUE(session->declare("t", type_info(Tag<Checked>{})));
  ASSERT_TRUE(eventually([&] { return told().size() == 1; }));
  EXPECT_NE(
      told()[0].find("a file of another process is ignored: of another type than is declared"),
      std::string::npos);
  EXPECT_NE(told()[0].find("/t." + std::to_string(::getpid()) + "-"), std::string::npos);
  const auto info = find_topic(base.path(), "t").value();
  EXPECT_EQ(info.type, "Checked");
  EXPECT_EQ(info.foreign, 1U);
}

TEST_F(RenewTest, a_page_is_kept_until_its_host_removes_it) {
  const auto session = open();
  const auto page = kept_page(*session);
  NodeStats& motor = page->nodes()[0];
  motor.ticks.add(5);
  remove_base();
  ASSERT_TRUE(eventually([&] { return StatsPage::hosts(base.path()).size() == 1; }));
  session->are_known();  // The round is over: the new page is the one that is written to.
  motor.ticks.add(2);
  const auto seen = StatsPage::open(base.path(), "robot").value();
  EXPECT_TRUE(seen.alive());
  EXPECT_EQ(std::as_const(seen).nodes()[0].ticks.value(), 7U) << "at the same address";
  page->remove();
  const auto round = session->publisher<Checked>("t").value();
  std::filesystem::remove(files(topic_path("t"), ".ring").at(0));
  ASSERT_TRUE(eventually([&] { return has("t", 1, 0); })) << "a round has passed";
  EXPECT_TRUE(StatsPage::hosts(base.path()).empty());
}

TEST_F(RenewTest, what_cannot_be_made_again_is_told_once_in_words_and_in_the_page) {
  const auto session = telling();
  const auto page = kept_page(*session);
  auto publisher = session->publisher<Checked>("t").value();
  // At once: a round that comes between would make it again.
  const std::string in_the_way = base.path() + ".file";
  std::ofstream{in_the_way} << "in the way";
  ASSERT_EQ(
      ::renameat2(AT_FDCWD, base.path().c_str(), AT_FDCWD, in_the_way.c_str(), RENAME_EXCHANGE), 0);
  std::filesystem::remove_all(in_the_way);
  // Told after it was written down.
  ASSERT_TRUE(eventually([&] { return !told().empty(); }));
  ASSERT_EQ(page->host().degradations.value(), 1U);
  const DegradationRecord& lost = page->host().degradation[0];
  EXPECT_EQ(lost.feature.view(), "shared_memory");
  EXPECT_NE(lost.fix.view().find("start this process again"), std::string_view::npos);
  EXPECT_TRUE(publisher.send(Checked::of(1)));
  // It goes on trying.
  std::filesystem::remove(base.path());
  ASSERT_TRUE(eventually([&] { return has("t", 1, 0); }));
  const auto made_again = [](const std::string& text) {
    return text.find("was made again") != std::string::npos;
  };
  ASSERT_TRUE(eventually([&] { return std::ranges::any_of(told(), made_again); }));
  EXPECT_THAT(told(), Contains(AllOf(HasSubstr("cannot be made again: "), HasSubstr(base.path()))));
  EXPECT_EQ(page->host().degradations.value(), 1U);
  // Its cause is gone.
  ASSERT_TRUE(eventually([&] { return lost.severity.value() == 0; }));
  ASSERT_TRUE(eventually([&] {
    return std::ranges::any_of(told(), [](const std::string& text) {
      return text.find("of this process's shared memory is there") != text.npos;
    });
  }));
}

TEST_F(RenewTest, what_is_lost_a_second_time_is_told_again_in_the_same_line_of_the_page) {
  const std::vector<std::string> nodes{"motor"};
  const auto page =
      std::make_shared<StatsPage>(StatsPage::create(base.path(), "robot", nodes).value());
  DegradationRecord record;
  record.feature = Name<32>::clipped("shared_memory");
  record.reason = Name<160>::clipped("gone");
  record.severity.set(2);
  const auto& seen = page->host().degradation[0].severity;
  for (int turn = 0; turn < 2; ++turn) {
    page->degrade(record);
    EXPECT_EQ(page->host().degradations.value(), 1U);
    EXPECT_EQ(seen.value(), 2U);
    page->relieve("another");
    EXPECT_EQ(seen.value(), 2U);
    page->relieve("shared_memory");
    EXPECT_EQ(seen.value(), 0U);
  }
}

}  // namespace
}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
// What breaks beside a topic: its owner, its subscribers, the memory, the descriptors.
#include <sys/file.h>

#include <algorithm>

#include <horus/image.hpp>

#include "shm/registry.hpp"
#include "shm/stats_page.hpp"
#include "shm/sweep.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::ChildProcess;
using test::files;
using FaultsTest = test::ShmTest;

TEST_F(FaultsTest, f13_the_frames_that_a_dead_process_held_come_back_and_nobody_waited_for_them) {
  const auto session = open();
  auto camera = session->publisher<Image>("camera").value();
  int refused = 0;
  const auto send = [&] {
    const auto image = Image::make(*session, 48, 64, Encoding::kMono8);
    refused += image && camera.send(image.value()) ? 0 : 1;
  };
  for (int life = 0; life < 5; ++life) {
    ChildProcess viewer{{"viewer", base.path()}};
    ASSERT_EQ(viewer.line(), "ready");
    // Eight frames are in the topic's window; a process that held all others would cost a pool.
    std::string held = "0";
    ASSERT_TRUE(test::eventually([&] {
      send();
      viewer.tell("take");
      held = viewer.line();
      return held == "6";
    }));
    viewer.kill();
  }
  // As many as the window leaves, at once: all that the dead held.
  ASSERT_TRUE(test::eventually([&] {
    send();
    std::vector<Image> all;
    for (int i = 0; i < 8; ++i)
      all.push_back(Image::make(*session, 48, 64, Encoding::kMono8).value());
    return files(base.path() + "/pools", ".pool").size() == 1;
  }));
  EXPECT_EQ(refused, 0);
}

TEST_F(FaultsTest, f14_f15_who_sleeps_for_a_thousand_rings_is_told_exactly_what_it_missed) {
  const auto session = open();
  constexpr std::uint64_t kCapacity = 16;
  constexpr std::uint64_t kSent = 1000 * kCapacity + 5;
  auto publisher = session->publisher<Checked>("t", {.capacity = kCapacity}).value();
  auto slow = session->subscriber<Checked>("t").value();
  auto quick = session->subscriber<Checked>("t").value();
  const auto memory = std::filesystem::file_size(files(topic_path("t"), ".ring").at(0));
  for (std::uint64_t n = 0; n < kSent; ++n) {
    ASSERT_TRUE(publisher.send(Checked::of(n)));
    ASSERT_EQ(quick.take()->number, n);
  }
  EXPECT_EQ(quick.counts().missed, 0U);
  EXPECT_EQ(std::filesystem::file_size(files(topic_path("t"), ".ring").at(0)), memory);
  EXPECT_EQ(slow.pending(), kCapacity);
  for (std::uint64_t n = kSent - kCapacity; n < kSent; ++n) ASSERT_EQ(slow.take()->number, n);
  EXPECT_FALSE(slow.take());
  EXPECT_EQ(slow.counts().received, kCapacity);
  EXPECT_EQ(slow.counts().missed, kSent - kCapacity);
  const auto shown = find_topic(base.path(), "t").value();
  std::uint64_t missed = 0;
  for (const auto& subscriber : shown.subscribers) missed += subscriber.missed;
  EXPECT_EQ(missed, kSent - kCapacity) << "tools see it, too";
}

TEST_F(FaultsTest, f16_a_file_system_filled_to_its_last_page_stops_no_topic_that_is_there) {
  ChildProcess child{{"brim", base.path()}};
  const std::string full = child.line();
  if (full == "no rights") GTEST_SKIP() << "mounting a file system needs root";
  EXPECT_EQ(full, std::to_string(ENOSPC));
  for (const char* what : {"a publisher", "a subscriber", "a pool"}) {
    const std::string said = child.line();
    EXPECT_NE(said.find("(" + std::to_string(ENOSPC) + ")"), std::string::npos) << what << said;
    EXPECT_NE(said.find(base.path()), std::string::npos) << what << said;
  }
  EXPECT_EQ(child.line(), "goes on");
  EXPECT_EQ(child.end(), 0) << "no SIGBUS";
}

TEST_F(FaultsTest, f16_the_end_of_the_file_descriptors_is_an_error_and_topics_go_on) {
  ChildProcess child{{"few-files", base.path()}};
  const std::string refused = child.line();
  EXPECT_NE(refused.find("(" + std::to_string(EMFILE) + ")"), std::string::npos) << refused;
  EXPECT_NE(refused.find(base.path()), std::string::npos) << refused;
  EXPECT_EQ(child.line(), "goes on");
  EXPECT_EQ(child.end(), 0);
}

TEST_F(FaultsTest, who_keeps_a_folder_locked_stops_and_delays_nobody) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  ChildProcess dead{{"sender", base.path()}};
  ASSERT_EQ(dead.line(), "ready");
  dead.kill();
  // As another user of the group may do.
  std::vector<UniqueFd> locks;
  for (const std::string& folder :
       {base.path(), base.path() + "/topics", base.path() + "/hosts", topic_path("t"),
        base.path() + "/bells", base.path() + "/declared"}) {
    locks.emplace_back(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(locks.back().get(), LOCK_EX), 0);
  }
  auto publisher = session->publisher<Checked>("t").value();
  EXPECT_TRUE(publisher.send(Checked::of(1)));
  ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
  EXPECT_EQ(subscriber.take()->number, 1U);
  EXPECT_TRUE(StatsPage::create(base.path(), "robot", {}));
  sweep(base.path());
  EXPECT_EQ(files(topic_path("t"), ".ring").size(), 1U) << "the dead one's is swept";
}

class ShrinkTest : public FaultsTest, public ::testing::WithParamInterface<const char*> {
 protected:
  std::unique_ptr<Session> session = open();
};

TEST_P(ShrinkTest, f18_a_process_that_shrinks_its_files_is_dead_to_the_others_who_go_on) {
  auto honest = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto viewer = session->subscriber<Image>("camera").value();
  std::uint64_t honest_sent = 0;
  std::uint64_t honest_received = 0;
  // The numbers of the honest one are above a million.
  const auto exchange = [&] {
    honest.send(Checked::of(1'000'000 + honest_sent++));
    while (const auto message = subscriber.take()) {
      EXPECT_TRUE(message->whole() || message->number < 1'000'000);
      honest_received += message->number >= 1'000'000 ? 1 : 0;
    }
    viewer.take();
  };
  ChildProcess owner{{"owner", base.path()}};
  ASSERT_EQ(owner.line(), "ready");
  owner.tell("send");
  ASSERT_EQ(owner.line(), "sent");
  ASSERT_TRUE(test::eventually([&] {
    exchange();
    return subscriber.publishers() == 2;
  }));
  const std::string act = GetParam();
  owner.tell(act + " .ring");
  ASSERT_EQ(owner.line(), "sent");
  EXPECT_TRUE(test::eventually([&] {
    exchange();
    return subscriber.publishers() == 1;
  })) << "marked dead";
  for (const char* kind : {".pool", ".hold", ".sub", ".bell", ".stats", "type"}) {
    owner.tell(act + " " + kind);
    ASSERT_EQ(owner.line(), "sent") << kind;
    for (int n = 0; n < 100; ++n) exchange();
  }
  EXPECT_TRUE(test::eventually([&] {
    exchange();
    return honest_received == honest_sent;
  })) << honest_received
      << " of " << honest_sent;
  list_topics(base.path());
  EXPECT_GE(owner.end(), 0) << "it has its own mappings still";
}

INSTANTIATE_TEST_SUITE_P(, ShrinkTest, ::testing::Values("shrink", "punch"),
                         [](const auto& act) { return std::string{act.param}; });

TEST_F(FaultsTest, ten_thousand_topics_are_there_are_listed_and_are_swept) {
  constexpr int kProcesses = 4;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kEach = 250;  // A sanitizer takes minutes for the others.
#else
  constexpr int kEach = 2500;
#endif
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(std::make_unique<ChildProcess>(std::vector<std::string>{
        "topics", base.path(), std::to_string(i * kEach), std::to_string(kEach)}));
    const std::string said = children.back()->line();
    if (said.find("(24)") != std::string::npos) {
      GTEST_SKIP() << "the limit of open files is too low: " << said;
    }
    std::cout << kEach << " topics beside " << i * kEach << ": " << said << " ms" << std::endl;
    ASSERT_EQ(said.find_first_not_of("0123456789"), std::string::npos) << said;
  }
  const auto timed = [](const char* what, auto work) {
    const TimePoint begin = MonotonicClock::now();
    work();
    std::cout << what << ": " << to_ns(MonotonicClock::now() - begin) / 1'000'000 << " ms"
              << std::endl;
  };
  timed("list", [&] {
    const auto topics = list_topics(base.path());
    EXPECT_EQ(topics.size(), std::size_t{kProcesses} * kEach);
    for (const auto& topic : topics) {
      ASSERT_EQ(topic.publishers.size(), 1U);
      EXPECT_TRUE(topic.publishers[0].alive);
      EXPECT_EQ(topic.publishers[0].sent, 1U);
    }
  });
  timed("open a session and a topic", [&] {
    const auto session = open();
    auto subscriber = session->subscriber<Checked>("many/1", {.history = 1}).value();
    EXPECT_EQ(subscriber.take()->number, 1U);
  });
  for (auto& child : children) child->kill();
  timed("sweep", [&] {
    std::uint32_t swept = 0;
    EXPECT_TRUE(test::eventually([&] {
      swept += sweep(base.path());
      return list_topics(base.path()).empty();
    }));
    EXPECT_GE(swept, 2U * kProcesses * kEach);
  });
}

}  // namespace
}  // namespace horus::shm

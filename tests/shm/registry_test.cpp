// SPDX-License-Identifier: Apache-2.0
#include "shm/registry.hpp"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include <horus/image.hpp>

#include "shm/names.hpp"
#include "shm/sweep.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::files;
using RegistryTest = test::ShmTest;

TEST_F(RegistryTest, lists_topics_with_their_types_publishers_and_subscribers) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("arm/state", {.capacity = 2}).value();
  auto subscriber = session->subscriber<Checked>("arm/state").value();
  auto generic = session->publish("events", generic_type(), {.max_size = 100}).value();
  for (std::uint64_t n = 0; n < 5; ++n) publisher.send(Checked::of(n));
  subscriber.take();
  generic.send(std::vector<std::byte>(101));

  const auto topics = list_topics(base.path());
  ASSERT_EQ(topics.size(), 2U);
  EXPECT_EQ(topics[0].name, "arm/state");
  EXPECT_EQ(topics[0].type, "Checked");
  EXPECT_EQ(topics[0].message_size, sizeof(Checked));
  EXPECT_EQ(topics[0].capacity, 2U);
  EXPECT_FALSE(topics[0].refuses);
  ASSERT_EQ(topics[0].publishers.size(), 1U);
  EXPECT_EQ(topics[0].publishers[0].pid, ::getpid());
  EXPECT_TRUE(topics[0].publishers[0].alive);
  EXPECT_EQ(topics[0].publishers[0].sent, 5U);
  ASSERT_EQ(topics[0].subscribers.size(), 1U);
  EXPECT_EQ(topics[0].subscribers[0].received, 1U);
  EXPECT_EQ(topics[0].subscribers[0].missed, 3U);
  EXPECT_EQ(topics[1].type, "generic");
  EXPECT_EQ(topics[1].publishers.at(0).refused, 1U);
}

TEST_F(RegistryTest, a_base_that_is_not_there_has_no_topics) {
  EXPECT_TRUE(list_topics(base.path() + "/nowhere").empty());
  EXPECT_EQ(find_topic(base.path(), "nothing").error().code, Errc::kNotFound);
  EXPECT_EQ(sweep(base.path() + "/nowhere"), 0U);
}

TEST_F(RegistryTest, a_topic_goes_with_its_last_participant) {
  auto first = open();
  auto second = open();
  auto publisher = first->publisher<Checked>("t").value();
  auto subscriber = second->subscriber<Checked>("t").value();
  publisher = {};
  first.reset();
  EXPECT_TRUE(find_topic(base.path(), "t"));
  subscriber = {};
  second.reset();
  EXPECT_EQ(find_topic(base.path(), "t").error().code, Errc::kNotFound);
  EXPECT_TRUE(files(topic_path("t"), "").empty());
}

TEST_F(RegistryTest, sweeping_leaves_the_living_alone) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto frame = Image::make(*session, 8, 8, Encoding::kMono8).value();
  EXPECT_EQ(sweep(base.path(), /*hosts_too=*/true), 0U);
  EXPECT_TRUE(find_topic(base.path(), "t"));
}

TEST_F(RegistryTest, sweeping_removes_files_that_nobody_could_read) {
  const auto session = open();
  std::filesystem::create_directories(topic_path("t"));
  for (const char* name : {"t.1-1-0.0.ring", "t.1-1-0.1.sub", "t.type"}) {
    std::ofstream{topic_path("t") + "/" + name};
  }
  ASSERT_EQ(::mkfifo((base.path() + "/pools/1-1-0.00000001.pool").c_str(), 0600), 0);
  std::filesystem::create_symlink("/etc/passwd", base.path() + "/bells/1-1-0.bell");
  std::ofstream{base.path() + "/hosts/arm.stats.1.new"};
  EXPECT_EQ(sweep(base.path()), 6U);
  EXPECT_TRUE(files(topic_path("t"), "").empty());
}

TEST_F(RegistryTest, leaving_finds_its_files_however_the_base_is_spelled) {
  test::ChildProcess leaver{{"leave", base.path(), "t"}};
  ASSERT_EQ(leaver.line(), "left");
  EXPECT_FALSE(find_topic(base.path(), "t"));
  // Rounds pass, in which others make again what was removed.
  const auto session = open();
  auto publisher = session->publisher<Checked>("other").value();
  for (int i = 0; i < 3; ++i) {
    std::filesystem::remove(files(topic_path("other"), ".ring").at(0));
    // The publisher goes over to a new ring with its next message, and then only is it kept.
    ASSERT_TRUE(test::eventually([&] {
      publisher.send(Checked::of(1));
      return !files(topic_path("other"), ".ring").empty();
    }));
  }
  EXPECT_FALSE(find_topic(base.path(), "t"));
}

TEST_F(RegistryTest, many_unused_types_go_by_one_sweep_and_the_used_one_stays) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  for (int i = 0; i < 100; ++i) std::ofstream{topic_path("t") + "/x" + std::to_string(i) + ".type"};
  EXPECT_EQ(sweep(base.path()), 100U);
  EXPECT_TRUE(find_topic(base.path(), "t"));
}

TEST_F(RegistryTest, a_sweep_that_is_not_over_goes_on_where_it_was) {
  const auto session = open();
  const auto publisher = session->publisher<Checked>("t").value();
  for (int i = 0; i < 1000; ++i) std::ofstream{topic_path("t") + "/junk-" + std::to_string(i)};
  Sweep pieces{Base::join(base.path()).value()};
  EXPECT_FALSE(pieces.go_on(0ms)) << "nothing in no time";
  std::uint32_t last = 0;
  int steps = 0;
  for (; !pieces.go_on(100us); ++steps) {
    EXPECT_GE(pieces.removed(), last);
    last = pieces.removed();
  }
  EXPECT_EQ(pieces.removed(), 1000U);
  EXPECT_GT(steps, 1);
  EXPECT_TRUE(find_topic(base.path(), "t"));
}

TEST_F(RegistryTest, types_go_some_at_a_time) {
  const auto session = open();
  const auto publisher = session->publisher<Checked>("t").value();
  constexpr std::uint32_t kMany = 3000;
  constexpr std::uint32_t kAtOnce = 1024;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    std::ofstream{topic_path("t") + "/x" + std::to_string(i) + ".type"};
  }
  Sweep pieces{Base::join(base.path()).value()};
  for (bool over = false; !over;) {
    const std::uint32_t before = pieces.removed();
    over = pieces.go_on(100us);
    EXPECT_LE(pieces.removed() - before, kAtOnce) << "the others wait for the next piece";
  }
  EXPECT_EQ(pieces.removed(), kMany);
  EXPECT_TRUE(find_topic(base.path(), "t"));
}

TEST_F(RegistryTest, what_a_start_does_not_come_to_is_swept_later) {
  Base::join(base.path()).value();
  std::filesystem::create_directories(topic_path("t"));
  constexpr int kMany = 60'000;
  for (int i = 0; i < kMany; ++i) std::ofstream{topic_path("t") + "/" + std::to_string(i)};
  const auto session = open();
  EXPECT_TRUE(test::eventually([&] { return files(topic_path("t"), "").empty(); }));
}

TEST_F(RegistryTest, a_declared_type_that_cannot_be_read_is_not_passed_over) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  std::ofstream{base.path() + "/declared/t.type"};
  const auto found = find_topic(base.path(), "t");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().code, Errc::kNotFound);
}

TEST_F(RegistryTest, an_older_versions_folder_is_the_groups_no_more) {
  open().reset();
  const std::string topics = base.path() + "/topics";
  ASSERT_EQ(::chmod(topics.c_str(), 03770), 0);
  open().reset();
  struct stat status {};
  ASSERT_EQ(::stat(topics.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 02750U);
}

TEST_F(RegistryTest, clearing_ends_though_something_is_left) {
  open().reset();
  const auto folder = Folder::look(base.path()).value();
  EXPECT_FALSE(folder->clear(Nanos{}));
  EXPECT_TRUE(folder->clear(1min));
}

TEST_F(RegistryTest, a_topic_is_never_swept_from_under_somebody_who_joins_it) {
  const auto session = open();
  std::atomic<bool> ends{false};
  std::thread sweeper{[&] {
    while (!ends) sweep(base.path());
  }};
  for (int round = 0; round < 200; ++round) {
    auto publisher = session->publisher<Checked>("t");
    EXPECT_TRUE(publisher) << publisher.error().what;
    // A sweep that has taken the type away sees who joined, and gives it back.
    EXPECT_TRUE(test::eventually([&] { return bool{find_topic(base.path(), "t")}; }));
  }
  ends = true;
  sweeper.join();
}

TEST(TopicNames, become_one_directory_and_back) {
  for (const std::string name : {"a", "a/b/c", ".hidden", "..", "../../etc", "x.y-z_9", "/"}) {
    const std::string escaped = escape(name);
    EXPECT_EQ(escaped.find('/'), std::string::npos);
    EXPECT_NE(escaped[0], '.');
    EXPECT_EQ(unescape(escaped), name);
  }
}

TEST(Identity, names_the_process_and_is_never_the_same) {
  const std::string identity = make_identity();
  EXPECT_EQ(pid_of(identity), ::getpid());
  EXPECT_NE(identity, make_identity());
  EXPECT_EQ(pid_of("nobody"), 0);
}

TEST(DefaultBase, follows_the_environment) {
  ::setenv("HORUS_BASE", "/dev/shm/somewhere", 1);
  ::setenv("HORUS_NAMESPACE", "a/b", 1);
  EXPECT_EQ(default_base(), "/dev/shm/somewhere/a%2Fb");
  ::unsetenv("HORUS_NAMESPACE");
  EXPECT_EQ(default_base(), "/dev/shm/somewhere");
  ::unsetenv("HORUS_BASE");
  EXPECT_EQ(default_base(), "/dev/shm/horus-" + std::to_string(::getuid()));
}

}  // namespace
}  // namespace horus::shm

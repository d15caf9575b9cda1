// SPDX-License-Identifier: Apache-2.0
#include "shm/registry.hpp"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "shm/names.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
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
  EXPECT_FALSE(std::filesystem::exists(topic_path("t")));
}

TEST_F(RegistryTest, sweeping_leaves_the_living_alone) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto frame = session->image(8, 8, Encoding::kMono8).value();
  EXPECT_EQ(sweep(base.path(), /*hosts_too=*/true), 0U);
  EXPECT_TRUE(find_topic(base.path(), "t"));
}

TEST_F(RegistryTest, sweeping_removes_files_that_nobody_could_read) {
  const auto session = open();
  std::filesystem::create_directories(topic_path("t"));
  for (const char* name : {"1-1-0.0.ring", "1-1-0.1.sub", "type"}) {
    std::ofstream{topic_path("t") + "/" + name};
  }
  ASSERT_EQ(::mkfifo((base.path() + "/pools/1-1-0.00000001.pool").c_str(), 0600), 0);
  std::filesystem::create_symlink("/etc/passwd", base.path() + "/bells/1-1-0.bell");
  std::ofstream{base.path() + "/hosts/arm.stats.1.new"};
  EXPECT_EQ(sweep(base.path()), 6U);
  EXPECT_FALSE(std::filesystem::exists(topic_path("t")));
}

TEST_F(RegistryTest, a_topic_is_never_swept_from_under_somebody_who_joins_it) {
  const auto session = open();
  std::atomic<bool> ends{false};
  std::thread sweeper{[&] {
    while (!ends) sweep(base.path());
  }};
  for (int round = 0; round < 200; ++round) {
    auto publisher = session->publisher<Checked>("t");
    ASSERT_TRUE(publisher) << publisher.error().what;
    ASSERT_TRUE(find_topic(base.path(), "t"));
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

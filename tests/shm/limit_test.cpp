// SPDX-License-Identifier: Apache-2.0
// Where something is full: an error, or counted and named, and never silence.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include <horus/image.hpp>

#include "shm/region.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::files;
using LimitTest = test::ShmTest;

TEST_F(LimitTest, the_65th_publisher_is_an_error_until_one_goes) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t", {.capacity = 2}).value();
  std::vector<Publisher<Checked>> publishers;
  for (std::size_t i = 0; i < kMaxPublishers; ++i) {
    publishers.push_back(session->publisher<Checked>("t").value());
  }
  const auto one_more = session->publisher<Checked>("t");
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, Errc::kExhausted);
  EXPECT_STREQ(one_more.error().what, "the topic has 64 publishers already");
  EXPECT_EQ(files(topic_path("t"), ".ring").size(), 64U);
  for (auto& publisher : publishers) EXPECT_TRUE(publisher.send(Checked::of(1)));
  ASSERT_TRUE(test::eventually([&] {
    subscriber.take();
    return subscriber.counts().received == 64;
  }));
  publishers.pop_back();
  EXPECT_TRUE(session->publisher<Checked>("t"));
}

TEST_F(LimitTest, the_65th_subscriber_is_an_error_until_one_goes) {
  const auto session = open();
  std::vector<Subscriber<Checked>> subscribers;
  for (std::size_t i = 0; i < kMaxSubscribers; ++i) {
    subscribers.push_back(session->subscriber<Checked>("t").value());
  }
  const auto one_more = session->subscriber<Checked>("t");
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, Errc::kExhausted);
  EXPECT_STREQ(one_more.error().what, "the topic has 64 subscribers already");
  subscribers.pop_back();
  EXPECT_TRUE(session->subscriber<Checked>("t"));
}

TEST_F(LimitTest, the_dead_do_not_count) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  for (int i = 0; i < 70; ++i) {
    std::filesystem::copy_file(files(topic_path("t"), ".ring").at(0),
                               topic_path("t") + "/t.1-1-0." + std::to_string(i) + ".ring");
  }
  EXPECT_TRUE(session->publisher<Checked>("t"));
  // Nor do they take the places of the living.
  auto subscriber = session->subscriber<Checked>("t").value();
  EXPECT_EQ(subscriber.publishers(), 1U);
  publisher.send(Checked::of(5));
  EXPECT_EQ(subscriber.take()->number, 5U);
  EXPECT_EQ(subscriber.counts().missed, 0U);
}

// Only who breaks the rules can put more into a directory than a topic has.
TEST_F(LimitTest, who_finds_no_place_in_a_table_is_counted) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  std::vector<Region> cursors;
  for (std::size_t i = 0; i < kMaxSubscribers + 2; ++i) {
    const std::string path = topic_path("t") + "/t.1-1-0." + std::to_string(i) + ".sub";
    cursors.push_back(Region::create(test::folder_of(path), sizeof(CursorFile), kFileMode).value());
    cursors.back().as<CursorFile>()->file = {.magic = Magic::kCursor, .size = sizeof(CursorFile)};
    ASSERT_TRUE(cursors.back().publish(test::name_of(path)));
  }
  ASSERT_TRUE(test::eventually([&] { return session->rejected() == 2; }));
  EXPECT_STREQ(session->last_rejection()->what, "publisher has no place for another subscriber");
  EXPECT_TRUE(publisher.send(Checked::of(1)));
}

TEST_F(LimitTest, a_file_that_is_not_used_is_counted_once_and_named) {
  const auto session = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto publisher = session->publisher<Checked>("t").value();
  EXPECT_EQ(session->rejected(), 0U);
  EXPECT_FALSE(session->last_rejection());
  std::ofstream{topic_path("t") + "/t.1-1-0.0.ring"} << std::string(256, 'x');
  ASSERT_TRUE(test::eventually([&] { return session->rejected() == 1; }));
  EXPECT_EQ(session->last_rejection()->code, Errc::kCorrupt);
  EXPECT_EQ(session->last_rejection()->subject.view(), topic_path("t") + "/t.1-1-0.0.ring");
  std::ofstream{topic_path("t") + "/t.1-1-0.1.sub"} << "x";
  ASSERT_TRUE(test::eventually([&] { return session->rejected() == 2; }));
  EXPECT_EQ(session->last_rejection()->subject.view(), topic_path("t") + "/t.1-1-0.1.sub");
  // Looked at again and again, and counted no more.
  for (int i = 0; i < 5; ++i) {
    auto another = session->publisher<Checked>("t").value();
    another.send(Checked::of(7));
    ASSERT_TRUE(test::eventually([&] { return subscriber.take().has_value(); }));
  }
  EXPECT_EQ(session->rejected(), 2U);
}

TEST_F(LimitTest, a_limit_of_the_size_of_files_is_an_error_and_ends_no_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  base.share();
  const auto session = open();
  const auto limited = [&session] {
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 8192;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_DFL);
    const auto image = Image::make(*session, 480, 640, Encoding::kRgb8);
    std::_Exit(!image && image.error().os_errno == EFBIG ? 0 : 1);
  };
  EXPECT_EXIT(limited(), ::testing::ExitedWithCode(0), "");
}

TEST_F(LimitTest, a_peer_has_a_budget_of_mapped_memory) {
  constexpr std::size_t kSize = std::size_t{64} << 20;
  const auto make = [&](const std::string& name) {
    return test::create_region(base.path() + "/" + name, kSize).value();
  };
  const Region greedy = make("t.1-1-0.0.ring");
  std::vector<Region> mapped;
  auto next = test::open_region(greedy.path(), kSize);
  for (; next && mapped.size() < 100; next = test::open_region(greedy.path(), kSize)) {
    mapped.push_back(std::move(next).value());
  }
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, Errc::kExhausted);
  EXPECT_STREQ(next.error().what, "map more than 4 GiB of one peer's shared memory");
  EXPECT_EQ(mapped.size(), Mapping::kMaxPeerBytes / kSize);
  const Region modest = make("t.2-2-0.0.ring");
  EXPECT_TRUE(test::open_region(modest.path(), kSize)) << "another peer's budget";
  mapped.pop_back();
  EXPECT_TRUE(test::open_region(greedy.path(), kSize)) << "what is let go is free again";
}

}  // namespace
}  // namespace horus::shm

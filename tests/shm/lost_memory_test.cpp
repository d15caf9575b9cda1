// SPDX-License-Identifier: Apache-2.0
// Files that their owner shrinks while others have them mapped.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include <fstream>
#include <string>

#include <horus/image.hpp>

#include "shm/payload_state.hpp"
#include "shm/region.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using test::files;
using LostMemoryTest = test::ShmTest;

TEST_F(LostMemoryTest, a_mapping_becomes_zeros_and_its_region_dead) {
  auto own = test::create_region(base.path() + "/file", 8192).value();
  std::memset(own.bytes().data(), 0x55, own.bytes().size());
  const auto seen = test::open_region(own.path(), 8192).value();
  EXPECT_TRUE(seen.alive());
  std::filesystem::resize_file(own.path(), 4096);
  EXPECT_FALSE(seen.alive()) << "before anybody has touched the page";
  EXPECT_EQ(seen.bytes()[8191], std::byte{0});
  EXPECT_EQ(seen.bytes()[0], std::byte{0}) << "all of it: half a file is none";
  EXPECT_FALSE(seen.alive());
  // The owner's own mapping is writable, and stays so.
  own.bytes()[8191] = std::byte{1};
  EXPECT_EQ(own.bytes()[8191], std::byte{1});
}

TEST_F(LostMemoryTest, a_publisher_whose_ring_shrinks_is_dead_to_others_and_goes_on_itself) {
  const auto session = open();
  const auto other = open();
  auto shrunk = session->publisher<Checked>("t").value();
  auto subscriber = other->subscriber<Checked>("t").value();
  shrunk.send(Checked::of(1));
  std::filesystem::resize_file(files(topic_path("t"), ".ring").at(0), 0);
  auto honest = other->publisher<Checked>("t").value();
  EXPECT_FALSE(subscriber.take());
  for (std::uint64_t n = 0; n < 5; ++n) {
    shrunk.send(Checked::of(100 + n));
    honest.send(Checked::of(n));
  }
  for (std::uint64_t n = 0; n < 5; ++n) {
    ASSERT_TRUE(test::eventually([&] { return subscriber.has_message(); }));
    EXPECT_EQ(subscriber.take()->number, n);
  }
  EXPECT_TRUE(test::eventually([&] { return !subscriber.take() && subscriber.publishers() == 1; }));
}

TEST_F(LostMemoryTest, messages_that_were_punched_out_of_a_ring_are_missed) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t", {.capacity = 64}).value();
  auto subscriber = session->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 60; ++n) publisher.send(Checked::of(n));
  const UniqueFd ring{::open(files(topic_path("t"), ".ring").at(0).c_str(), O_RDWR | O_CLOEXEC)};
  ASSERT_EQ(::fallocate(ring.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192), 0);
  std::uint64_t left = subscriber.pending();
  int torn = 0;
  // Slots that show nothing are passed over when the ring's count is looked at.
  const auto all_taken = [&] {
    while (subscriber.has_message()) {
      const auto message = subscriber.take();
      torn += message && !message->whole() ? 1 : 0;
      EXPECT_LT(subscriber.pending(), std::exchange(left, subscriber.pending())) << "it moves on";
    }
    return left == 0;
  };
  ASSERT_TRUE(test::eventually(all_taken));
  EXPECT_LE(torn, 1) << "the slot over the hole's edge kept its stamp: its owner wrote that itself";
  EXPECT_GT(subscriber.counts().missed, 0U);
  EXPECT_EQ(subscriber.counts().received + subscriber.counts().missed, 60U);
}

TEST_F(LostMemoryTest, a_pool_and_a_bell_that_shrink_hurt_nobody) {
  const auto session = open();
  const auto other = open();
  auto publisher = session->publisher<Image>("camera").value();
  auto subscriber = other->subscriber<Image>("camera").value();
  Image held;
  ASSERT_TRUE(test::eventually([&] {
    publisher.send(Image::make(*session, 64, 64, Encoding::kMono8).value());
    held = subscriber.take();
    return held && held.state()->peer != nullptr;
  }));
  std::filesystem::resize_file(files(base.path() + "/pools", ".pool").at(0), 0);
  std::filesystem::resize_file(files(base.path() + "/pools", ".hold").at(0), 0);
  for (const std::string& bell : files(base.path() + "/bells", ".bell")) {
    std::filesystem::resize_file(bell, 0);
  }
  EXPECT_EQ(held.bytes()[0], std::byte{0});
  for (int n = 0; n < 20; ++n) {
    if (auto image = Image::make(*session, 64, 64, Encoding::kMono8)) publisher.send(image.value());
    subscriber.take();
  }
  EXPECT_FALSE(subscriber.take_latest());
  EXPECT_FALSE(subscriber.wait_until(MonotonicClock::now() + 20ms));
}

/// Touches a page of a file of one's own, that is no shared memory of ours, beyond its end.
void touch_beyond_the_end(const std::string& path) {
  std::ofstream{path} << "x";
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  void* at = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, file.get(), 0);
  static_cast<void>(*(static_cast<volatile char*>(at) + 4096));
}

TEST_F(LostMemoryTest, a_fault_elsewhere_goes_to_the_handler_that_was_there_before) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  base.share();
  struct sigaction mine {};
  mine.sa_handler = [](int) { ::_exit(42); };
  // In a process that runs this test alone, nothing of ours is mapped yet.
  EXPECT_EXIT(
      {
        ::sigaction(SIGBUS, &mine, nullptr);
        const auto session = Session::open(base.path());
        touch_beyond_the_end(base.path() + "/elsewhere");
      },
      ::testing::ExitedWithCode(42), "");
}

TEST_F(LostMemoryTest, a_fault_elsewhere_still_kills_where_there_was_no_handler) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  base.share();
  EXPECT_DEATH(
      {
        const auto session = Session::open(base.path());
        touch_beyond_the_end(base.path() + "/elsewhere");
      },
      "");
}

TEST_F(LostMemoryTest, more_mappings_than_the_table_holds_are_an_error) {
  auto own = test::create_region(base.path() + "/file", 64).value();
  const UniqueFd file{::open(own.path().c_str(), O_RDONLY | O_CLOEXEC)};
  std::vector<std::unique_ptr<Mapping>> mappings;
  auto next = Mapping::make(file.get(), 64, false, own.path());
  for (; next; next = Mapping::make(file.get(), 64, false, own.path())) {
    mappings.push_back(std::move(next).value());
  }
  EXPECT_EQ(next.error().code, Errc::kExhausted);
  EXPECT_EQ(mappings.size(), Mapping::kMaxMappings - 1);
  mappings.clear();
  EXPECT_TRUE(test::open_region(own.path(), 64));
}

}  // namespace
}  // namespace horus::shm

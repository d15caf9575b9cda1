// SPDX-License-Identifier: Apache-2.0
// Topics whose messages vary in size.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "shm/region.hpp"
#include "shm/ring.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::files;

class VaryingTest : public test::ShmTest {
 protected:
  /// Message n, of `size` bytes that all follow from n.
  static std::vector<std::byte> message(std::uint64_t n, std::size_t size) {
    return {size, static_cast<std::byte>(n % 251)};
  }
  /// Takes one into `buffer`; its length, -1 for none. What is torn fails the test.
  std::ptrdiff_t take(RawSubscriber& subscriber, bool latest = false) {
    const auto length = latest ? subscriber.take_latest(buffer) : subscriber.take(buffer);
    for (std::ptrdiff_t i = 1; i < length; ++i) {
      if (buffer[static_cast<std::size_t>(i)] != buffer[0]) {
        ADD_FAILURE() << "torn at byte " << i;
        break;
      }
    }
    return length;
  }

  std::vector<std::byte> buffer = std::vector<std::byte>(4096);
};

TEST_F(VaryingTest, a_ring_holds_as_many_messages_as_fit) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type()).value();
  EXPECT_LE(std::filesystem::file_size(files(topic_path("t"), ".ring").at(0)),
            (256U << 10) + sizeof(RingHeader));
  auto subscriber = session->subscribe("t", generic_type()).value();
  const auto held = [&](std::size_t size) {
    for (std::uint64_t n = 0; n < 5000; ++n) EXPECT_TRUE(publisher.send(message(n, size)));
    const std::uint64_t pending = subscriber.pending();
    std::uint64_t taken = 0;
    while (take(subscriber) >= 0) ++taken;
    EXPECT_EQ(taken, pending);
    EXPECT_EQ(
        subscriber.counts().received + subscriber.counts().passed_over + subscriber.counts().missed,
        publisher.sent());
    return taken;
  };
  EXPECT_EQ(held(8), 4096U) << "the index is full first";
  EXPECT_EQ(held(40), 131072U / 40);
  EXPECT_GE(held(1000), 129U);
  EXPECT_GE(held(4096), 30U);
}

TEST_F(VaryingTest, a_publisher_that_asks_for_less_sends_what_the_topic_carries) {
  const auto session = open();
  auto first = session->publish("t", generic_type()).value();
  auto small = session->publish("t", generic_type(), {.max_size = 100}).value();
  EXPECT_EQ(small.max_size(), first.max_size());
  EXPECT_TRUE(small.send(message(1, 4096)));
}

TEST_F(VaryingTest, a_capacity_that_was_asked_for_holds_so_many_of_the_largest) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type(), {.capacity = 4, .max_size = 1001}).value();
  auto subscriber = session->subscribe("t", generic_type()).value();
  // Every remainder that the area's end may leave.
  for (std::uint64_t round = 0; round < 50; ++round) {
    EXPECT_TRUE(publisher.send(message(round, 8 * (round % 20))));
    for (std::uint64_t n = 0; n < 4; ++n) EXPECT_TRUE(publisher.send(message(n, 1001)));
    ASSERT_EQ(subscriber.pending(), 4U) << round;
    for (std::uint64_t n = 0; n < 4; ++n) {
      ASSERT_EQ(take(subscriber), 1001);
      EXPECT_EQ(buffer[0], static_cast<std::byte>(n));
    }
  }
  EXPECT_EQ(subscriber.counts().missed, 50U);
}

TEST_F(VaryingTest, the_largest_message_fits_four_times_without_a_wish_for_a_capacity) {
  const auto session = open();
  constexpr std::uint32_t kSize = 1U << 20;
  auto publisher = session->publish("t", generic_type(), {.max_size = kSize}).value();
  auto subscriber = session->subscribe("t", generic_type()).value();
  buffer.resize(kSize);
  for (std::uint64_t n = 0; n < 10; ++n) EXPECT_TRUE(publisher.send(message(n, kSize)));
  EXPECT_GE(subscriber.pending(), 4U);
  EXPECT_EQ(take(subscriber, true), kSize);
  EXPECT_EQ(buffer[0], std::byte{9});
}

TEST_F(VaryingTest, messages_of_any_size_keep_order_and_count_over_many_laps) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type(), {.capacity = 8, .max_size = 500}).value();
  auto subscriber = session->subscribe("t", generic_type()).value();
  std::mt19937 random{7};
  std::uniform_int_distribution<std::size_t> size{0, 500};
  std::uniform_int_distribution<int> often{0, 30};
  std::vector<std::size_t> sent;
  for (int round = 0; round < 2000; ++round) {
    for (int burst = often(random); burst > 0; --burst) {
      sent.push_back(size(random));
      ASSERT_TRUE(publisher.send(message(sent.size() - 1, sent.back())));
    }
    for (int burst = often(random); burst > 0; --burst) {
      const std::ptrdiff_t length = take(subscriber);
      if (length < 0) break;
      const std::uint64_t n = subscriber.counts().received + subscriber.counts().passed_over +
                              subscriber.counts().missed - 1;
      ASSERT_EQ(static_cast<std::size_t>(length), sent[n]);
      ASSERT_TRUE(length == 0 || buffer[0] == static_cast<std::byte>(n % 251));
    }
  }
  while (take(subscriber) >= 0) {
  }
  EXPECT_EQ(
      subscriber.counts().received + subscriber.counts().passed_over + subscriber.counts().missed,
      sent.size());
  EXPECT_GT(subscriber.counts().missed, 1000U);
}

TEST_F(VaryingTest, a_long_absence_costs_one_search_and_the_gap_is_exact) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type()).value();
  auto subscriber = session->subscribe("t", generic_type()).value();
  // Fewer messages than the index holds and many more bytes than the area does.
  for (std::uint64_t n = 0; n < 2000; ++n) EXPECT_TRUE(publisher.send(message(n, 1000)));
  const std::uint64_t pending = subscriber.pending();
  ASSERT_EQ(take(subscriber), 1000) << "the first take finds the oldest that is left";
  EXPECT_EQ(buffer[0], static_cast<std::byte>((2000 - pending) % 251));
  EXPECT_EQ(subscriber.counts().missed, 2000 - pending);
  EXPECT_EQ(subscriber.counts().received, 1U);
}

TEST_F(VaryingTest, the_latest_passes_over_all_others_and_misses_nothing) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type()).value();
  auto subscriber = session->subscribe("t", generic_type()).value();
  for (std::uint64_t n = 0; n < 500; ++n) EXPECT_TRUE(publisher.send(message(n, 1000)));
  ASSERT_EQ(take(subscriber, true), 1000);
  EXPECT_EQ(buffer[0], static_cast<std::byte>(499 % 251));
  EXPECT_EQ(subscriber.counts().received, 1U);
  EXPECT_EQ(subscriber.counts().passed_over, 499U);
  EXPECT_EQ(subscriber.counts().missed, 0U);
}

TEST_F(VaryingTest, history_begins_with_the_oldest_that_is_left_and_misses_nothing) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type()).value();
  for (std::uint64_t n = 0; n < 1000; ++n) EXPECT_TRUE(publisher.send(message(n, 1000)));
  auto few = session->subscribe("t", generic_type(), {.history = 3}).value();
  auto all = session->subscribe("t", generic_type(), {.history = 1U << 20}).value();
  auto late = session->subscribe("t", generic_type()).value();
  ASSERT_EQ(take(few), 1000);
  EXPECT_EQ(buffer[0], static_cast<std::byte>(997 % 251));
  EXPECT_GE(all.pending(), 129U);
  while (take(all) >= 0) {
  }
  EXPECT_EQ(all.counts().missed, 0U);
  EXPECT_EQ(take(late), -1);
}

TEST_F(VaryingTest, a_larger_limit_than_the_topic_has_is_an_error_that_names_both) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type(), {.max_size = 100}).value();
  EXPECT_TRUE(session->subscribe("t", generic_type(), {.max_size = 50}));
  const auto larger = session->subscribe("t", generic_type(), {.max_size = 5000});
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, Errc::kInvalidArgument);
  EXPECT_EQ(larger.error().subject.view(),
            "topic 't' carries at most 100 bytes a message, asked for max_size 5000");
}

TEST_F(VaryingTest, the_first_publisher_says_the_limit_whoever_subscribed_before) {
  const auto session = open();
  auto subscriber = session->subscribe("t", generic_type()).value();
  auto other = session->subscribe("t", generic_type(), {.max_size = 1000}).value();
  buffer.resize(100'000);
  {
    auto large = session->publish("t", generic_type(), {.max_size = 100'000}).value();
    EXPECT_EQ(large.max_size(), 100'000U);
    EXPECT_TRUE(large.send(buffer));
    for (RawSubscriber* const one : {&subscriber, &other}) {
      EXPECT_EQ(one->max_size(), 100'000U);
      EXPECT_EQ(one->take(buffer), 100'000);
    }
  }
  auto small = session->publish("t", generic_type(), {.max_size = 100}).value();
  EXPECT_EQ(small.max_size(), 100U);
  EXPECT_FALSE(small.send(std::span{buffer}.first(101)));
}

TEST_F(VaryingTest, a_limit_that_cannot_be_names_its_option) {
  const auto session = open();
  const auto why = [&](const TypeInfo& type, const TopicOptions& options) {
    return std::string{session->publish("t", type, options).error().what};
  };
  EXPECT_EQ(why(generic_type(), {.max_size = kMaxMessage + 1}), "max_size is at most 4 MiB");
  EXPECT_EQ(why(generic_type(), {.capacity = (1U << 20) + 1}),
            "capacity is at most 1,048,576 messages");
  EXPECT_EQ(why(generic_type(), {.capacity = 1U << 20, .max_size = kMaxMessage}),
            "capacity: so many messages of the largest size are more than 1 GiB");
}

TEST_F(VaryingTest, an_index_that_lies_loses_messages_and_blocks_nobody) {
  const auto session = open();
  auto liar = session->publish("t", generic_type(), {.capacity = 4, .max_size = 64}).value();
  auto subscriber = session->subscribe("t", generic_type()).value();
  const auto region = test::open_region(files(topic_path("t"), ".ring").at(0), 0, true).value();
  auto& header = *region.as<RingHeader>();
  const auto entry = [&](std::uint64_t n) {
    return region.as<IndexEntry>(sizeof(RingHeader) + n % 4 * sizeof(IndexEntry));
  };
  std::uint64_t missed = 0;
  const auto expect_missed = [&](auto lie) {
    const std::uint64_t n = liar.sent();
    ASSERT_TRUE(liar.send(message(n, 64)));
    lie(*entry(n));
    EXPECT_EQ(take(subscriber), -1);
    EXPECT_EQ(subscriber.counts().missed, ++missed);
    ASSERT_TRUE(liar.send(message(n + 1, 64)));
    EXPECT_EQ(take(subscriber), 64) << "it goes on";
  };
  for (const std::uint64_t position : {std::uint64_t{4}, std::uint64_t{1}, std::uint64_t{1} << 40,
                                       ~std::uint64_t{7}, ~std::uint64_t{0}}) {
    expect_missed([position](IndexEntry& lying) { lying.position = position; });
  }
  for (const std::uint64_t length :
       {std::uint64_t{65}, ~std::uint64_t{0}, std::uint64_t{1} << 32}) {
    expect_missed([length](IndexEntry& lying) { lying.head.length = length; });
  }
  for (const std::uint64_t reserved : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    expect_missed([&header, reserved](IndexEntry&) { header.reserved = reserved; });
  }
}

TEST_F(VaryingTest, a_ring_whose_area_is_not_what_it_says_is_not_read) {
  const auto session = open();
  auto publisher = session->publish("t", generic_type(), {.capacity = 4, .max_size = 64}).value();
  const auto region = test::open_region(files(topic_path("t"), ".ring").at(0), 0, true).value();
  auto& header = *region.as<RingHeader>();
  const std::uint32_t honest = header.area_size;
  ASSERT_TRUE(view_of(region, generic_type().hash, true));
  for (const std::uint32_t size : {0U, 7U, honest - 1, honest + 8, 56U, 0xfffffff8U}) {
    header.area_size = size;
    EXPECT_FALSE(view_of(region, generic_type().hash, true)) << size;
  }
  header.area_size = honest;
  header.slot_size = 64;
  EXPECT_FALSE(view_of(region, generic_type().hash, true));
}

}  // namespace
}  // namespace horus::shm

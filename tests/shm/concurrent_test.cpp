// SPDX-License-Identifier: Apache-2.0
// Many threads at once. Under ThreadSanitizer these tests say whether the orders of the atomics are
// enough; everywhere they say whether the promises hold.
#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <thread>
#include <vector>

#include <horus/image.hpp>

#include "shm/payload_state.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using ConcurrentTest = test::ShmTest;

constexpr std::uint64_t kPublishers = 4;
constexpr std::uint64_t kSubscribers = 4;
constexpr std::uint64_t kMessages = 5000;
/// In a Checked::number: the publisher above, its own count below.
constexpr std::uint64_t kPublisher = 1U << 24;

/// Takes until everything that is sent was received or missed.
void take_all(Subscriber<Checked>& subscriber, bool latest) {
  std::vector<std::uint64_t> next(kPublishers, 0);
  while (subscriber.counts().received + subscriber.counts().passed_over +
             subscriber.counts().missed <
         kPublishers * kMessages) {
    const auto message = latest ? subscriber.take_latest() : subscriber.take();
    if (!message) {
      subscriber.wait_until(MonotonicClock::now() + 1s);
      continue;
    }
    ASSERT_TRUE(message->whole());
    std::uint64_t& expected = next[message->number / kPublisher];
    ASSERT_GE(message->number % kPublisher, expected) << "order within a publisher";
    expected = message->number % kPublisher + 1;
  }
  EXPECT_EQ(
      subscriber.counts().received + subscriber.counts().passed_over + subscriber.counts().missed,
      kPublishers * kMessages);
  EXPECT_FALSE(subscriber.take());
}

TEST_F(ConcurrentTest, four_publishers_and_four_subscribers_lose_no_count_and_tear_nothing) {
  const auto session = open();
  std::vector<Subscriber<Checked>> subscribers;
  for (std::uint64_t i = 0; i < kSubscribers; ++i) {
    subscribers.push_back(session->subscriber<Checked>("t", {.capacity = 16}).value());
  }
  std::vector<Publisher<Checked>> publishers;
  for (std::uint64_t i = 0; i < kPublishers; ++i) {
    publishers.push_back(session->publisher<Checked>("t").value());
  }
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kPublishers; ++i) {
    threads.emplace_back([&publisher = publishers[i], i] {
      for (std::uint64_t n = 0; n < kMessages; ++n) publisher.send(Checked::of(i * kPublisher + n));
    });
  }
  for (std::uint64_t i = 0; i < kSubscribers; ++i) {
    threads.emplace_back([&subscriber = subscribers[i], i] { take_all(subscriber, i % 2 == 1); });
  }
  for (std::thread& thread : threads) thread.join();
}

/// Message n: as many bytes as follow from it, all of one value.
std::span<const std::byte> varying(std::uint64_t n, std::span<std::byte> buffer) {
  const auto message = buffer.first(n * 37 % buffer.size() + 1);
  std::ranges::fill(message, static_cast<std::byte>(n % 251));
  return message;
}

void expect_whole(std::span<const std::byte> message) {
  const auto same = [&message](std::byte byte) { return byte == message[0]; };
  EXPECT_TRUE(std::ranges::all_of(message, same));
}

TEST_F(ConcurrentTest, messages_of_any_size_are_never_torn_and_counted_exactly) {
  const auto session = open();
  const auto other = open();
  const TopicOptions options{.capacity = 8, .max_size = 300};
  std::vector<RawSubscriber> subscribers;
  for (const bool foreign : {false, true}) {
    subscribers.push_back(
        (foreign ? other : session)->subscribe("t", generic_type(), options).value());
  }
  auto publisher = session->publish("t", generic_type(), options).value();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < subscribers.size(); ++i) {
    threads.emplace_back([&subscriber = subscribers[i], latest = i == 1] {
      std::array<std::byte, 300> buffer{};
      while (subscriber.counts().received + subscriber.counts().passed_over +
                 subscriber.counts().missed <
             kMessages) {
        const auto length = latest ? subscriber.take_latest(buffer) : subscriber.take(buffer);
        if (length > 0) expect_whole(std::span{buffer}.first(static_cast<std::size_t>(length)));
        if (length < 0) subscriber.wait_until(MonotonicClock::now() + 1s);
      }
      EXPECT_EQ(subscriber.counts().received + subscriber.counts().passed_over +
                    subscriber.counts().missed,
                kMessages);
    });
  }
  std::array<std::byte, 300> buffer{};
  for (std::uint64_t n = 0; n < kMessages; ++n) EXPECT_TRUE(publisher.send(varying(n, buffer)));
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ConcurrentTest, a_topic_that_refuses_loses_nothing_from_its_first_message_on) {
  const auto session = open();
  const auto other = open();
  const TopicOptions options{.max_size = 3000, .policy = Policy::kRefuse};
  std::vector<RawSubscriber> subscribers;
  for (const bool foreign : {false, true}) {
    subscribers.push_back(
        (foreign ? other : session)->subscribe("t", generic_type(), options).value());
  }
  auto publisher = session->publish("t", generic_type(), options).value();
  std::vector<std::thread> threads;
  for (RawSubscriber& subscriber : subscribers) {
    threads.emplace_back([&subscriber] {
      std::array<std::byte, 3000> buffer{};
      for (std::uint64_t n = 0; n < kMessages; ++n) {
        const auto length = subscriber.take_until(buffer, MonotonicClock::now() + 1min);
        ASSERT_EQ(length, static_cast<std::ptrdiff_t>(n * 37 % buffer.size() + 1));
        EXPECT_EQ(buffer[0], static_cast<std::byte>(n % 251));
        expect_whole(std::span{buffer}.first(static_cast<std::size_t>(length)));
      }
      EXPECT_EQ(subscriber.counts().missed, 0U);
    });
  }
  std::array<std::byte, 3000> buffer{};
  for (std::uint64_t n = 0; n < kMessages; ++n) {
    const auto message = varying(n, buffer);
    ASSERT_TRUE(test::eventually([&] { return publisher.send(message); }));
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ConcurrentTest, publishers_that_come_and_go_disturb_nobody) {
  const auto session = open();
  const auto other = open();
  auto subscriber = session->subscriber<Checked>("t").value();
  auto steady = session->publisher<Checked>("t").value();
  std::atomic<bool> ends{false};
  std::thread coming{[&] {
    for (std::uint64_t n = 0; n < 40; ++n) {
      auto publisher = other->publisher<Checked>("t").value();
      publisher.send(Checked::of(n));
    }
    ends = true;
  }};
  std::uint64_t sent = 0;
  while (!ends) {
    steady.send(Checked::of(kPublisher + sent++));
    while (const auto message = subscriber.take()) ASSERT_TRUE(message->whole());
  }
  coming.join();
  EXPECT_TRUE(test::eventually([&] { return !subscriber.take() && subscriber.publishers() == 1; }));
}

TEST_F(ConcurrentTest, frames_that_are_held_are_never_written_to) {
  const auto session = open();
  const auto other = open();
  auto subscriber = other->subscriber<Image>("camera").value();
  auto publisher = session->publisher<Image>("camera").value();
  std::atomic<bool> ends{false};
  std::thread camera{[&] {
    for (int n = 0; !ends; ++n) {
      auto image = Image::make(*session, 16, 64, Encoding::kMono8);
      if (!image) continue;
      std::ranges::fill(image.value().writable(), static_cast<std::byte>(n));
      publisher.send(image.value());
    }
  }};
  std::vector<Image> kept(4);
  int held = 0;
  EXPECT_TRUE(test::eventually([&] {
    Image image = subscriber.take();
    if (!image) return false;
    held += image.state()->peer != nullptr ? 1 : 0;
    kept[static_cast<std::size_t>(held) % kept.size()] = std::move(image);
    for (const Image& frame : kept) {
      if (!frame) continue;
      const auto pixels = frame.bytes();
      EXPECT_EQ(std::ranges::count(pixels, pixels[0]), static_cast<std::ptrdiff_t>(pixels.size()));
    }
    return held >= 300 || HasFailure();
  }));
  ends = true;
  camera.join();
}

}  // namespace
}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
// Many threads at once. Under ThreadSanitizer these tests say whether the orders of the atomics are
// enough; everywhere they say whether the promises hold.
#include <atomic>
#include <thread>
#include <vector>

#include "shm/image_state.hpp"
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
  while (subscriber.received() + subscriber.missed() < kPublishers * kMessages) {
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
  EXPECT_EQ(subscriber.received() + subscriber.missed(), kPublishers * kMessages);
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
  auto subscriber = other->image_subscriber("camera").value();
  auto publisher = session->image_publisher("camera").value();
  std::atomic<bool> ends{false};
  std::thread camera{[&] {
    for (int n = 0; !ends; ++n) {
      auto image = session->image(16, 64, Encoding::kMono8);
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

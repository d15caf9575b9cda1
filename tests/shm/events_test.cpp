// SPDX-License-Identifier: Apache-2.0
// What begins the ticks of an event node: each message at most one.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <vector>

#include "shm/layout.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using test::Checked;
using EventsTest = test::ShmTest;

bool begins(RawSubscriber& subscriber) {
  return subscriber.wait_for_new(MonotonicClock::now());
}

TEST_F(EventsTest, a_message_that_is_left_is_told_of_once) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  EXPECT_FALSE(begins(subscriber));
  publisher.send(Checked::of(0));
  EXPECT_TRUE(begins(subscriber));
  EXPECT_FALSE(begins(subscriber));
  EXPECT_TRUE(subscriber.has_message());
  publisher.send(Checked::of(1));
  EXPECT_TRUE(begins(subscriber));
  EXPECT_FALSE(begins(subscriber));
  EXPECT_EQ(subscriber.pending(), 2U);
}

TEST_F(EventsTest, a_message_that_was_taken_before_its_turn_is_not_told_of) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 3; ++n) publisher.send(Checked::of(n));
  EXPECT_TRUE(begins(subscriber));
  while (subscriber.take()) {
  }
  EXPECT_FALSE(begins(subscriber));
  publisher.send(Checked::of(3));
  EXPECT_TRUE(begins(subscriber));
}

TEST_F(EventsTest, who_takes_one_at_a_time_is_told_of_each) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  for (std::uint64_t n = 0; n < 10; ++n) publisher.send(Checked::of(n));
  int ticks = 0;
  for (; begins(subscriber); ++ticks) EXPECT_TRUE(subscriber.take());
  EXPECT_EQ(ticks, 10);
}

TEST_F(EventsTest, a_message_that_comes_beside_one_that_was_left_wakes_the_sleeper) {
  const auto session = open();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  publisher.send(Checked::of(0));
  ASSERT_TRUE(begins(subscriber));
  std::thread sender{[&publisher] { publisher.send(Checked::of(1)); }};
  EXPECT_TRUE(subscriber.wait_for_new(MonotonicClock::now() + std::chrono::minutes{1}));
  sender.join();
  EXPECT_FALSE(begins(subscriber));
}

TEST_F(EventsTest, a_message_whose_tick_took_an_earlier_one_that_came_later_begins_one_of_its_own) {
  const auto session = open();
  auto slow = session->publisher<Checked>("t").value();
  const std::string ring = test::files(topic_path("t"), ".ring").front();
  auto publisher = session->publisher<Checked>("t").value();
  auto subscriber = session->subscriber<Checked>("t").value();
  publisher.send(Checked::of(1));
  ASSERT_TRUE(begins(subscriber));
  slow.send(Checked::of(0));
  // It had looked at the clock before the other one did.
  const UniqueFd file{::open(ring.c_str(), O_RDWR | O_CLOEXEC)};
  const std::uint64_t cycles = 1;
  ASSERT_EQ(::pwrite(file.get(), &cycles, sizeof cycles,
                     sizeof(RingHeader) + offsetof(SlotHeader, cycles)),
            static_cast<ssize_t>(sizeof cycles));
  ASSERT_EQ(subscriber.take()->number, 0U);
  EXPECT_TRUE(begins(subscriber));
  EXPECT_FALSE(begins(subscriber));
}

/// What a subscriber has to tell of, by the rule: in the order of sending, each message is waiting
/// or gone, and has begun a tick or not.
class Model {
 public:
  explicit Model(std::size_t capacity) : capacity_{capacity} {}

  void send(std::size_t publisher) {
    waiting_.push_back({publisher, false});
    const auto mine = [publisher](const Message& one) { return one.publisher == publisher; };
    if (static_cast<std::size_t>(std::ranges::count_if(waiting_, mine)) > capacity_) {
      waiting_.erase(std::ranges::find_if(waiting_, mine));
    }
  }
  bool begin() {
    const auto next = std::ranges::find(waiting_, false, &Message::begun);
    if (next == waiting_.end()) return false;
    return next->begun = true;
  }
  bool take() {
    if (waiting_.empty()) return false;
    waiting_.erase(waiting_.begin());
    return true;
  }
  bool take_latest() {
    const bool any = !waiting_.empty();
    waiting_.clear();
    return any;
  }

 private:
  struct Message {
    std::size_t publisher;
    bool begun;
  };
  std::size_t capacity_;
  std::vector<Message> waiting_;
};

TEST_F(EventsTest, any_order_of_sending_taking_and_ticking_keeps_the_rule) {
  constexpr std::size_t kCapacity = 4;
  const auto session = open();
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random{seed};
    const std::string topic = "t" + std::to_string(seed);
    std::array<Publisher<Checked>, 3> publishers;
    for (auto& publisher : publishers) {
      publisher = session->publisher<Checked>(topic, {.capacity = kCapacity}).value();
    }
    auto subscriber = session->subscriber<Checked>(topic).value();
    Model model{kCapacity};
    for (int step = 0; step < 400; ++step) {
      switch (random() % 6) {
        case 0:
        case 1: {
          const std::size_t publisher = random() % publishers.size();
          publishers[publisher].send(Checked::of(0));
          model.send(publisher);
          break;
        }
        case 2:
        case 3:
          ASSERT_EQ(begins(subscriber), model.begin()) << "seed " << seed << ", step " << step;
          break;
        case 4: ASSERT_EQ(subscriber.take().has_value(), model.take()); break;
        case 5:
          if (random() % 4 != 0) break;
          ASSERT_EQ(subscriber.take_latest().has_value(), model.take_latest());
          break;
      }
    }
  }
}

}  // namespace
}  // namespace horus::shm

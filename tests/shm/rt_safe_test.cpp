// SPDX-License-Identifier: Apache-2.0
// What headers call RT-safe allocates nothing: the trap aborts where it does.
#include <array>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "shm/layout.hpp"
#include "shm/msg/varying.hpp"
#include "shm/region.hpp"
#include "shm/varying.hpp"
#include "tests/support/no_alloc.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using msg::OccupancyGrid;
using test::Checked;
using test::files;
using test::NoAlloc;

// Several laps of every ring.
constexpr std::uint64_t kMessages = 100;

class RtSafeTest : public test::ShmTest {
 protected:
  const std::unique_ptr<Session> session = open();
  const std::unique_ptr<Session> other = open();
};

TEST_F(RtSafeTest, messages_of_one_size_overwritten_or_refused) {
  for (const Policy policy : {Policy::kOverwrite, Policy::kRefuse}) {
    const std::string topic = policy == Policy::kRefuse ? "refuses" : "overwrites";
    const TopicOptions options{.capacity = 8, .policy = policy};
    auto publisher = session->publisher<Checked>(topic, options).value();
    auto subscriber = other->subscriber<Checked>(topic, options).value();
    ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 1; }));
    std::uint64_t received = 0;
    {
      const NoAlloc trap;
      for (std::uint64_t n = 0; n < kMessages; ++n) publisher.send(Checked::of(n));
      while (subscriber.has_message() && subscriber.take()) ++received;
      publisher.send(Checked::of(kMessages));
      received += subscriber.take_latest() ? 1U : 0U;
    }
    EXPECT_GE(received, 8U) << topic;
  }
}

TEST_F(RtSafeTest, a_publisher_that_wakes_a_sleeper) {
  auto publisher = session->publisher<Checked>("wakes").value();
  auto subscriber = other->subscriber<Checked>("wakes").value();
  ASSERT_TRUE(test::eventually([&] { return publisher.subscribers() == 1; }));
  const auto cursor = Region::open(files(topic_path("wakes"), ".sub").at(0), 0).value();
  std::thread sleeper{[&subscriber] {
    EXPECT_TRUE(subscriber.take_until(MonotonicClock::now() + 10s)) << "not woken";
  }};
  EXPECT_TRUE(test::eventually([&] { return cursor.as<CursorFile>()->sleeping != 0; }));
  {
    const NoAlloc trap;
    publisher.send(Checked::of(1));
  }
  sleeper.join();
}

TEST_F(RtSafeTest, messages_whose_size_varies) {
  const TypeInfo& type = type_info(Tag<OccupancyGrid>{});
  auto publisher = session->publish("map", type, {.max_size = 4096}).value();
  auto subscriber = other->subscribe("map", type, {.max_size = 4096}).value();
  ASSERT_TRUE(test::eventually([&] { return subscriber.publishers() == 1; }));
  alignas(8) std::array<std::byte, 4096> buffer{};
  std::uint64_t cells = 0;
  {
    const NoAlloc trap;
    for (std::uint32_t n = 1; n <= kMessages; ++n) {
      OccupancyGrid head;
      head.width = n % 32;
      head.height = 8;
      const auto built = Building<OccupancyGrid>::in(buffer, head);
      if (!built || !publisher.send(built->bytes())) continue;
      const std::ptrdiff_t size = subscriber.take(buffer);
      if (size < 0) continue;
      const auto map =
          View<OccupancyGrid>::of(std::span{buffer}.first(static_cast<std::size_t>(size)));
      if (map) cells += map->tail<std::int8_t>("data").size();
    }
  }
  std::uint64_t sent = 0;
  for (std::uint32_t n = 1; n <= kMessages; ++n) sent += n % 32 * 8;
  EXPECT_EQ(cells, sent);
}

}  // namespace
}  // namespace horus::shm

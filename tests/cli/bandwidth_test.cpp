// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/bandwidth.hpp"

#include <gtest/gtest.h>

namespace horus::cli {
namespace {

shm::PublisherInfo publisher(const char* ring, std::uint64_t sent, std::uint64_t bytes) {
  shm::PublisherInfo info;
  info.ring = ring;
  info.sent = sent;
  info.bytes = bytes;
  return info;
}

shm::TopicInfo topic(std::vector<shm::PublisherInfo> publishers) {
  shm::TopicInfo info;
  info.publishers = std::move(publishers);
  return info;
}

TEST(Bandwidth, what_was_sent_before_the_first_look_does_not_count) {
  const TimePoint start = MonotonicClock::now();
  Bandwidth bandwidth{topic({publisher("a", 100, 1600)}), start};
  const Flow flow = bandwidth.look(topic({publisher("a", 150, 2400)}), start + 2s);
  EXPECT_EQ(flow.messages, 50U);
  EXPECT_EQ(flow.bytes, 800U);
  EXPECT_EQ(flow_text(flow), "400 B/s  25.0 messages/s  mean 16 B\n");
  EXPECT_EQ(flow_json("odom", flow)["bytes_per_s"], 400.0);
}

TEST(Bandwidth, publishers_come_and_go) {
  const TimePoint start = MonotonicClock::now();
  Bandwidth bandwidth{topic({publisher("a", 10, 100)}), start};
  EXPECT_EQ(
      bandwidth.look(topic({publisher("a", 11, 110), publisher("b", 3, 30)}), start + 1s).bytes,
      40U);
  EXPECT_EQ(bandwidth.look(topic({publisher("b", 5, 50)}), start + 2s).bytes, 20U);
  EXPECT_EQ(bandwidth.look(topic({}), start + 3s).messages, 0U);
}

TEST(Bandwidth, a_count_that_falls_is_no_flood) {
  const TimePoint start = MonotonicClock::now();
  Bandwidth bandwidth{topic({publisher("a", 1000, 9000)}), start};
  EXPECT_EQ(bandwidth.look(topic({publisher("a", 2, 18)}), start + 1s).bytes, 18U);
}

TEST(Bandwidth, bytes_have_three_digits_and_a_unit) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(27'648'000), "27.6 MB");
  EXPECT_EQ(bytes_text(1.5e15), "1.5e+03 TB");
}

}  // namespace
}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <thread>

#include <gtest/gtest.h>

#include "rt/base/seqlock.hpp"
#include "rt/base/spsc_ring.hpp"

namespace horus {
namespace {

struct Pair {
  std::uint64_t value;
  std::uint64_t inverse;
};

TEST(Seqlock, never_shows_half_of_a_store) {
  constexpr std::uint64_t kStores = 20'000;
  Seqlock<Pair> lock;
  lock.store({0, ~std::uint64_t{0}});
  std::thread writer{[&lock] {
    for (std::uint64_t i = 1; i <= kStores; ++i) lock.store({i, ~i});
  }};
  std::uint64_t last = 0;
  while (last < kStores) {
    const auto seen = lock.load();
    if (!seen) continue;
    ASSERT_EQ(seen->inverse, ~seen->value);
    ASSERT_GE(seen->value, last);
    last = seen->value;
  }
  writer.join();
}

TEST(SpscRing, is_first_in_first_out_and_says_when_it_is_full_or_empty) {
  SpscRing<int, 4> ring;
  int value = 0;
  EXPECT_FALSE(ring.pop(value));
  for (int i = 1; i <= 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(5));
  for (int i = 1; i <= 4; ++i) {
    ASSERT_TRUE(ring.pop(value));
    EXPECT_EQ(value, i);
  }
  EXPECT_FALSE(ring.pop(value));
  EXPECT_EQ(value, 4) << "an empty ring leaves the value alone";
}

TEST(SpscRing, loses_and_reorders_nothing_between_two_threads) {
  constexpr int kValues = 100'000;
  SpscRing<int, 64> ring;
  std::thread pusher{[&ring] {
    for (int i = 0; i < kValues;) {
      if (ring.push(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  }};
  for (int expected = 0; expected < kValues;) {
    int value = -1;
    if (!ring.pop(value)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(value, expected);
    ++expected;
  }
  pusher.join();
}

}  // namespace
}  // namespace horus

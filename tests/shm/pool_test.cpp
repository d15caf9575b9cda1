// SPDX-License-Identifier: Apache-2.0
#include "shm/pool.hpp"

#include <set>

#include "shm/directory.hpp"
#include "shm/names.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

class PoolTest : public ::testing::Test {
 protected:
  PoolTest() { std::filesystem::create_directories(base.path() + "/pools"); }

  std::shared_ptr<PeerPool> holder(std::string_view name) {
    return PeerPool::open(base.path(), pool->id(), std::string{name}).value();
  }
  /// Blocks that can be taken now; they are given back.
  std::size_t free_blocks() {
    std::vector<std::uint32_t> taken;
    while (const auto block = pool->take()) taken.push_back(block->index);
    for (const std::uint32_t index : taken) pool->give_back(index);
    return taken.size();
  }

  test::TemporaryBase base;
  std::shared_ptr<OwnPool> pool = [this] {
    std::filesystem::create_directories(base.path() + "/pools");
    return OwnPool::create(base.path(), make_identity(), 100).value();
  }();
};

TEST_F(PoolTest, gives_each_block_once_in_whole_pages_that_do_not_overlap) {
  std::set<std::byte*> places;
  for (std::uint32_t i = 0; i < kPoolBlocks; ++i) {
    const auto block = pool->take();
    ASSERT_TRUE(block);
    const auto bytes = pool->block(block->index);
    EXPECT_EQ(bytes.size(), kPage);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % kPage, 0U);
    places.insert(bytes.data());
  }
  EXPECT_EQ(places.size(), kPoolBlocks);
  EXPECT_FALSE(pool->take());
  pool->give_back(3);
  EXPECT_EQ(pool->take()->index, 3U);
}

TEST_F(PoolTest, a_block_has_another_generation_each_time_it_is_taken) {
  const auto first = pool->take().value();
  pool->give_back(first.index);
  for (std::uint32_t i = 1; i < kPoolBlocks; ++i) pool->take();
  const auto again = pool->take().value();
  EXPECT_EQ(again.index, first.index);
  EXPECT_GT(again.generation, first.generation);
}

TEST_F(PoolTest, a_holder_counts_from_when_the_owner_has_acknowledged_it) {
  const auto peer = holder("1-1-a");
  const auto block = pool->take().value();
  EXPECT_FALSE(peer->acknowledged());
  pool->attend();
  EXPECT_TRUE(peer->acknowledged());
  EXPECT_TRUE(peer->hold(block.index, block.generation));
  pool->give_back(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks - 1);
  peer->release(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks);
}

TEST_F(PoolTest, a_block_that_was_taken_back_cannot_be_held) {
  const auto peer = holder("1-1-a");
  pool->attend();
  const auto block = pool->take().value();
  pool->give_back(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks);  // Each block was taken for something else meanwhile.
  EXPECT_FALSE(peer->is_current(block.index, block.generation));
  EXPECT_FALSE(peer->hold(block.index, block.generation));
  EXPECT_EQ(free_blocks(), kPoolBlocks) << "a hold that failed leaves nothing behind";
}

TEST_F(PoolTest, every_hold_of_every_holder_counts) {
  const auto one = holder("1-1-a");
  const auto two = holder("1-1-b");
  pool->attend();
  const auto block = pool->take().value();
  pool->give_back(block.index);
  EXPECT_TRUE(one->hold(block.index, block.generation));
  EXPECT_TRUE(one->hold(block.index, block.generation));
  EXPECT_TRUE(two->hold(block.index, block.generation));
  one->release(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks - 1);
  two->release(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks - 1);
  one->release(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks);
}

TEST_F(PoolTest, what_a_dead_holder_held_does_not_count) {
  auto peer = holder("1-1-a");
  pool->attend();
  const auto block = pool->take().value();
  pool->give_back(block.index);
  ASSERT_TRUE(peer->hold(block.index, block.generation));
  peer = nullptr;  // As with a process that dies: its lock goes, its counts stay.
  EXPECT_EQ(free_blocks(), kPoolBlocks - 1);
  pool->attend();
  EXPECT_EQ(free_blocks(), kPoolBlocks);
}

TEST_F(PoolTest, a_payload_outside_the_pool_is_empty) {
  const auto peer = holder("1-1-a");
  EXPECT_EQ(peer->payload(0, kPage).size(), kPage);
  EXPECT_EQ(peer->payload(kPoolBlocks - 1, 1).size(), 1U);
  EXPECT_TRUE(peer->payload(kPoolBlocks, 1).empty());
  EXPECT_TRUE(peer->payload(0, kPage + 1).empty());
  EXPECT_TRUE(peer->payload(0xffffffffU, ~std::uint64_t{0}).empty());
}

TEST_F(PoolTest, a_holder_that_cannot_be_acknowledged_is_left_to_copying) {
  std::vector<std::shared_ptr<PeerPool>> holders;
  for (std::size_t i = 0; i <= kMaxHolders; ++i) {
    holders.push_back(holder("1-1-" + std::to_string(i)));
  }
  pool->attend();
  EXPECT_EQ(std::ranges::count_if(holders, [](const auto& one) { return one->acknowledged(); }),
            static_cast<std::ptrdiff_t>(kMaxHolders));
}

}  // namespace
}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
#include "shm/pool.hpp"

#include <set>

#include "shm/names.hpp"
#include "shm/own_pools.hpp"
#include "shm/peer_pools.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

class PoolTest : public ::testing::Test {
 protected:
  PoolTest() { std::filesystem::create_directories(base.path() + "/pools"); }

  FolderPtr pools() const { return test::folder_of(base.path() + "/pools/"); }
  std::shared_ptr<PeerPool> holder(std::string_view name) {
    const std::string file = pools()->list(".pool").at(0);
    return PeerPool::open(pools(), file, std::string{name}).value();
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
    return OwnPool::create(pools(), make_identity(), 100).value();
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

TEST_F(PoolTest, the_block_freed_last_goes_out_first_and_a_held_one_is_passed_by) {
  const auto peer = holder("1-1-a");
  pool->attend();
  std::vector<BlockRef> blocks;
  for (std::uint32_t i = 0; i < kPoolBlocks; ++i) blocks.push_back(pool->take().value());
  for (const std::uint32_t index : {5U, 2U, 9U}) pool->give_back(index);
  const auto newest = std::ranges::find(blocks, 9U, &BlockRef::index);
  ASSERT_TRUE(peer->hold(9, newest->generation));
  EXPECT_EQ(pool->take()->index, 2U);
  EXPECT_EQ(pool->take()->index, 5U);
  EXPECT_FALSE(pool->take());
  peer->release(9);
  EXPECT_EQ(pool->take()->index, 9U);
}

TEST_F(PoolTest, a_shared_block_is_free_when_the_last_lets_go_of_it) {
  const auto block = pool->take().value();
  pool->use(block.index).share();
  pool->give_back(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks - 1);
  EXPECT_FALSE(pool->is_idle());
  pool->give_back(block.index);
  EXPECT_EQ(free_blocks(), kPoolBlocks);
  EXPECT_TRUE(pool->is_idle());
}

TEST_F(PoolTest, a_pool_closes_when_nobody_refers_to_it_or_holds_of_it) {
  const auto peer = holder("1-1-a");
  pool->attend();
  const auto block = pool->take().value();
  EXPECT_FALSE(pool->close());
  ASSERT_TRUE(peer->hold(block.index, block.generation));
  pool->give_back(block.index);
  EXPECT_FALSE(pool->close());
  peer->release(block.index);
  EXPECT_TRUE(pool->close());
  EXPECT_FALSE(pool->take());
}

TEST_F(PoolTest, sizes_of_blocks_grow_by_a_quarter_at_most) {
  EXPECT_EQ(block_size_for(1), kPage);
  EXPECT_EQ(block_size_for(kPage), kPage);
  EXPECT_EQ(block_size_for(kPage + 1), 2 * kPage);
  EXPECT_EQ(block_size_for(8 * kPage + 1), 10 * kPage);
  EXPECT_EQ(block_size_for(1080 * 1920 * 3), 1536 * kPage);
  std::set<std::size_t> sizes;
  for (std::size_t size = 1; size < (std::size_t{1} << 24); size += size / 16 + 1) {
    const std::size_t block = block_size_for(size);
    EXPECT_GE(block, size);
    EXPECT_LE(block, std::max(size + size / 4, size + kPage));
    sizes.insert(block);
  }
  EXPECT_LE(sizes.size(), 4U * 12);
}

TEST_F(PoolTest, a_block_has_another_generation_each_time_it_is_taken) {
  const auto first = pool->take().value();
  pool->give_back(first.index);
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

TEST_F(PoolTest, no_frame_is_taken_of_a_pool_before_its_owner_has_acknowledged_the_holder) {
  PeerPools peers{pools(), "1-1-a"};
  const std::string owner{key_of(pools()->list(".pool").at(0))};
  EXPECT_EQ(peers.look(pool->id()), PeerPools::Look::kUnknown);
  peers.refresh({{owner, true}}, [](const std::string& path, const Error& error) {
    ADD_FAILURE() << path << ": " << error.what;
  });
  EXPECT_EQ(peers.look(pool->id()), PeerPools::Look::kComing);
  pool->attend();
  EXPECT_EQ(peers.look(pool->id()), PeerPools::Look::kReady);
}

TEST_F(PoolTest, an_owner_that_does_not_answer_is_named_once_and_after_a_while) {
  PeerPools peers{pools(), "1-1-a"};
  const std::string file = pools()->list(".pool").at(0);
  const PeerPools::Wanted wanted{{std::string{key_of(file)}, true}};
  std::vector<std::string> named;
  const auto look = [&] {
    peers.refresh(wanted, [&named](const std::string& path, const Error& error) {
      EXPECT_EQ(error.code, Errc::kBusy);
      named.push_back(path);
    });
  };
  // As often as its neighbours' files may wake the helper thread in a moment.
  const TimePoint start = MonotonicClock::now();
  for (int n = 0; n < 100; ++n) look();
  if (MonotonicClock::now() - start < 1s) {
    EXPECT_TRUE(named.empty());
  }
  ASSERT_TRUE(test::eventually([&] { return look(), !named.empty(); }));
  EXPECT_TRUE(named[0].ends_with(file));
  for (int n = 0; n < 100; ++n) look();
  EXPECT_EQ(named.size(), 1U);
}

/// Gives what ends so to another user, who need not exist.
void give_away(const std::string& folder, std::string_view suffix) {
  for (const std::string& path : test::files(folder, suffix)) {
    ASSERT_EQ(::lchown(path.c_str(), 61002, static_cast<gid_t>(-1)), 0);
  }
}

TEST_F(PoolTest, others_take_three_quarters_of_the_holders_places) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  std::vector<std::shared_ptr<PeerPool>> others;
  for (std::size_t i = 0; i < kMaxHolders; ++i) others.push_back(holder(make_identity()));
  give_away(base.path() + "/pools", ".hold");
  pool->attend();
  EXPECT_EQ(std::ranges::count_if(others, &PeerPool::acknowledged), 48);
  const auto own = holder("1-1-a");
  pool->attend();
  EXPECT_TRUE(own->acknowledged());
  others.clear();
}

TEST_F(PoolTest, others_take_three_quarters_of_the_places_for_pools) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string own{key_of(pools()->list(".pool").at(0))};
  const std::string other = make_identity();
  std::filesystem::create_directories(base.path() + "/theirs");
  std::vector<std::shared_ptr<OwnPool>> theirs;
  for (std::size_t i = 0; i < PeerPools::kMaxPools; ++i) {
    theirs.push_back(
        OwnPool::create(test::folder_of(base.path() + "/theirs/"), other, 100, 1).value());
  }
  give_away(base.path() + "/theirs", ".pool");
  for (const std::string& path : test::files(base.path() + "/theirs", ".pool")) {
    std::filesystem::rename(path, base.path() + "/pools/" + test::name_of(path));
  }
  PeerPools peers{pools(), "1-1-a"};
  std::size_t rejected = 0;
  peers.refresh({{other, true}, {own, true}}, [&rejected](const std::string&, const Error& error) {
    EXPECT_EQ(error.code, Errc::kExhausted);
    ++rejected;
  });
  EXPECT_EQ(rejected, PeerPools::kMaxPools / 4);
  EXPECT_NE(peers.look(pool->id()), PeerPools::Look::kUnknown);
}

class OwnPoolsTest : public PoolTest {
 protected:
  static constexpr std::size_t kMb = std::size_t{1} << 20;
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const std::string& path : test::files(base.path() + "/pools", ".pool")) {
      sum += std::filesystem::file_size(path);
    }
    return sum - pool->bytes();
  }
  static void give_back(const OwnPools::Taken& taken) { taken.pool->give_back(taken.block.index); }

  OwnPools all{pools(), make_identity()};
};

TEST_F(OwnPoolsTest, of_all_pools_the_block_freed_last_goes_out_first) {
  // Of 8 MiB a pool has two.
  std::vector<OwnPools::Taken> taken;
  for (int n = 0; n < 6; ++n) taken.push_back(all.grow(8 * kMb).value());
  EXPECT_NE(taken[0].pool, taken[2].pool);
  EXPECT_NE(taken[2].pool, taken[4].pool);
  for (const std::size_t which : {0U, 5U, 2U, 3U}) give_back(taken[which]);
  for (const std::size_t which : {3U, 2U, 5U, 0U}) {
    const auto again = all.take(8 * kMb).value();
    EXPECT_EQ(again.pool, taken[which].pool) << which;
    EXPECT_EQ(again.block.index, taken[which].block.index) << which;
  }
  EXPECT_FALSE(all.take(8 * kMb));
}

TEST_F(OwnPoolsTest, of_what_nobody_uses_the_pool_used_last_stays) {
  const auto first = all.grow(24 * kMb).value();
  const auto second = all.grow(28 * kMb).value();
  give_back(second);
  give_back(first);
  all.attend();
  EXPECT_TRUE(all.take(24 * kMb));
  EXPECT_FALSE(all.take(28 * kMb));
}

TEST_F(OwnPoolsTest, what_was_granted_to_a_tick_stays_while_it_is_used_and_goes_then) {
  constexpr std::size_t kLarge = OwnPools::kMostIdle / 2 + 1;
  ASSERT_TRUE(all.grant(kLarge));
  all.attend();
  auto taken = all.take(kLarge);
  ASSERT_TRUE(taken);
  all.attend();
  give_back(*taken);
  taken.reset();
  all.attend();
  EXPECT_GT(bytes(), 0U) << "it was used just now";
  EXPECT_TRUE(test::eventually([&] { return all.attend(), bytes() == 0; }));
}

TEST_F(OwnPoolsTest, what_was_granted_goes_where_others_need_it_and_above_a_limit_the_oldest) {
  constexpr std::size_t kLarge = 48 * kMb;
  const TimePoint start = MonotonicClock::now();
  for (const std::size_t more : {0U, 1U, 2U}) ASSERT_TRUE(all.grant(kLarge + 8 * more * kMb));
  all.attend();
  // Three pools of 96, 112 and 128 MiB: the first is one too many.
  if (MonotonicClock::now() - start < OwnPools::kGranted) {
    EXPECT_FALSE(all.take(kLarge, OwnPools::From::kUnreserved)->pool->block_size() == kLarge);
  }
  EXPECT_LT(bytes(), OwnPools::kMostGranted);
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

TEST_F(PoolTest, more_holders_than_there_are_places_are_not_acknowledged) {
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

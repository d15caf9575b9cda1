// SPDX-License-Identifier: Apache-2.0
#include "shm/pool.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>

#include <horus/time.hpp>

#include "shm/names.hpp"

namespace horus::shm {
namespace {

constexpr std::size_t whole_pages(std::size_t bytes) noexcept {
  return (bytes + kPage - 1) / kPage * kPage;
}
constexpr std::size_t kBlocksAt = whole_pages(sizeof(PoolHeader));

template <typename T>
T random_id() noexcept {
  T id = 0;
  while (id == 0) {
    if (::getrandom(&id, sizeof id, 0) != sizeof id) id = static_cast<T>(cycle_count());
  }
  return id;
}

#ifdef NDEBUG
constexpr bool kSeals = false;
#else
constexpr bool kSeals = true;
#endif

void protect([[maybe_unused]] std::span<std::byte> block, [[maybe_unused]] int access) noexcept {
  if constexpr (kSeals) ::mprotect(block.data(), block.size(), access);
}

bool is_foreign(const Region& region) noexcept {
  return region.owner() != ::geteuid();
}

std::string pool_name(std::uint32_t id) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", id);
  return text.data();
}

}  // namespace

std::size_t block_size_for(std::size_t size) noexcept {
  const std::size_t pages = std::max<std::size_t>(whole_pages(size) / kPage, 1);
  const std::size_t step = std::max<std::size_t>(std::bit_floor(pages) / 4, 1);
  return (pages + step - 1) / step * step * kPage;
}

void BlockUse::give_back() noexcept {
  freed.store(cycle_count(), std::memory_order_relaxed);
  // release: whatever was written to the block comes before its next use.
  references.fetch_sub(1, std::memory_order_release);
}

Result<std::shared_ptr<OwnPool>> OwnPool::create(FolderPtr folder, const std::string& identity,
                                                 std::size_t block_size, std::uint32_t blocks) {
  std::shared_ptr<OwnPool> pool{new OwnPool};
  pool->folder_ = std::move(folder);
  pool->block_size_ = whole_pages(block_size);
  pool->blocks_ = blocks;
  const std::size_t size = kBlocksAt + blocks * pool->block_size_;
  auto region = Region::create(pool->folder_, size, kFileMode);
  if (!region) return region.error();
  pool->region_ = std::move(region).value();
  PoolHeader& header = pool->header();
  header.file = {.magic = Magic::kPool, .pid = pid_of(identity), .size = size};
  header.id = random_id<std::uint32_t>();
  header.blocks = blocks;
  header.block_size = pool->block_size_;
  pool->name_ = pool_name(header.id);
  const std::string name = identity + "." + pool->name_ + ".pool";
  if (auto named = pool->region_.publish(name); !named) return named.error();
  return pool;
}

OwnPool::~OwnPool() {
  region_.unlink();
}

std::span<std::byte> OwnPool::block(std::uint32_t index) const noexcept {
  return region_.bytes().subspan(kBlocksAt + index * block_size_, block_size_);
}

/// The block that was freed last, of those that nothing here refers to and that are not in the set
/// `passed_by`; kPoolBlocks: none.
std::uint32_t OwnPool::last_freed(std::uint32_t passed_by) const noexcept {
  std::uint32_t best = kPoolBlocks;
  std::uint64_t best_time = 0;
  for (std::uint32_t index = 0; index < blocks_; ++index) {
    if ((passed_by >> index & 1U) != 0) continue;
    // relaxed, both: take() checks the block again when it takes it.
    if (uses_[index].references.load(std::memory_order_relaxed) != 0) continue;
    const std::uint64_t time = uses_[index].freed.load(std::memory_order_relaxed);
    if (best != kPoolBlocks && time <= best_time) continue;
    best = index;
    best_time = time;
  }
  return best;
}

std::optional<std::uint64_t> OwnPool::freed_last() const noexcept {
  if (abandoned()) return std::nullopt;
  const std::uint32_t index = last_freed(0);
  if (index == kPoolBlocks) return std::nullopt;
  return uses_[index].freed.load(std::memory_order_relaxed);  // relaxed: a hint
}

std::uint64_t OwnPool::used_last() const noexcept {
  std::uint64_t last = 0;
  for (const BlockUse& use : uses_)
    last = std::max(last, use.freed.load(std::memory_order_relaxed));
  return last;
}

std::optional<BlockRef> OwnPool::take() noexcept {
  if (abandoned()) return std::nullopt;
  std::uint32_t passed_by = 0;
  for (std::uint32_t index = 0; (index = last_freed(passed_by)) != kPoolBlocks;) {
    passed_by |= 1U << index;
    std::uint32_t free = 0;
    // acquire: whoever gave the block back is done with it.
    if (!uses_[index].references.compare_exchange_strong(free, 1, std::memory_order_acquire)) {
      continue;
    }
    const std::uint64_t generation =
        header().generation[index].fetch_add(1, std::memory_order_seq_cst) + 1;
    if (!held(index)) {
      protect(block(index), PROT_READ | PROT_WRITE);
      return BlockRef{.index = index, .generation = generation};
    }
    uses_[index].references.store(0, std::memory_order_release);
  }
  return std::nullopt;
}

void OwnPool::seal(std::uint32_t index) noexcept {
  protect(block(index), PROT_READ);
}

bool OwnPool::seals() noexcept {
  return kSeals;
}

bool OwnPool::is_idle() const noexcept {
  return std::ranges::all_of(uses_, [](const BlockUse& use) {
    // acquire: everything that was done with the block comes before the pool goes.
    return use.references.load(std::memory_order_acquire) == 0;
  });
}

bool OwnPool::close() noexcept {
  if (abandoned()) return is_idle();
  std::array<std::uint32_t, kPoolBlocks> taken{};
  std::uint32_t count = 0;
  while (const auto block = take()) taken[count++] = block->index;
  if (count == blocks_) return true;
  // release: as in give_back(). Not by it, as that would count as a use.
  for (std::uint32_t i = 0; i < count; ++i) {
    uses_[taken[i]].references.store(0, std::memory_order_release);
  }
  return false;
}

bool OwnPool::held(std::uint32_t index) noexcept {
  scans_.fetch_add(1, std::memory_order_seq_cst);
  const bool found = std::ranges::any_of(holders_, [index](const auto& slot) {
    const HoldFile* holder = slot.load(std::memory_order_seq_cst);
    return holder != nullptr && holder->count[index].load(std::memory_order_seq_cst) != 0;
  });
  // release: attend() unmaps a holder's file only after this.
  scans_.fetch_sub(1, std::memory_order_release);
  return found;
}

void OwnPool::acknowledge(const std::string& name) {
  const auto free = std::ranges::find_if(holders_, [](const auto& slot) {
    return slot.load(std::memory_order_relaxed) == nullptr;  // relaxed: only this thread writes
  });
  if (free == holders_.end()) return;
  auto region = Region::open(folder_, name, sizeof(HoldFile));
  if (!region) return;
  if (!region.value().alive()) return region.value().unlink();
  const auto& file = *region.value().as<const HoldFile>();
  if (!is_a(file.file, Magic::kHold)) return;
  // Others get at most three quarters of the places, so that they cannot keep this user's own out.
  const auto foreign = std::ranges::count_if(
      attached_, [](const auto& holder) { return is_foreign(holder->region); });
  if (is_foreign(region.value()) && static_cast<std::size_t>(foreign) >= kMaxHolders / 4 * 3) {
    return;
  }
  const auto slot = static_cast<std::size_t>(free - holders_.begin());
  const std::uint64_t id = read_once(file.file.hash);
  attached_.push_back(std::make_unique<Holder>(
      Holder{.name = name, .region = std::move(region).value(), .slot = slot}));
  // seq_cst, in this order: a holder that reads its id in the pool's file is seen by every later
  // scan.
  free->store(attached_.back()->region.as<const HoldFile>(), std::memory_order_seq_cst);
  header().acknowledged[slot].store(id, std::memory_order_seq_cst);
}

void OwnPool::attend(const std::vector<std::string>& names) {
  std::erase_if(attached_, [this](const std::unique_ptr<Holder>& holder) {
    if (holder->region.alive()) return false;
    header().acknowledged[holder->slot].store(0, std::memory_order_seq_cst);
    holders_[holder->slot].store(nullptr, std::memory_order_seq_cst);
    // seq_cst: every scan that may have seen the holder has ended; one that begins now does not see
    // it.
    while (scans_.load(std::memory_order_seq_cst) != 0) ::sched_yield();
    holder->region.unlink();
    return true;
  });
  for (const std::string& name : names) {
    if (!name.starts_with(name_ + ".")) continue;
    const bool known = std::ranges::any_of(
        attached_, [&name](const auto& holder) { return holder->name == name; });
    if (!known) acknowledge(name);
  }
}

void OwnPool::count_holds(Holds& holds) const {
  for (const auto& holder : attached_) {
    const auto& file = *holder->region.as<const HoldFile>();
    const auto held = std::ranges::count_if(file.count, [](const auto& count) {
      return count.load(std::memory_order_relaxed) != 0;  // relaxed: to be told, no more
    });
    if (held != 0) holds[read_once(file.file.pid)] += static_cast<std::size_t>(held);
  }
}

std::string PeerPool::name_of(std::uint32_t id) {
  return pool_name(id);
}

Result<std::shared_ptr<PeerPool>> PeerPool::open(const FolderPtr& folder, const std::string& name,
                                                 const std::string& identity) {
  auto region = Region::open(folder, name, kBlocksAt);
  if (!region) return region.error();
  const auto& header = *region.value().as<const PoolHeader>();
  const std::uint64_t block_size = read_once(header.block_size);
  const std::uint32_t blocks = read_once(header.blocks);
  const std::uint32_t id = read_once(header.id);
  const std::size_t room = region.value().bytes().size() - kBlocksAt;
  if (!is_a(header.file, Magic::kPool) || identity_of(name) != pool_name(id) || blocks == 0 ||
      blocks > kPoolBlocks || block_size > room / blocks) {
    return Error{Errc::kCorrupt, "image pool is damaged or of another version", 0,
                 Name<200>::clipped(name)};
  }
  std::shared_ptr<PeerPool> pool{new PeerPool};
  pool->id_ = id;
  pool->block_size_ = block_size;
  pool->blocks_ = blocks;
  pool->region_ = std::move(region).value();
  pool->holder_ = random_id<std::uint64_t>();
  auto holds = Region::create(folder, sizeof(HoldFile), kFileMode);
  if (!holds) return holds.error();
  holds.value().as<HoldFile>()->file = {.magic = Magic::kHold,
                                        .pid = pid_of(identity),
                                        .size = sizeof(HoldFile),
                                        .hash = pool->holder_};
  const std::string hold = pool_name(id) + "." + identity + ".hold";
  if (auto named = holds.value().publish(hold); !named) return named.error();
  pool->holds_ = std::move(holds).value();
  return pool;
}

PeerPool::~PeerPool() {
  holds_.unlink();
}

bool PeerPool::alive() const noexcept {
  return region_.alive();
}

bool PeerPool::foreign() const noexcept {
  return is_foreign(region_);
}

bool PeerPool::acknowledged() const noexcept {
  return std::ranges::any_of(header().acknowledged, [this](const auto& id) {
    return id.load(std::memory_order_seq_cst) == holder_;
  });
}

std::span<const std::byte> PeerPool::payload(std::uint32_t index,
                                             std::uint64_t size) const noexcept {
  if (index >= blocks_ || size > block_size_) return {};
  return region_.bytes().subspan(kBlocksAt + index * block_size_, size);
}

bool PeerPool::hold(std::uint32_t index, std::uint64_t generation) noexcept {
  holds_.as<HoldFile>()->count[index].fetch_add(1, std::memory_order_seq_cst);
  if (is_current(index, generation)) return true;
  release(index);
  return false;
}

void PeerPool::release(std::uint32_t index) noexcept {
  // release: the last read of the payload comes before the owner's next use of the block.
  holds_.as<HoldFile>()->count[index].fetch_sub(1, std::memory_order_release);
}

bool PeerPool::is_current(std::uint32_t index, std::uint64_t generation) const noexcept {
  return header().generation[index].load(std::memory_order_seq_cst) == generation;
}

}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
#include "shm/pool.hpp"

#include <sched.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdio>

#include "rt/base/time.hpp"
#include "shm/directory.hpp"
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

std::string pool_name(std::uint32_t id) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", id);
  return text.data();
}

}  // namespace

Result<std::shared_ptr<OwnPool>> OwnPool::create(const std::string& base,
                                                 const std::string& identity,
                                                 std::size_t block_size) {
  std::shared_ptr<OwnPool> pool{new OwnPool};
  pool->directory_ = base + "/pools";
  const std::size_t block = whole_pages(block_size);
  const std::size_t size = kBlocksAt + kPoolBlocks * block;
  auto region = Region::create(pool->directory_, size, kFileMode);
  if (!region) return region.error();
  pool->region_ = std::move(region).value();
  PoolHeader& header = pool->header();
  header.file = {.magic = Magic::kPool, .pid = pid_of(identity), .size = size};
  header.id = random_id<std::uint32_t>();
  header.blocks = kPoolBlocks;
  header.block_size = block;
  pool->name_ = pool_name(header.id);
  const std::string path = pool->directory_ + "/" + identity + "." + pool->name_ + ".pool";
  if (auto named = pool->region_.publish(path); !named) return named.error();
  return pool;
}

OwnPool::~OwnPool() {
  region_.unlink();
}

std::span<std::byte> OwnPool::block(std::uint32_t index) const noexcept {
  return region_.bytes().subspan(kBlocksAt + index * header().block_size, header().block_size);
}

std::optional<BlockRef> OwnPool::take() noexcept {
  for (std::uint32_t tried = 0; tried < kPoolBlocks; ++tried) {
    // relaxed: a place to begin, so that blocks are used in turn.
    const std::uint32_t index = next_.fetch_add(1, std::memory_order_relaxed) % kPoolBlocks;
    // acquire: whoever gave the block back is done with it.
    if (taken_[index].exchange(true, std::memory_order_acquire)) continue;
    const std::uint64_t generation =
        header().generation[index].fetch_add(1, std::memory_order_seq_cst) + 1;
    if (!held(index)) return BlockRef{.index = index, .generation = generation};
    taken_[index].store(false, std::memory_order_release);
  }
  return std::nullopt;
}

bool OwnPool::held(std::uint32_t index) noexcept {
  scans_.fetch_add(1, std::memory_order_seq_cst);
  const bool found = std::ranges::any_of(holders_, [index](const auto& slot) {
    const HoldFile* holder = slot.load(std::memory_order_seq_cst);
    return holder != nullptr && holder->count[index].load(std::memory_order_seq_cst) != 0;
  });
  // release: attend() frees a holder only after this.
  scans_.fetch_sub(1, std::memory_order_release);
  return found;
}

void OwnPool::give_back(std::uint32_t index) noexcept {
  // release: what was written to the block is before its next use.
  taken_[index].store(false, std::memory_order_release);
}

void OwnPool::acknowledge(const std::string& name) {
  const auto free = std::ranges::find_if(holders_, [](const auto& slot) {
    return slot.load(std::memory_order_relaxed) == nullptr;  // relaxed: only this thread writes
  });
  if (free == holders_.end()) return;
  auto region = Region::open(directory_ + "/" + name, sizeof(HoldFile));
  if (!region) return;
  if (!region.value().alive()) return region.value().unlink();
  const auto& file = *region.value().as<const HoldFile>();
  if (!is_a(file.file, Magic::kHold)) return;
  const auto slot = static_cast<std::size_t>(free - holders_.begin());
  const std::uint64_t id = read_once(file.file.hash);
  attached_.push_back(std::make_unique<Holder>(
      Holder{.name = name, .region = std::move(region).value(), .slot = slot}));
  // seq_cst, in this order: whoever reads its id in the file is seen by every later scan.
  free->store(attached_.back()->region.as<const HoldFile>(), std::memory_order_seq_cst);
  header().acknowledged[slot].store(id, std::memory_order_seq_cst);
}

void OwnPool::attend() {
  std::erase_if(attached_, [this](const std::unique_ptr<Holder>& holder) {
    if (holder->region.alive()) return false;
    header().acknowledged[holder->slot].store(0, std::memory_order_seq_cst);
    holders_[holder->slot].store(nullptr, std::memory_order_seq_cst);
    // seq_cst: a scan that may have seen the holder has ended; one that begins now does not see it.
    while (scans_.load(std::memory_order_seq_cst) != 0) ::sched_yield();
    holder->region.unlink();
    return true;
  });
  for (const std::string& name : list_directory(directory_, ".hold")) {
    if (!name.starts_with(name_ + ".")) continue;
    const bool known = std::ranges::any_of(
        attached_, [&name](const auto& holder) { return holder->name == name; });
    if (!known) acknowledge(name);
  }
}

Result<std::shared_ptr<PeerPool>> PeerPool::open(const std::string& base, std::uint32_t id,
                                                 const std::string& identity) {
  const std::string directory = base + "/pools";
  const std::string suffix = "." + pool_name(id) + ".pool";
  const auto names = list_directory(directory, suffix);
  if (names.empty()) return Error{Errc::kNotFound, "open image pool", 0, {}};
  auto region = Region::open(directory + "/" + names.front(), kBlocksAt);
  if (!region) return region.error();
  const auto& header = *region.value().as<const PoolHeader>();
  const std::uint64_t block_size = read_once(header.block_size);
  const std::size_t room = region.value().bytes().size() - kBlocksAt;
  if (!is_a(header.file, Magic::kPool) || header.id != id || header.blocks != kPoolBlocks ||
      block_size > room / kPoolBlocks) {
    return Error{Errc::kCorrupt, "image pool is damaged or of another version", 0,
                 Name<200>::clipped(names.front())};
  }
  std::shared_ptr<PeerPool> pool{new PeerPool};
  pool->id_ = id;
  pool->block_size_ = block_size;
  pool->region_ = std::move(region).value();
  pool->holder_ = random_id<std::uint64_t>();
  auto holds = Region::create(directory, sizeof(HoldFile), kFileMode);
  if (!holds) return holds.error();
  holds.value().as<HoldFile>()->file = {.magic = Magic::kHold,
                                        .pid = pid_of(identity),
                                        .size = sizeof(HoldFile),
                                        .hash = pool->holder_};
  const std::string path = directory + "/" + pool_name(id) + "." + identity + ".hold";
  if (auto named = holds.value().publish(path); !named) return named.error();
  pool->holds_ = std::move(holds).value();
  return pool;
}

PeerPool::~PeerPool() {
  holds_.unlink();
}

bool PeerPool::alive() const noexcept {
  return region_.alive();
}

bool PeerPool::acknowledged() const noexcept {
  return std::ranges::any_of(header().acknowledged, [this](const auto& id) {
    return id.load(std::memory_order_seq_cst) == holder_;
  });
}

std::span<const std::byte> PeerPool::payload(std::uint32_t index,
                                             std::uint64_t size) const noexcept {
  if (index >= kPoolBlocks || size > block_size_) return {};
  return region_.bytes().subspan(kBlocksAt + index * block_size_, size);
}

bool PeerPool::hold(std::uint32_t index, std::uint64_t generation) noexcept {
  holds_.as<HoldFile>()->count[index].fetch_add(1, std::memory_order_seq_cst);
  if (is_current(index, generation)) return true;
  release(index);
  return false;
}

void PeerPool::release(std::uint32_t index) noexcept {
  // release: the last look at the payload is before the owner's next use of it.
  holds_.as<HoldFile>()->count[index].fetch_sub(1, std::memory_order_release);
}

bool PeerPool::is_current(std::uint32_t index, std::uint64_t generation) const noexcept {
  return header().generation[index].load(std::memory_order_seq_cst) == generation;
}

}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
#include "shm/own_pools.hpp"

#include <sched.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace horus::shm {
namespace {

/// Bytes by which a process's pools grow, so that a camera's process does not take 100 MB at once.
constexpr std::size_t kGrowBy = std::size_t{16} << 20;
constexpr std::uint32_t kLeastGrowth = 2;

std::uint32_t blocks_to_add(std::size_t block) noexcept {
  return static_cast<std::uint32_t>(
      std::clamp<std::size_t>(kGrowBy / block, kLeastGrowth, kPoolBlocks));
}

/// Whether shared memory is running out: less is free than kMostIdle, and less than a quarter of
/// all.
bool is_scarce(const Folder& folder) noexcept {
  struct statvfs there {};
  if (::fstatvfs(folder.fd(), &there) != 0) return false;
  const std::uint64_t unit = there.f_frsize;
  return there.f_bavail * unit <
         std::min<std::uint64_t>(OwnPools::kMostIdle, there.f_blocks * unit / 4);
}

/// A pool that take() may use. Those of the right size have the lower rank; reserved ones come
/// last.
struct Candidate {
  OwnPool* pool;
  std::uint64_t freed;
  std::uint32_t rank;
};

/// Whether somebody still keeps a block of a retired pool. A pool that was closed holds all of its
/// blocks itself, which does not count. But a walk may have taken a block of an idle pool at the
/// very time when it was abandoned: then a window may keep the block although nobody has a pointer
/// to the pool.
bool is_in_use(const std::shared_ptr<OwnPool>& pool) noexcept {
  return pool->abandoned() && !pool->is_idle();
}

/// Whether nobody else has a pointer to the pool or keeps a block of it.
bool is_deserted(const std::shared_ptr<OwnPool>& pool) noexcept {
  // A thread that has given back a block may be about to drop its pointer to the pool. It must not
  // be the last one: it would unmap the pool, perhaps in a tick.
  if (pool.use_count() != 1) return false;
  // Dropping another pointer acquires what other threads did before they dropped theirs, so that
  // is_idle() sees the blocks that they gave back.
  std::shared_ptr<OwnPool> other = pool;
  other.reset();
  return !is_in_use(pool);
}

}  // namespace

void PayloadWindow::release(std::size_t number) noexcept {
  // acq_rel: the thread that put the block there is done with it; of two threads one gets it.
  BlockUse* const block = kept_[number % kept_.size()].exchange(nullptr, std::memory_order_acq_rel);
  if (block != nullptr) block->give_back();
}

void PayloadWindow::push(BlockUse& block) noexcept {
  const std::size_t next = next_.load(std::memory_order_relaxed);  // relaxed: this thread wrote it
  // release, both: trim() sees the block in its place, and the place filled before its number.
  kept_[next % kept_.size()].store(&block, std::memory_order_release);
  next_.store(next + 1, std::memory_order_release);
}

void PayloadWindow::settle(bool sent, std::size_t wanted) noexcept {
  const std::size_t next = next_.load(std::memory_order_relaxed) - (sent ? 0U : 1U);
  next_.store(next, std::memory_order_release);
  release(next);
  if (!sent) return;
  const std::size_t before = std::exchange(left_, std::clamp<std::size_t>(wanted, 1, depth()));
  if (left_ < before) {
    trim(left_);
  } else if (next > left_) {
    release(next - left_ - 1);
  }
}

void PayloadWindow::trim(std::size_t left) noexcept {
  const std::size_t next = next_.load(std::memory_order_acquire);
  for (std::size_t age = left + 1; age <= std::min(depth(), next); ++age) release(next - age);
}

std::optional<OwnPools::Taken> OwnPools::take(std::size_t size, From from) noexcept {
  // seq_cst, together with replace(): either bury() waits for this walk, or this walk sees the
  // emptied slot.
  walks_.fetch_add(1, std::memory_order_seq_cst);
  std::optional<Taken> taken;
  std::array<Candidate, kMaxPools> candidates;  // NOLINT: filled as far as it is read
  std::size_t count = 0;
  const std::size_t slots = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < slots; ++i) {
    OwnPool* const pool = slots_[i].seen.load(std::memory_order_seq_cst);
    if (pool == nullptr || pool->block_size() < size) continue;
    const bool reserved = slots_[i].reserved.load(std::memory_order_relaxed) != 0;
    // A block much larger than the payload is left for payloads of its size, unless it is reserved.
    const bool large = pool->block_size() > 2 * size + kPage;
    if (reserved ? from == From::kUnreserved : large) continue;
    const auto freed = pool->freed_last();
    if (!freed) continue;
    candidates[count++] = {.pool = pool, .freed = *freed, .rank = reserved + (large ? 1U : 0U)};
  }
  const auto found = std::span{candidates}.first(count);
  std::ranges::sort(found, [](const Candidate& one, const Candidate& other) {
    return one.rank != other.rank ? one.rank < other.rank : one.freed > other.freed;
  });
  for (const Candidate& one : found) {
    const auto block = one.pool->take();
    if (!block) continue;
    taken = Taken{.pool = one.pool->shared_from_this(), .block = *block};
    break;
  }
  // release: no pool that was seen in the walk is used through a bare pointer after this.
  walks_.fetch_sub(1, std::memory_order_release);
  return taken;
}

bool OwnPools::owns(const OwnPool& pool) const noexcept {
  const std::size_t slots = used_.load(std::memory_order_acquire);
  return std::any_of(
      slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(slots),
      [&pool](const Slot& slot) { return slot.seen.load(std::memory_order_relaxed) == &pool; });
}

Result<std::shared_ptr<OwnPool>> OwnPools::create(std::size_t block, std::uint32_t blocks) {
  const auto free = std::ranges::find(slots_, nullptr, &Slot::pool);
  if (free == slots_.end()) {
    return Error{Errc::kExhausted,
                 "the frames of this process fill 256 pools of shared memory; release some, or "
                 "copy what is to be kept",
                 0, Name<200>::clipped(most_held())};
  }
  auto pool = OwnPool::create(folder_, identity_, block, blocks);
  if (!pool) return pool;
  free->pool = pool.value();
  free->unused_since = MonotonicClock::now();
  // release: a thread that sees the pool sees it complete.
  free->seen.store(pool.value().get(), std::memory_order_release);
  const auto end = static_cast<std::size_t>(free - slots_.begin()) + 1;
  if (end > used_.load(std::memory_order_relaxed)) used_.store(end, std::memory_order_release);
  return pool;
}

/// A pool with as many of the blocks as there is memory for.
Result<std::shared_ptr<OwnPool>> OwnPools::create_smaller(std::size_t block, std::uint32_t blocks) {
  auto pool = create(block, blocks);
  while (!pool && blocks > 1 && pool.error().code == Errc::kExhausted) {
    blocks /= 2;
    pool = create(block, blocks);
  }
  return pool;
}

Result<OwnPools::Taken> OwnPools::grow(std::size_t size) {
  if (auto taken = take(size, first())) return *std::move(taken);
  const std::size_t block = block_size_for(size);
  retire_idle(kMostIdle);
  auto pool = create_smaller(block, blocks_to_add(block));
  if (!pool && pool.error().code == Errc::kExhausted) {
    if (auto taken = take(size)) return *std::move(taken);
    // Free what nobody uses, and what topics keep for late joiners, except the newest of each.
    for (PayloadWindow* window : windows_) window->trim(1);
    if (auto taken = take(size)) return *std::move(taken);
    retire_idle(0);
    pool = create_smaller(block, kLeastGrowth);
  }
  if (!pool) return explain(pool.error(), block);
  if (auto taken = take(size)) return *std::move(taken);
  return Error{Errc::kExhausted, "other threads took every block that was added; try again", 0, {}};
}

Status OwnPools::grant(std::size_t size) {
  auto grown = grow(size);
  if (!grown) return grown.error();
  const Taken& taken = grown.value();
  taken.pool->give_back(taken.block.index);
  std::ranges::find(slots_, taken.pool, &Slot::pool)->go_on(MonotonicClock::now());
  return {};
}

void OwnPools::Slot::go_on(TimePoint now) noexcept {
  granted_until = now + kGranted;
  used_last = pool->used_last();
}

void OwnPools::Slot::note_use(TimePoint now) noexcept {
  const std::uint64_t latest = pool->used_last();
  if (latest == used_then && pool->is_idle()) return;
  used_then = latest;
  unused_since = now;
}

Result<OwnPools::Reserve> OwnPools::reserve(std::size_t size, std::uint32_t blocks) {
  const std::size_t block = block_size_for(size);
  Reserve reserve;
  for (std::uint32_t left = blocks; left > 0;) {
    const std::size_t fitting = std::max<std::size_t>((Region::kMaxSize - kPage) / block, 1);
    const auto now =
        static_cast<std::uint32_t>(std::min<std::size_t>({left, kPoolBlocks, fitting}));
    auto pool = create(block, now);
    if (!pool && pool.error().os_errno == ENOSPC) {
      retire_idle(0);
      pool = create(block, now);
    }
    if (!pool) {
      release(reserve);
      return explain(pool.error(), blocks * block);
    }
    const auto slot = std::ranges::find(slots_, pool.value(), &Slot::pool);
    slot->reserved.fetch_add(1, std::memory_order_relaxed);
    reserve.push_back(static_cast<std::size_t>(slot - slots_.begin()));
    left -= now;
  }
  return reserve;
}

void OwnPools::release(const Reserve& slots) noexcept {
  for (const std::size_t slot : slots) {
    slots_[slot].reserved.fetch_sub(1, std::memory_order_relaxed);
  }
}

void OwnPools::retire_idle(std::size_t left) noexcept {
  const TimePoint now = MonotonicClock::now();
  std::size_t idle = 0;
  std::size_t granted = 0;
  std::vector<Slot*> may_go;
  for (Slot& slot : slots_) {
    if (slot.pool == nullptr) continue;
    const bool is_granted = slot.granted_until > now;
    if (is_granted && (!slot.pool->is_idle() || slot.pool->used_last() != slot.used_last)) {
      slot.go_on(now);
    }
    if (!slot.may_go()) continue;
    may_go.push_back(&slot);
    idle += slot.pool->bytes();
    granted += is_granted ? slot.pool->bytes() : 0;
  }
  std::ranges::sort(may_go, {}, [](const Slot* slot) { return slot->pool->used_last(); });
  for (Slot* slot : may_go) {
    if (idle <= left) break;
    const std::size_t bytes = slot->pool->bytes();
    const bool is_granted = slot->granted_until > now;
    if (left != 0 && is_granted && granted <= std::max(kMostGranted, bytes)) continue;
    if (!slot->pool->close()) continue;
    idle -= bytes;
    granted -= is_granted ? bytes : 0;
    replace(*slot, nullptr);
  }
  bury();
}

void OwnPools::retire_unused(TimePoint now) noexcept {
  for (Slot& slot : slots_) {
    if (!slot.may_go() || slot.granted_until > now || now - slot.unused_since < kUnused) continue;
    if (slot.pool->close()) replace(slot, nullptr);
  }
  bury();
}

void OwnPools::replace(Slot& slot, std::shared_ptr<OwnPool> pool) noexcept {
  // seq_cst: see take().
  slot.seen.store(pool.get(), std::memory_order_seq_cst);
  slot.granted_until = {};
  retired_.push_back(std::exchange(slot.pool, std::move(pool)));
}

/// Frees retired pools. A walk that may have seen them ends soon; if not now, the next call frees
/// them.
void OwnPools::bury() noexcept {
  constexpr int kLooks = 100;
  for (int tried = 0; tried < kLooks && !std::ranges::all_of(retired_, is_in_use); ++tried) {
    if (walks_.load(std::memory_order_seq_cst) == 0) std::erase_if(retired_, is_deserted);
    if (!retired_.empty()) ::sched_yield();
  }
}

void OwnPools::attend() {
  if (used_.load(std::memory_order_relaxed) == 0) return;
  const auto names = folder_->list(".hold");
  const TimePoint now = MonotonicClock::now();
  for (Slot& slot : slots_) {
    if (slot.pool == nullptr) continue;
    slot.pool->attend(names);
    slot.note_use(now);
  }
  retire_idle(kMostIdle);
  // Other processes want memory, too, and cannot ask this one to release it.
  if (is_scarce(*folder_)) retire_unused(now);
}

/// "process 4711 holds 12 of them": the process that holds most of this one's payloads; else empty.
std::string OwnPools::most_held() const {
  OwnPool::Holds holds;
  for (const Slot& slot : slots_) {
    if (slot.pool != nullptr) slot.pool->count_holds(holds);
  }
  const auto most = std::ranges::max_element(holds, {}, &OwnPool::Holds::value_type::second);
  if (most == holds.end()) return "";
  return "process " + std::to_string(most->first) + " holds " + std::to_string(most->second) +
         " of them";
}

/// Adds to an error what the user needs: how much was wanted, how much is free, who holds most, and
/// what else helps than more memory.
Error OwnPools::explain(Error error, std::size_t size) const {
  if (error.os_errno != ENOSPC) return error;
  const std::string held = most_held();
  const std::string text = room_in(*folder_, size) + (held.empty() ? "" : "; " + held) +
                           "; release frames, or give topics a smaller capacity=";
  return {error.code, "no shared memory for frames", ENOSPC, Name<200>::clipped(text)};
}

}  // namespace horus::shm

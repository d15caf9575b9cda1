// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rt/base/time.hpp"
#include "shm/pool.hpp"

namespace horus::shm {

/// What topics keep alive of what they sent: the blocks that their rings' descriptors refer to.
///
/// Thread safety: push() from the one thread that sends; trim() from any, lock-free.
class PayloadWindow {
 public:
  explicit PayloadWindow(std::size_t depth) : kept_(depth + 1) {}
  ~PayloadWindow() { trim(0); }
  PayloadWindow(const PayloadWindow&) = delete;
  PayloadWindow& operator=(const PayloadWindow&) = delete;

  /// Keeps a block that the caller shared for it, before its descriptor is sent.
  void push(BlockUse& block) noexcept;
  /// After push(): lets go of all but the newest `wanted`, which are at most as many as the ring
  /// has; where the new one was not `sent`, of that one.
  void settle(bool sent, std::size_t wanted) noexcept;
  /// Lets go of all but the newest `left`.
  void trim(std::size_t left) noexcept;

 private:
  std::size_t depth() const noexcept { return kept_.size() - 1; }
  void let_go(std::size_t number) noexcept;

  // One place more than are kept: trim() never touches that of the block that comes next.
  std::vector<std::atomic<BlockUse*>> kept_;
  std::atomic<std::size_t> next_{0};
  std::size_t left_ = 0;  ///< So many were wanted last; the sender's thread only.
};

/// The pools of one process: one size of block each. They come when there is no free block, and go
/// when nobody refers to one of theirs any more.
///
/// Thread safety: take() from any thread, lock-free; the others under the session's lock.
///
/// Invariant: a pool that take() sees in its slot stays until the walk that saw it has ended.
class OwnPools {
 public:
  static constexpr std::size_t kMaxPools = 256;  ///< At a time.
  /// Kept of pools that nobody uses, lest sizes that change make and remove files without end.
  static constexpr std::size_t kMostIdle = std::size_t{64} << 20;
  static constexpr Nanos kGranted = 1s;
  /// Where shared memory runs out, of what is kept only that stays which was used since.
  static constexpr Nanos kUnused = 1s;
  /// Of pools that were granted to ticks: the one used last stays whatever its size.
  static constexpr std::size_t kMostGranted = std::size_t{256} << 20;

  OwnPools(FolderPtr folder, std::string identity)
      : folder_{std::move(folder)}, identity_{std::move(identity)} {}

  struct Taken {
    std::shared_ptr<OwnPool> pool;
    BlockRef block;
  };
  /// What is taken first is not what a publisher has reserved, lest its promise be kept for others.
  enum class From : std::uint8_t { kUnreserved, kAll };
  /// A free block of at least `size` bytes, where there is one: of those that fit, the one that was
  /// freed last, which is still in the cache.
  std::optional<Taken> take(std::size_t size, From from = From::kAll) noexcept;
  bool owns(const OwnPool& pool) const noexcept;
  /// Publishers that have declared no size: while there are some, payloads grow pools of their own
  /// before they take what is reserved.
  void share() noexcept { sharers_.fetch_add(1, std::memory_order_relaxed); }
  void unshare() noexcept { sharers_.fetch_sub(1, std::memory_order_relaxed); }
  From first() const noexcept {
    return sharers_.load(std::memory_order_relaxed) == 0 ? From::kAll : From::kUnreserved;
  }

  /// As take(), and adds a pool where there is none. kExhausted.
  Result<Taken> grow(std::size_t size);
  /// Such a block for a tick, which takes it later: its pool stays for kGranted after its last use.
  Status grant(std::size_t size);
  /// Pools for `blocks` payloads of up to `size` bytes, which stay until they are released.
  using Reserve = std::vector<std::size_t>;  ///< Slots.
  Result<Reserve> reserve(std::size_t size, std::uint32_t blocks);
  void release(const Reserve& slots) noexcept;

  void add(PayloadWindow& window) { windows_.push_back(&window); }
  void remove(PayloadWindow& window) noexcept { std::erase(windows_, &window); }

  /// Acknowledges holders; lets go of what nobody uses.
  void attend();
  /// Another folder, and other pools in place of those whose names somebody removed: who has them
  /// keeps them, and nobody else finds them. Says which cannot be made again.
  template <typename Lose>
  void mend(FolderPtr folder, const std::string& identity, Lose lose) {
    folder_ = std::move(folder);
    identity_ = identity;
    for (Slot& slot : slots_) {
      if (slot.pool == nullptr || slot.pool->is_named()) continue;
      // What is reserved is promised: it is tried again until there is memory.
      const bool again = slot.pool->abandoned();
      if (again && slot.reserved.load(std::memory_order_relaxed) == 0) continue;
      slot.pool->abandon();
      auto pool = OwnPool::create(folder_, identity_, slot.pool->block_size(), slot.pool->blocks());
      if (pool) {
        replace(slot, std::move(pool).value());
      } else {
        lose(pool.error());
      }
    }
  }

 private:
  struct Slot {
    std::shared_ptr<OwnPool> pool;
    std::atomic<OwnPool*> seen{nullptr};     ///< What take() sees.
    std::atomic<std::uint32_t> reserved{0};  ///< By so many publishers.
    TimePoint granted_until{};               ///< Until then it stays for the ticks that use it.
    std::uint64_t used_last = 0;             ///< As the pool said when that was set.
    TimePoint unused_since{};                ///< So far as attend() has seen.
    std::uint64_t used_then = 0;             ///< As the pool said then.

    bool may_go() const noexcept {
      return pool != nullptr && reserved.load(std::memory_order_relaxed) == 0 && pool->is_idle();
    }
    void go_on(TimePoint now) noexcept;
    void note_use(TimePoint now) noexcept;
  };
  Result<std::shared_ptr<OwnPool>> create(std::size_t block, std::uint32_t blocks);
  Result<std::shared_ptr<OwnPool>> create_smaller(std::size_t block, std::uint32_t blocks);
  /// Removes pools that nobody uses, the one used last at the end, down to `left` bytes of them; of
  /// those that were granted, only where nothing is to be left.
  void retire_idle(std::size_t left) noexcept;
  void retire_unused(TimePoint now) noexcept;
  void replace(Slot& slot, std::shared_ptr<OwnPool> pool) noexcept;
  void bury() noexcept;
  Error explain(Error error, std::size_t size) const;
  std::string most_held() const;

  FolderPtr folder_;
  std::string identity_;
  std::array<Slot, kMaxPools> slots_;
  std::atomic<std::size_t> used_{0};  ///< Slots above it are empty.
  std::atomic<std::uint32_t> walks_{0};
  std::atomic<std::uint32_t> sharers_{0};
  std::vector<std::shared_ptr<OwnPool>> retired_;  ///< Until no walk can see them.
  std::vector<PayloadWindow*> windows_;
};

}  // namespace horus::shm

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

#include <horus/time.hpp>

#include "shm/pool.hpp"

namespace horus::shm {

/// The payloads that one publisher keeps alive: the blocks that the descriptors in its ring refer
/// to.
///
/// Thread safety: push() and settle() from the one thread that sends; trim() from any, lock-free.
class PayloadWindow {
 public:
  explicit PayloadWindow(std::size_t depth) : kept_(depth + 1) {}
  ~PayloadWindow() { trim(0); }
  PayloadWindow(const PayloadWindow&) = delete;
  PayloadWindow& operator=(const PayloadWindow&) = delete;

  /// Keeps a block, for which the caller has called share(), before its descriptor is sent.
  void push(BlockUse& block) noexcept;
  /// After push() and the send. If the descriptor was sent, releases all but the newest `wanted`
  /// blocks (1 at least, the ring's capacity at most); else releases the new one.
  void settle(bool sent, std::size_t wanted) noexcept;
  /// Releases all but the newest `left`.
  void trim(std::size_t left) noexcept;

 private:
  std::size_t depth() const noexcept { return kept_.size() - 1; }
  void release(std::size_t number) noexcept;

  // One place more than blocks are kept, so that trim() never touches the place of the next push().
  std::vector<std::atomic<BlockUse*>> kept_;
  std::atomic<std::size_t> next_{0};
  std::size_t left_ = 0;  ///< How many the last settle() kept; the sender's thread only.
};

/// The pools of one process; each has blocks of one size. A pool is added when no block is free,
/// and removed when nothing refers to its blocks any more.
///
/// Thread safety: take(), owns(), share(), unshare() and first() from any thread, lock-free; the
/// others under the session's lock.
///
/// Invariant: a pool that take() finds in a slot stays mapped until the walk that found it has
/// ended.
class OwnPools {
 public:
  static constexpr std::size_t kMaxPools = 256;  ///< At a time.
  /// Bytes of unused pools that are kept, so that payloads whose size changes do not make and
  /// remove files all the time.
  static constexpr std::size_t kMostIdle = std::size_t{64} << 20;
  /// How long a pool that was made for ticks (see grant()) stays after its last use.
  static constexpr Nanos kGranted = 1s;
  /// While shared memory is scarce, pools that were not used for so long are removed.
  static constexpr Nanos kUnused = 1s;
  /// Bytes of unused pools made for ticks that are kept; the one used last stays whatever its size.
  static constexpr std::size_t kMostGranted = std::size_t{256} << 20;

  OwnPools(FolderPtr folder, std::string identity)
      : folder_{std::move(folder)}, identity_{std::move(identity)} {}

  struct Taken {
    std::shared_ptr<OwnPool> pool;
    BlockRef block;
  };
  /// kUnreserved leaves out the pools that publishers have reserved.
  enum class From : std::uint8_t { kUnreserved, kAll };
  /// A free block of at least `size` bytes, if there is one. Among those that fit, the one that was
  /// freed last: it is still in the cache. Reserved pools come last.
  std::optional<Taken> take(std::size_t size, From from = From::kAll) noexcept;
  /// Whether `pool` is one of these.
  bool owns(const OwnPool& pool) const noexcept;
  /// Counts the publishers that have declared no size. While there are some, payloads take
  /// unreserved blocks first, and add pools before they take what others have reserved.
  void share() noexcept { sharers_.fetch_add(1, std::memory_order_relaxed); }
  void unshare() noexcept { sharers_.fetch_sub(1, std::memory_order_relaxed); }
  /// Where to take a block from first.
  From first() const noexcept {
    return sharers_.load(std::memory_order_relaxed) == 0 ? From::kAll : From::kUnreserved;
  }

  /// As take(), and adds a pool if there is no free block. kExhausted when there is no memory.
  Result<Taken> grow(std::size_t size);
  /// Makes such a block for a tick, which takes it later. Its pool stays for kGranted after its
  /// last use.
  Status grant(std::size_t size);
  /// Adds pools for `blocks` payloads of up to `size` bytes. They stay until release().
  using Reserve = std::vector<std::size_t>;  ///< Slots.
  Result<Reserve> reserve(std::size_t size, std::uint32_t blocks);
  void release(const Reserve& slots) noexcept;

  /// Windows that grow() may trim when memory runs out.
  void add(PayloadWindow& window) { windows_.push_back(&window); }
  void remove(PayloadWindow& window) noexcept { std::erase(windows_, &window); }

  /// Acknowledges new holders of every pool; removes pools that nobody uses.
  void attend();
  /// Replaces pools whose names somebody removed. Who has mapped an old one keeps it; nobody else
  /// can find it. `folder` and `identity` are where, and under which name, new pools are made.
  /// Calls lose(error) for each that cannot be made again.
  template <typename Lose>
  void mend(FolderPtr folder, const std::string& identity, Lose lose) {
    folder_ = std::move(folder);
    identity_ = identity;
    for (Slot& slot : slots_) {
      if (slot.pool == nullptr || slot.pool->is_named()) continue;
      // Reserved memory is a promise: it is tried in each round until there is memory again.
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
    std::atomic<OwnPool*> seen{nullptr};     ///< The same pool, for take().
    std::atomic<std::uint32_t> reserved{0};  ///< How many publishers have reserved it.
    TimePoint granted_until{};               ///< Made for ticks: it stays until then.
    std::uint64_t used_last = 0;             ///< OwnPool::used_last() when that was set.
    TimePoint unused_since{};                ///< When attend() last saw it used.
    std::uint64_t used_then = 0;             ///< OwnPool::used_last() at that time.

    bool may_go() const noexcept {
      return pool != nullptr && reserved.load(std::memory_order_relaxed) == 0 && pool->is_idle();
    }
    void go_on(TimePoint now) noexcept;
    void note_use(TimePoint now) noexcept;
  };
  Result<std::shared_ptr<OwnPool>> create(std::size_t block, std::uint32_t blocks);
  Result<std::shared_ptr<OwnPool>> create_smaller(std::size_t block, std::uint32_t blocks);
  /// Removes unused pools, the one that was used longest ago first, until at most `left` bytes of
  /// them remain. Pools granted to ticks are removed beyond kMostGranted, or if `left` is 0.
  void retire_idle(std::size_t left) noexcept;
  void retire_unused(TimePoint now) noexcept;
  void replace(Slot& slot, std::shared_ptr<OwnPool> pool) noexcept;
  void bury() noexcept;
  Error explain(Error error, std::size_t size) const;
  std::string most_held() const;

  FolderPtr folder_;
  std::string identity_;
  std::array<Slot, kMaxPools> slots_;
  std::atomic<std::size_t> used_{0};  ///< Slots from this one on were never used.
  std::atomic<std::uint32_t> walks_{0};
  std::atomic<std::uint32_t> sharers_{0};
  std::vector<std::shared_ptr<OwnPool>> retired_;  ///< Kept until no walk can see them.
  std::vector<PayloadWindow*> windows_;
};

}  // namespace horus::shm

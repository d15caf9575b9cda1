// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shm/layout.hpp"
#include "shm/region.hpp"

namespace horus::shm {

/// Blocks for big payloads, in a file that only their owner writes; others map it read-only and
/// say in files of their own which blocks they hold.
///
/// Protocol (all seq_cst, so that of a holder and the owner one sees the other):
///   holder: count the block in its own file, then load the block's generation; moved: uncount,
///           the payload is missed.
///   owner:  move the generation of a block that nobody in its window or process refers to, then
///           look at every acknowledged holder's count; held: leave the block, its generation
///           stays moved. The block freed last goes out first: it is still in the cache.
/// A holder counts from when the owner has acknowledged it; before that it takes nothing, or, not
/// in a tick, copies the payload and checks the generation after. A dead holder's counts do not
/// count. Source: M. Michael, "Hazard Pointers" (TPDS 2004), between processes; with a count a
/// block in place of a bit, so that two handles of one process need no lock between them.
inline constexpr std::uint32_t kPoolBlocks = 16;  ///< At most.
inline constexpr std::size_t kMaxHolders = 64;
inline constexpr std::size_t kPage = 4096;

struct PoolHeader {
  FileHeader file;
  std::uint32_t id = 0;
  std::uint32_t blocks = 0;
  std::uint64_t block_size = 0;  ///< Bytes, whole pages.
  std::array<std::uint8_t, 16> pad{};
  std::array<std::atomic<std::uint64_t>, kMaxHolders> acknowledged{};  ///< Holders' ids, 0: none.
  std::array<std::atomic<std::uint64_t>, kPoolBlocks> generation{};
};
static_assert(sizeof(PoolHeader) == 64 + 8 * (kMaxHolders + kPoolBlocks));

/// `pools/<pool>.<identity>.hold`: what one process holds of one pool.
struct HoldFile {
  FileHeader file;  ///< hash: the holder's id.
  std::array<std::atomic<std::uint32_t>, kPoolBlocks> count{};
};

/// Who refers to a block in its owner's process: handles, and topics whose window it is in. At 0 it
/// is free.
struct BlockUse {
  std::atomic<std::uint32_t> references{0};
  std::atomic<std::uint64_t> freed{0};  ///< cycle_count() when it was last let go of.

  void share() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  void give_back() noexcept;
};

/// A block of one's own, taken.
struct BlockRef {
  std::uint32_t index = 0;
  std::uint64_t generation = 0;
};

/// Bytes of the blocks that payloads of `size` bytes lie in: whole pages, four sizes to each power
/// of two, so that payloads which grow and shrink share their pools.
std::size_t block_size_for(std::size_t size) noexcept;

/// A pool of this process.
///
/// Thread safety: take() and give_back() from any thread, lock-free; attend(), close(),
/// count_holds() and is_idle() under the session's lock.
class OwnPool : public std::enable_shared_from_this<OwnPool> {
 public:
  static Result<std::shared_ptr<OwnPool>> create(FolderPtr folder, const std::string& identity,
                                                 std::size_t block_size,
                                                 std::uint32_t blocks = kPoolBlocks);
  ~OwnPool();

  std::size_t block_size() const noexcept { return block_size_; }
  std::uint32_t blocks() const noexcept { return blocks_; }
  std::size_t bytes() const noexcept { return region_.bytes().size(); }
  std::uint32_t id() const noexcept { return header().id; }
  bool is_named() const noexcept { return region_.is_named(); }
  /// Gives no blocks from now on: who comes now would not find them.
  void abandon() noexcept { abandoned_.store(true, std::memory_order_relaxed); }
  /// relaxed, both: a block more or less that only who is there already sees.
  bool abandoned() const noexcept { return abandoned_.load(std::memory_order_relaxed); }
  std::span<std::byte> block(std::uint32_t index) const noexcept;
  BlockUse& use(std::uint32_t index) noexcept { return uses_[index]; }
  /// Nothing when every block is referred to or held.
  std::optional<BlockRef> take() noexcept;
  /// Of the blocks that nobody here refers to, when the last one was let go of: cycle_count(), 0
  /// for one that was never used. Nothing where all are referred to.
  std::optional<std::uint64_t> freed_last() const noexcept;
  /// cycle_count() when a block was last let go of.
  std::uint64_t used_last() const noexcept;
  /// Others read the block from now on. Debug builds end who writes to it before it is taken again.
  void seal(std::uint32_t index) noexcept;
  static bool seals() noexcept;
  void give_back(std::uint32_t index) noexcept { uses_[index].give_back(); }
  /// Acknowledges new holders, forgets dead ones; `names` are the hold files that there are.
  void attend(const std::vector<std::string>& names);
  void attend() { attend(folder_->list(".hold")); }
  /// Adds how many of its blocks each process holds, by what that says its pid is.
  using Holds = std::map<std::int32_t, std::size_t>;
  void count_holds(Holds& holds) const;
  /// Whether nobody in this process refers to a block of it.
  bool is_idle() const noexcept;
  /// Takes every block for good. False, and nothing done, when one is referred to or held.
  bool close() noexcept;

 private:
  struct Holder {
    std::string name;
    Region region;
    std::size_t slot = 0;
  };
  OwnPool() = default;
  PoolHeader& header() const noexcept { return *region_.as<PoolHeader>(); }
  bool held(std::uint32_t index) noexcept;
  void acknowledge(const std::string& name);
  std::uint32_t last_freed(std::uint32_t passed_by) const noexcept;

  Region region_;
  FolderPtr folder_;
  std::string name_;
  std::size_t block_size_ = 0;
  std::uint32_t blocks_ = 0;
  std::array<BlockUse, kPoolBlocks> uses_{};
  std::atomic<bool> abandoned_{false};
  // What take() scans; the helper thread empties a slot, waits until no scan runs, then frees.
  std::array<std::atomic<const HoldFile*>, kMaxHolders> holders_{};
  std::atomic<std::uint32_t> scans_{0};
  std::vector<std::unique_ptr<Holder>> attached_;
};

/// Another's pool (or one's own, as a receiver sees it), mapped read-only.
///
/// Thread safety: any thread, lock-free.
class PeerPool : public std::enable_shared_from_this<PeerPool> {
 public:
  /// Maps the pool with this file name, for the process of that identity.
  static Result<std::shared_ptr<PeerPool>> open(const FolderPtr& folder, const std::string& name,
                                                const std::string& identity);
  static std::string name_of(std::uint32_t id);  ///< As it stands in names of files.
  ~PeerPool();

  std::uint32_t id() const noexcept { return id_; }
  /// Whether the owner lives.
  bool alive() const noexcept;
  bool foreign() const noexcept;  ///< Whether it is another user's.
  /// Whether holds of this process protect a block by now.
  bool acknowledged() const noexcept;
  /// Checks what a descriptor says. `size` bytes of block `index`; empty when out of range.
  std::span<const std::byte> payload(std::uint32_t index, std::uint64_t size) const noexcept;
  bool hold(std::uint32_t index, std::uint64_t generation) noexcept;
  void release(std::uint32_t index) noexcept;
  /// seq_cst: after the payload was copied.
  bool is_current(std::uint32_t index, std::uint64_t generation) const noexcept;

 private:
  PeerPool() = default;
  const PoolHeader& header() const noexcept { return *region_.as<const PoolHeader>(); }

  Region region_;
  Region holds_;
  std::uint32_t id_ = 0;
  std::uint64_t block_size_ = 0;
  std::uint32_t blocks_ = 0;
  std::uint64_t holder_ = 0;
};

}  // namespace horus::shm

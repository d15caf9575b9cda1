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

/// Blocks for big payloads, in a file that only their owner's process writes. Other processes map
/// it read-only, and say in files of their own which blocks they hold.
///
/// Protocol (all seq_cst, so that a holder or the owner sees what the other did):
///   holder: counts the block in its own file, then loads the block's generation. If that has
///           moved, it takes the count back: the payload is missed.
///   owner:  moves the generation of a block that nothing in its own process refers to, then scans
///           the counts of every acknowledged holder. If one holds the block, the owner leaves it;
///           its generation stays moved. The block that was freed last is used first: it is still
///           in the cache.
/// A holder's counts are valid from when the owner has acknowledged it. Before that it takes
/// nothing, or, outside of ticks, copies the payload and checks the generation afterwards. The
/// counts of a dead holder are ignored.
/// Source: M. Michael, "Hazard Pointers" (TPDS 2004), here between processes, with a count for each
/// block in place of a bit, so that two handles of one process need no lock between them (SHM-6).
inline constexpr std::uint32_t kPoolBlocks = 16;  ///< Most blocks of one pool.
inline constexpr std::size_t kMaxHolders = 64;
inline constexpr std::size_t kPage = 4096;

/// `pools/<identity>.<id>.pool` begins with this; the blocks follow, from the next whole page on.
struct PoolHeader {
  FileHeader file;
  std::uint32_t id = 0;
  std::uint32_t blocks = 0;
  std::uint64_t block_size = 0;  ///< Bytes, whole pages.
  std::array<std::uint8_t, 16> pad{};
  /// The ids of the holders whose counts are valid; 0: the place is free.
  std::array<std::atomic<std::uint64_t>, kMaxHolders> acknowledged{};
  std::array<std::atomic<std::uint64_t>, kPoolBlocks> generation{};
};
static_assert(sizeof(PoolHeader) == 64 + 8 * (kMaxHolders + kPoolBlocks));

/// `pools/<pool>.<identity>.hold`: what one process holds of one pool.
struct HoldFile {
  FileHeader file;  ///< hash: the holder's id.
  std::array<std::atomic<std::uint32_t>, kPoolBlocks> count{};
};

/// Counts what refers to a block in its owner's process: handles, and the windows of topics. At 0
/// the block is free.
struct BlockUse {
  std::atomic<std::uint32_t> references{0};
  std::atomic<std::uint64_t> freed{0};  ///< cycle_count() when a reference was last given back.

  void share() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  void give_back() noexcept;
};

/// A block of an own pool that was taken, with the generation that it has now.
struct BlockRef {
  std::uint32_t index = 0;
  std::uint64_t generation = 0;
};

/// The size of the blocks for payloads of `size` bytes: whole pages, in four steps for each power
/// of two, so that payloads whose size changes share their pools.
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
  /// From now on gives no blocks. For a pool whose name was removed: new receivers would not find
  /// it.
  void abandon() noexcept { abandoned_.store(true, std::memory_order_relaxed); }
  /// relaxed, both: one block more or less, which only receivers that have mapped the pool see.
  bool abandoned() const noexcept { return abandoned_.load(std::memory_order_relaxed); }
  std::span<std::byte> block(std::uint32_t index) const noexcept;
  BlockUse& use(std::uint32_t index) noexcept { return uses_[index]; }
  /// A free block, or nothing when every block is referred to or held.
  std::optional<BlockRef> take() noexcept;
  /// Among the blocks that nothing here refers to, when the last one was freed: a cycle_count(), 0
  /// if none was ever used. Nothing if all are referred to.
  std::optional<std::uint64_t> freed_last() const noexcept;
  /// cycle_count() when a reference to any block was last given back.
  std::uint64_t used_last() const noexcept;
  /// The block was sent: others read it from now on. In debug builds the block is then protected,
  /// so that a write to it before it is taken again ends the program.
  void seal(std::uint32_t index) noexcept;
  static bool seals() noexcept;
  void give_back(std::uint32_t index) noexcept { uses_[index].give_back(); }
  /// Acknowledges new holders and forgets dead ones. `names`: the hold files that exist.
  void attend(const std::vector<std::string>& names);
  void attend() { attend(folder_->list(".hold")); }
  /// Adds, for each holding process, how many blocks it holds, by the pid that its file states.
  using Holds = std::map<std::int32_t, std::size_t>;
  void count_holds(Holds& holds) const;
  /// Whether nobody in this process refers to a block of it.
  bool is_idle() const noexcept;
  /// Takes every block for good. False, without effect, if one is referred to or held.
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
  // take() scans these. The helper thread empties a slot, waits until no scan runs, then unmaps.
  std::array<std::atomic<const HoldFile*>, kMaxHolders> holders_{};
  std::atomic<std::uint32_t> scans_{0};
  std::vector<std::unique_ptr<Holder>> attached_;
};

/// A pool of another process (or of this one, as a receiver sees it), mapped read-only.
///
/// Thread safety: any thread, lock-free; open() makes system calls and is not for a tick.
class PeerPool : public std::enable_shared_from_this<PeerPool> {
 public:
  /// Maps the pool of this file name, and makes this process's hold file for it. `identity`: of
  /// this process.
  static Result<std::shared_ptr<PeerPool>> open(const FolderPtr& folder, const std::string& name,
                                                const std::string& identity);
  static std::string name_of(std::uint32_t id);  ///< The id as file names contain it.
  ~PeerPool();

  std::uint32_t id() const noexcept { return id_; }
  /// Whether the owner lives.
  bool alive() const noexcept;
  bool foreign() const noexcept;  ///< Whether the owner is another user.
  /// Whether the owner has acknowledged this process, so that its holds protect blocks.
  bool acknowledged() const noexcept;
  /// The first `size` bytes of block `index`; empty if they are out of range. Use it to check a
  /// received descriptor.
  std::span<const std::byte> payload(std::uint32_t index, std::uint64_t size) const noexcept;
  /// Holds the block, until release(). False if its generation has moved.
  bool hold(std::uint32_t index, std::uint64_t generation) noexcept;
  void release(std::uint32_t index) noexcept;
  /// Whether the block still has this generation. For after the payload was copied without a hold.
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

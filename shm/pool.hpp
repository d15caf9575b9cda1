// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
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
///           stays moved.
/// A holder counts from when the owner has acknowledged it; before that it copies the payload and
/// checks the generation after. A dead holder's counts do not count.
/// Source: M. Michael, "Hazard Pointers" (TPDS 2004), between processes; with a count a block in
/// place of a bit, so that two handles of one process need no lock between them.
inline constexpr std::uint32_t kPoolBlocks = 16;
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

/// A block of one's own, taken: free again when the last copy goes.
struct BlockRef {
  std::uint32_t index = 0;
  std::uint64_t generation = 0;
};

/// A pool of this process.
///
/// Thread safety: take() and give_back() from any thread, lock-free; attend() from the helper
/// thread.
class OwnPool {
 public:
  static Result<std::shared_ptr<OwnPool>> create(const std::string& base,
                                                 const std::string& identity,
                                                 std::size_t block_size);
  ~OwnPool();

  std::size_t block_size() const noexcept { return header().block_size; }
  std::uint32_t id() const noexcept { return header().id; }
  std::span<std::byte> block(std::uint32_t index) const noexcept;
  /// Nothing when every block is referred to or held.
  std::optional<BlockRef> take() noexcept;
  void give_back(std::uint32_t index) noexcept;
  /// Acknowledges new holders, forgets dead ones.
  void attend();

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

  Region region_;
  std::string directory_;
  std::string name_;
  std::array<std::atomic<bool>, kPoolBlocks> taken_{};
  std::atomic<std::uint32_t> next_{0};
  // What take() scans; the helper thread empties a slot, waits until no scan runs, then frees.
  std::array<std::atomic<const HoldFile*>, kMaxHolders> holders_{};
  std::atomic<std::uint32_t> scans_{0};
  std::vector<std::unique_ptr<Holder>> attached_;
};

/// Another's pool (or one's own, as a receiver sees it), mapped read-only.
///
/// Thread safety: any thread, lock-free.
class PeerPool {
 public:
  static Result<std::shared_ptr<PeerPool>> open(const std::string& base, std::uint32_t id,
                                                const std::string& identity);
  ~PeerPool();

  std::uint32_t id() const noexcept { return id_; }
  /// Whether the owner lives.
  bool alive() const noexcept;
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
  std::uint64_t holder_ = 0;
};

}  // namespace horus::shm

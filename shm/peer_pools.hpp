// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <horus/time.hpp>

#include "shm/pool.hpp"

namespace horus::shm {

/// The pools of other processes whose payloads this process receives. Mapping is slow, so the
/// helper thread does it; a thread that takes a payload only looks here.
///
/// Thread safety: find(), look() and looks() from any thread, lock-free; the others under the
/// session's lock.
///
/// Invariant: a pool that find() sees in its slot stays until the walk that saw it has ended.
class PeerPools {
 public:
  static constexpr std::size_t kMaxPools = 512;

  PeerPools(FolderPtr folder, std::string identity)
      : folder_{std::move(folder)}, identity_{std::move(identity)} {}

  enum class Look : std::uint8_t {
    kReady,    ///< Mapped, and this process's holds are acknowledged (or its owner is dead).
    kComing,   ///< Mapped, but the owner has not acknowledged this process yet.
    kUnknown,  ///< The helper thread has not seen it so far.
    kGone      ///< It was mapped, and its owner is dead.
  };
  Look look(std::uint32_t id) noexcept;
  /// The mapped pool of this id; null if there is none.
  std::shared_ptr<PeerPool> find(std::uint32_t id) noexcept;
  /// How often the helper thread has scanned. A pool that it has not seen after two more scans does
  /// not exist.
  std::uint64_t looks() const noexcept { return looks_.load(std::memory_order_acquire); }

  /// Maps the pools of the processes in `wanted`, and drops those that are of no use any more. The
  /// value is false for a dead process, whose pools are kept as they are. Calls reject(path, error)
  /// for each that cannot be mapped.
  using Wanted = std::map<std::string, bool, std::less<>>;
  template <typename Reject>
  void refresh(const Wanted& wanted, Reject reject) {
    for (const std::string& name : folder_->list(".pool")) {
      if (!wanted.contains(key_of_pool(name)) || knows(name)) continue;
      if (auto error = add(name)) reject(folder_->path_of(name), *error);
    }
    for (Slot& slot : slots_) {
      if (slot.pool == nullptr) continue;
      if (auto error = check(slot, wanted)) reject(folder_->path_of(slot.name), *error);
    }
    bury();
    looks_.fetch_add(1, std::memory_order_release);
  }
  bool is_empty() const noexcept { return used_.load(std::memory_order_relaxed) == 0; }
  /// From now on pools lie in `folder`, and this process has this identity there.
  void move(FolderPtr folder, const std::string& identity) {
    folder_ = std::move(folder);
    identity_ = identity;
  }
  /// The pool of this id. Maps it if it is not yet mapped, so not in a tick.
  Result<std::shared_ptr<PeerPool>> open(std::uint32_t id);

 private:
  struct Slot {
    std::shared_ptr<PeerPool> pool;
    std::string name;
    /// Since when its owner has not acknowledged us; 0: it has.
    TimePoint unheard_since{};
    bool told = false;                     ///< That was reported.
    std::atomic<PeerPool*> seen{nullptr};  ///< The same pool, for find().
    std::atomic<bool> orphaned{false};     ///< Its owner is dead: nobody writes to it any more.
  };
  static std::string_view key_of_pool(std::string_view name) noexcept;
  bool knows(const std::string& name) const noexcept;
  std::optional<Error> add(const std::string& name);
  Result<std::shared_ptr<PeerPool>> map(const std::string& name);
  std::optional<Error> check(Slot& slot, const Wanted& wanted);
  void release(Slot& slot) noexcept;
  void bury() noexcept;
  template <typename Visit>
  void walk(std::uint32_t id, Visit visit) noexcept;

  FolderPtr folder_;
  std::string identity_;
  std::array<Slot, kMaxPools> slots_;
  std::atomic<std::size_t> used_{0};  ///< Slots from this one on were never used.
  std::atomic<std::uint32_t> walks_{0};
  std::array<std::atomic<std::uint32_t>, 64> gone_{};  ///< Ids of the last pools that went.
  std::size_t next_gone_ = 0;
  std::atomic<std::uint64_t> looks_{0};
  struct Retired {
    std::string name;
    std::shared_ptr<PeerPool> pool;
  };
  std::vector<Retired> retired_;  ///< Kept until no walk, and no payload, refers to them.
};

}  // namespace horus::shm

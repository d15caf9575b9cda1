// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>  // not RT: set-up and the helper thread only
#include <set>
#include <string>

#include "rt/base/result.hpp"
#include "shm/own_pools.hpp"
#include "shm/peer_pools.hpp"

namespace horus::shm {

using SessionLock = std::mutex;  // not RT: set-up and the helper thread only

/// A session, as its pools see it. They call it under its lock.
class PoolOwner {
 public:
  virtual ~PoolOwner() = default;
  /// Whose payloads this process receives: see PeerPools::refresh().
  virtual PeerPools::Wanted wanted_pools() const = 0;
  /// A file of a peer's is of no use.
  virtual void reject(const std::string& path, const Error& why) = 0;
  /// There is no memory for a block of `size` bytes that a tick has asked for.
  virtual void deny(std::size_t size, const Error& why) = 0;
  /// Whether this is a forked child: the lock may have been held at the fork.
  virtual bool forked() const noexcept = 0;
};

/// The blocks of shared memory that a process's payloads lie in: those of its own pools, and those
/// of its peers' pools, as far as they are mapped.
///
/// Thread safety: every call from any thread; take(), own() and peers() as said there.
class PoolSet {
 public:
  /// `lock` is the session's.
  PoolSet(PoolOwner& owner, SessionLock& lock, const FolderPtr& folder, const std::string& identity)
      : owner_{owner}, mutex_{lock}, own_{folder, identity}, peers_{folder, identity} {}

  /// A free block of at least `size` bytes. Lock-free while there is one; else a pool is added: at
  /// once, or by the helper thread where this thread must not wait, which is kBusy until then.
  Result<OwnPools::Taken> take(std::size_t size);
  Result<OwnPools::Reserve> reserve(std::size_t size, std::uint32_t blocks);
  void release(const OwnPools::Reserve& reserve) noexcept;
  void add(PayloadWindow& window);
  void remove(PayloadWindow& window) noexcept;
  /// A peer's pool, mapped by the caller where it is not yet: not in a tick.
  Result<std::shared_ptr<PeerPool>> peer(std::uint32_t id);
  /// Within one process publishers and subscribers know each other's pools at once.
  void introduce();
  /// Blocks that a tick did not get, as there was none.
  std::uint64_t not_yet() const noexcept { return not_yet_.load(std::memory_order_relaxed); }

  // Under the session's lock.
  void grant_wishes();
  void refresh();
  OwnPools& own() noexcept { return own_; }
  PeerPools& peers() noexcept { return peers_; }

 private:
  void wish_for(std::size_t size) noexcept;

  PoolOwner& owner_;
  SessionLock& mutex_;
  OwnPools own_;
  PeerPools peers_;
  std::atomic<std::uint64_t> not_yet_{0};
  std::array<std::atomic<std::size_t>, 8> wishes_{};  ///< Sizes of blocks; 0: none.
  std::set<std::size_t> denied_;                      ///< Sizes that there is no memory for.
};

}  // namespace horus::shm

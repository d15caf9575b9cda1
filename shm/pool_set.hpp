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

#include <horus/result.hpp>

#include "shm/own_pools.hpp"
#include "shm/peer_pools.hpp"

namespace horus::shm {

using SessionLock = std::mutex;  // not RT: set-up and the helper thread only

/// What pools need of their session. They call it under the session's lock.
class PoolOwner {
 public:
  virtual ~PoolOwner() = default;
  /// The processes whose payloads this process receives: see PeerPools::refresh().
  virtual PeerPools::Wanted wanted_pools() const = 0;
  /// Notes that a file of another process cannot be used.
  virtual void reject(const std::string& path, const Error& why) = 0;
  /// Notes that there is no memory for a block of `size` bytes that a tick has asked for.
  virtual void deny(std::size_t size, const Error& why) = 0;
  /// Whether this is a forked child: the lock may have been held at the fork, and nobody drops it
  /// here. Calls that a child makes with what its parent opened ask first; to open a topic it needs
  /// a session of its own (SHM-5).
  virtual bool forked() const noexcept = 0;
};

/// The blocks of shared memory that a process's payloads lie in: its own pools, and those pools of
/// other processes that are mapped.
///
/// Thread safety: every call from any thread, except that grant_wishes(), refresh() and what own()
/// and peers() return follow the rules stated there.
class PoolSet {
 public:
  /// `lock` is the session's.
  PoolSet(PoolOwner& owner, SessionLock& lock, const FolderPtr& folder, const std::string& identity)
      : owner_{owner}, mutex_{lock}, own_{folder, identity}, peers_{folder, identity} {}

  /// A free block of at least `size` bytes. Lock-free while there is one. Else a pool is added: at
  /// once, or, on an executor thread of a C++ host, by the helper thread; the call then returns
  /// kBusy.
  Result<OwnPools::Taken> take(std::size_t size);
  /// See OwnPools::reserve() and release(). These two and the next two take the session's lock.
  Result<OwnPools::Reserve> reserve(std::size_t size, std::uint32_t blocks);
  void release(const OwnPools::Reserve& reserve) noexcept;
  void add(PayloadWindow& window);
  void remove(PayloadWindow& window) noexcept;
  /// The pool of another process, mapped by the caller if it is not yet: not in a tick.
  Result<std::shared_ptr<PeerPool>> peer(std::uint32_t id);
  /// Maps pools and acknowledges holders now, so that publishers and subscribers of one process
  /// need not wait for the helper thread.
  void discover();
  /// How often a tick got no block because none was free.
  std::uint64_t not_yet() const noexcept { return not_yet_.load(std::memory_order_relaxed); }

  // The rest under the session's lock.
  /// Adds pools for the sizes that ticks have asked for.
  void grant_wishes();
  /// Maps and drops pools of other processes, as PoolOwner::wanted_pools() says.
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
  std::array<std::atomic<std::size_t>, 8> wishes_{};  ///< Block sizes that ticks want; 0: none.
  std::set<std::size_t> denied_;                      ///< Sizes for which deny() was called.
};

}  // namespace horus::shm

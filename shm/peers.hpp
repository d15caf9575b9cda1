// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "shm/region.hpp"

namespace horus::shm {

/// The peers (publishers or subscribers) of one subscriber or publisher: a table that the helper
/// thread fills and the user's thread reads, without a lock.
///
/// Thread safety: each(), count() and release() from the one thread that uses the owner; all others
/// under the session's lock, where each() and count() are allowed, too. Progress: each() and
/// release() are wait-free.
///
/// Invariants:
///   (1) a pointer in slots_ is valid until the user's thread takes it out by release();
///   (2) collect() releases the peers that are not in slots_ any more.
template <typename Peer, std::size_t N>
class PeerTable {
 public:
  bool knows(const std::string& name) const noexcept {
    for (const auto& peer : owned_) {
      if (peer->name == name) return true;
    }
    return false;
  }
  bool full() const noexcept {
    return std::ranges::none_of(slots_, [](const auto& slot) {
      // acquire: as in attach().
      return slot.load(std::memory_order_acquire) == nullptr;
    });
  }
  /// Needs a free slot (not full()). Calls `enter` with the peer and its slot before the user's
  /// thread can see it there.
  template <typename Enter>
  void attach(std::unique_ptr<Peer> peer, Enter enter) {
    for (std::size_t i = 0; i < N; ++i) {
      // acquire: the user's thread is done with the peer that was here before. collect() compares
      // pointers, so it will not see that this slot was free in between.
      if (slots_[i].load(std::memory_order_acquire) != nullptr) continue;
      Peer* raw = peer.get();
      owned_.push_back(std::move(peer));
      enter(*raw, i);
      // release: a user's thread that sees the pointer sees the complete peer.
      slots_[i].store(raw, std::memory_order_release);
      if (i >= used_.load(std::memory_order_relaxed)) used_.store(i + 1, std::memory_order_release);
      return;
    }
  }
  /// Remembers the peer by its name, without a slot: it is not read, and not tried again.
  void remember(std::unique_ptr<Peer> peer) {
    peer->release();
    owned_.push_back(std::move(peer));
  }
  /// `present`: the names of the peers' files that are still there. Unmaps the peers that were let
  /// go. Each is remembered by its name as long as its file exists; otherwise it would be taken for
  /// a new one.
  void collect(const std::vector<std::string>& present) {
    std::erase_if(owned_, [&](const std::unique_ptr<Peer>& peer) {
      for (const auto& slot : slots_) {
        // acquire: the user's thread is done with what it took out.
        if (slot.load(std::memory_order_acquire) == peer.get()) return false;
      }
      peer->release();
      return std::find(present.begin(), present.end(), peer->name) == present.end();
    });
  }
  std::vector<std::unique_ptr<Peer>>& owned() noexcept { return owned_; }
  const std::vector<std::unique_ptr<Peer>>& owned() const noexcept { return owned_; }
  /// Whether a scan is due: a peer's process has died, or a peer was let go and is still mapped.
  bool has_changed() const noexcept {
    std::size_t held = 0;
    for (const auto& peer : owned_) {
      if (!peer->region) continue;
      if (peer->life != nullptr && peer->life->over && !is_marked(*peer)) return true;
      ++held;
    }
    return held != count();
  }
  /// Whether a peer that is not marked dead has lost its lock, or its file is not whole any more.
  bool has_dead() const noexcept {
    return std::ranges::any_of(owned_, [](const auto& peer) {
      return peer->region && !is_marked(*peer) && !peer->region.alive();
    });
  }
  /// Peers of other users get at most three quarters of the slots, so that they cannot keep this
  /// user's own out.
  static bool is_foreign(const Region& region) noexcept { return region.owner() != ::geteuid(); }
  bool full_of_foreign() const noexcept {
    const auto foreign = std::ranges::count_if(
        owned_, [](const auto& peer) { return peer->region && is_foreign(peer->region); });
    return static_cast<std::size_t>(foreign) >= N / 4 * 3;
  }

  /// Calls visit(peer, slot) for each attached peer.
  template <typename Visit>
  void each(Visit visit) const noexcept {
    // acquire: pairs with the release of attach().
    const std::size_t filled = used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < filled; ++i) {
      if (Peer* peer = slots_[i].load(std::memory_order_acquire)) visit(*peer, i);
    }
  }
  /// Takes the peer out of its slot. The user's thread must not use it afterwards.
  void release(std::size_t slot) noexcept {
    // release: see collect().
    slots_[slot].store(nullptr, std::memory_order_release);
  }
  std::size_t count() const noexcept {
    std::size_t n = 0;
    each([&n](Peer&, std::size_t) { ++n; });
    return n;
  }

 private:
  static bool is_marked(const Peer& peer) noexcept {
    return peer.dead.load(std::memory_order_relaxed);  // relaxed: only this side writes
  }

  std::array<std::atomic<Peer*>, N> slots_{};
  std::atomic<std::size_t> used_{0};
  std::vector<std::unique_ptr<Peer>> owned_;
};

}  // namespace horus::shm

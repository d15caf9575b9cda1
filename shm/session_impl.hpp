// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>  // not RT: set-up and the helper thread only
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/peers.hpp"
#include "shm/pool.hpp"
#include "shm/region.hpp"
#include "shm/ring.hpp"
#include "shm/session.hpp"
#include "shm/wakeup.hpp"

namespace horus::shm {

/// A publisher's ring, as a subscriber reads it.
struct RingPeer {
  std::string name;  ///< File name.
  Region region;
  RingView view;
  std::uint64_t next = 0;         ///< The message to take next; the subscriber's thread only.
  std::atomic<bool> dead{false};  ///< Its owner is gone: take what is complete, then let go.

  void release() noexcept { region = {}; }
};

/// A subscriber, as a publisher looks at it.
struct CursorPeer {
  std::string name;
  Region region;
  std::shared_ptr<Bell> bell;  ///< Null: cannot be rung.
  std::atomic<bool> dead{false};

  void release() noexcept {
    region = {};
    bell = nullptr;
  }
};

inline constexpr std::size_t kMaxPublishers = 64;
inline constexpr std::size_t kMaxSubscribers = 64;
inline constexpr std::uint32_t kMaxMessage = 1U << 22;
inline constexpr std::uint32_t kMaxSide = 65535;  ///< Pixels.
inline constexpr std::size_t kMaxPools = 16;      ///< Of one process.

/// A peer's ring, when its numbers agree with each other, with its file and with the topic's type.
std::optional<RingView> view_of(const Region& region, const TypeInfo& type) noexcept;

struct PublisherState {
  ~PublisherState();
  Session::Impl* session = nullptr;
  const TypeInfo* type = nullptr;
  std::string directory;
  Region region;
  RingView view;
  std::uint64_t sent = 0;
  MessageCounters counters;
  PeerTable<CursorPeer, kMaxSubscribers> subscribers;
};

struct SubscriberState {
  ~SubscriberState();
  Session::Impl* session = nullptr;
  const TypeInfo* type = nullptr;
  std::string directory;
  Region region;  ///< A CursorFile.
  std::size_t max_size = 0;
  std::atomic<bool> interrupted{false};
  std::uint32_t history = 0;  ///< Messages a late joiner starts back.
  MessageCounters counters;
  PeerTable<RingPeer, kMaxPublishers> rings;
};

struct Session::Impl {
  explicit Impl(std::string base_directory) : base{std::move(base_directory)} {}
  ~Impl();

  Status start();
  /// Whether this is a copy in a forked child: its files are its parent's, and it has no helper.
  bool forked() const noexcept { return ::getpid() != owner_; }
  Result<TypeFile> open_topic(std::string_view topic, const TypeInfo& type,
                              const TopicOptions& options);
  void add(PublisherState& publisher);
  void add(SubscriberState& subscriber);
  void remove(PublisherState& publisher) noexcept;
  void remove(SubscriberState& subscriber) noexcept;

  struct Taken {
    std::shared_ptr<OwnPool> pool;
    BlockRef block;
  };
  /// A free block of at least `size` bytes. Lock-free while there is one; else a pool is added.
  Result<Taken> take_block(std::size_t size);
  bool owns(const OwnPool& pool) const noexcept;
  Result<std::shared_ptr<PeerPool>> peer_pool(std::uint32_t id);

  std::string base;
  std::string identity;
  std::shared_ptr<Bell> bell;
  std::string bell_name;
  std::atomic<std::uint32_t> serial{0};

 private:
  void run() noexcept;
  void watch(const std::string& directory);
  void look(PublisherState& publisher);
  void look(SubscriberState& subscriber, bool late);
  std::shared_ptr<Bell> bell_of(const std::string& name);
  std::optional<Taken> take_existing(std::size_t size) noexcept;

  const pid_t owner_ = ::getpid();
  std::mutex mutex_;  // not RT: set-up and the helper thread only
  std::vector<PublisherState*> publishers_;
  std::vector<SubscriberState*> subscribers_;
  std::map<std::string, std::shared_ptr<Bell>> bells_;
  // Filled from the front, never emptied before the session ends.
  std::array<std::shared_ptr<OwnPool>, kMaxPools> pools_;
  std::atomic<std::size_t> pool_count_{0};
  // Kept by the subscribers and frames that use them.
  std::map<std::uint32_t, std::weak_ptr<PeerPool>> peer_pools_;
  UniqueFd inotify_;
  UniqueFd stop_;
  std::thread helper_;
};

}  // namespace horus::shm

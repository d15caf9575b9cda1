// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>  // not RT: set-up and the helper thread only
#include <optional>
#include <set>
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
  TakenRow* row = nullptr;        ///< Where `next` is told to a publisher that may refuse.
  bool witnessed = false;         ///< Its owner lived when, or after, the subscriber came.
  std::atomic<bool> dead{false};  ///< Its owner is gone: take what is complete, then let go.
  /// Set now and then: where the slots show nothing, the ring's count may know of messages that
  /// were lost with their stamps.
  std::atomic<bool> count_is_due{false};

  void advance_to(std::uint64_t n) noexcept {
    next = n;
    // release: the publisher that sees the number writes after what was read below it.
    if (row != nullptr) row->taken.store(n, std::memory_order_release);
  }

  void release() noexcept { region = {}; }
};

/// A subscriber, as a publisher looks at it.
struct CursorPeer {
  std::string name;
  Region region;
  std::shared_ptr<Bell> bell;  ///< Null: cannot be rung.
  std::size_t row = 0;         ///< Of the publisher's ring, as far as it was found.
  std::uint64_t taken = 0;     ///< As it was when last looked at; the publisher's thread only.
  std::atomic<bool> dead{false};

  void release() noexcept {
    region = {};
    bell = nullptr;
  }
};

inline constexpr std::uint32_t kMaxSide = 65535;  ///< Pixels.
inline constexpr std::size_t kMaxPools = 16;      ///< Of one process.

struct PublisherState {
  ~PublisherState();
  Session::Impl* session = nullptr;
  const TypeInfo* type = nullptr;
  std::string directory;
  int watch = -1;          ///< Of `directory`.
  bool unsettled = false;  ///< A file of it is to be looked at again.
  Region region;
  RingView view;
  std::uint64_t inode = 0;  ///< What subscribers call the ring.
  bool refuses = false;
  std::uint64_t sent = 0;
  std::uint64_t reserved = 0;  ///< Of the ring's area.
  MessageCounters counters;
  PeerTable<CursorPeer, kMaxSubscribers> subscribers;
};

struct SubscriberState {
  ~SubscriberState();
  Session::Impl* session = nullptr;
  const TypeInfo* type = nullptr;
  std::string directory;
  int watch = -1;  ///< As above, both.
  bool unsettled = false;
  Region region;  ///< A CursorFile.
  bool refuses = false;
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
  std::uint64_t rejected() const;
  std::optional<Error> last_rejection() const;
  Result<TypeFile> open_topic(std::string_view topic, const TypeInfo& type,
                              const TopicOptions& options);
  void add(PublisherState& publisher);
  void add(SubscriberState& subscriber);
  /// Within one process publishers and subscribers know each other at once.
  void introduce(const PublisherState& publisher);
  void introduce(const SubscriberState& subscriber);
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
  int watch(const std::string& directory);
  /// The watches that something happened to; -1: it is not known which.
  std::set<int> changed();
  static bool has_changed(const PublisherState& publisher) noexcept;
  static bool has_changed(const SubscriberState& subscriber) noexcept;
  void look(PublisherState& publisher);
  void look(SubscriberState& subscriber, bool late);
  Result<std::unique_ptr<CursorPeer>> open_cursor(const std::string& path);
  Result<std::unique_ptr<RingPeer>> open_ring(const SubscriberState& subscriber,
                                              const std::string& path, bool late);
  void reject(const std::string& path, const Error& why);
  std::shared_ptr<Bell> bell_of(const std::string& name);
  std::optional<Taken> take_existing(std::size_t size) noexcept;

  const pid_t owner_ = ::getpid();
  mutable std::mutex mutex_;  // not RT: set-up and the helper thread only
  std::vector<PublisherState*> publishers_;
  std::vector<SubscriberState*> subscribers_;
  std::map<std::string, std::shared_ptr<Bell>> bells_;
  // Filled from the front, never emptied before the session ends.
  std::array<std::shared_ptr<OwnPool>, kMaxPools> pools_;
  std::atomic<std::size_t> pool_count_{0};
  // Kept by the subscribers and frames that use them.
  std::map<std::uint32_t, std::weak_ptr<PeerPool>> peer_pools_;
  std::uint64_t rejections_ = 0;
  std::set<std::string> rejected_;  ///< Paths that were counted.
  std::optional<Error> last_rejection_;
  int pools_watch_ = -1;
  UniqueFd inotify_;
  UniqueFd stop_;
  std::thread helper_;
};

}  // namespace horus::shm

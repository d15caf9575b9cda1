// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "rt/base/tick_stats.hpp"
#include "shm/layout.hpp"
#include "shm/peer_pools.hpp"
#include "shm/peers.hpp"
#include "shm/region.hpp"
#include "shm/ring.hpp"
#include "shm/stale_watch.hpp"
#include "shm/topic_type.hpp"
#include "shm/wakeup.hpp"

/// The state of publishers and subscribers. Two threads work on each: the user's thread, which
/// sends or takes, and the session's helper thread, which attaches and drops its peers. Where a
/// field belongs to one of them alone, its comment says so.
namespace horus::shm {

/// Whether a process lives, seen by the lock on its bell: one check for all of its files (SHM-15).
struct Life {
  Region bell;
  bool over = false;  ///< The process is gone: check each of its files.
};

/// A publisher's ring, as a subscriber reads it.
struct RingPeer {
  std::string name;  ///< File name.
  Region region;
  std::shared_ptr<Life> life;
  RingView view;
  std::uint64_t next = 0;          ///< The message to take next; the subscriber's thread only.
  std::uint64_t depth = 0;         ///< The subscriber's depth, or the ring's capacity if less.
  std::uint64_t told = 0;          ///< wait_for_new() has returned true for so many from `next` on.
  TakenRow* row = nullptr;         ///< Where `next` is published: a publisher may wait for it.
  std::uint32_t awaited = 0;       ///< Pool of the next message's payload, while it is not mapped.
  std::uint64_t awaited_from = 0;  ///< PeerPools::looks() when `awaited` was set.
  /// The publisher was alive when this subscription began, or started later. Only then does a torn
  /// message count.
  bool seen_alive = false;
  std::atomic<bool> dead{false};  ///< The publisher is gone: take what is complete, then release.
  /// Set now and then by the helper thread: check the ring's committed number even though the slots
  /// show no message. Messages may have been lost together with their stamps.
  std::atomic<bool> count_is_due{false};

  void advance_to(std::uint64_t n) noexcept {
    next = n;
    tell();
  }
  void tell() const noexcept {
    // release: the publisher that sees this number writes after all that was read below it.
    if (row != nullptr) row->taken.store(next, std::memory_order_release);
  }

  void release() noexcept {
    region = {};
    life = nullptr;
  }
};

/// CursorFile::ahead if the program says what the topic does (kRefuse), and so perhaps only sends.
inline constexpr std::uint32_t kAheadToSend = 2;

/// A subscriber, as a publisher looks at it.
struct CursorPeer {
  std::string name;
  Region region;
  std::shared_ptr<Life> life;
  std::shared_ptr<Bell> bell;  ///< Null: cannot be rung.
  std::size_t row = 0;         ///< Index of the publisher's ring in the subscriber's rows.
  std::uint64_t taken = 0;     ///< TakenRow::taken when last read; the publisher's thread only.
  std::uint32_t rung_in = 0;   ///< The sleep it was last woken from; the publisher's thread only.
  TimePoint rung_at{};         ///< When that was; the publisher's thread only.
  std::atomic<bool> dead{false};

  void release() noexcept {
    region = {};
    life = nullptr;
    bell = nullptr;
  }
  /// Whether it is CursorFile::ahead.
  bool is_ahead() const noexcept {
    // relaxed: only a hint, wherever it is used.
    return region.as<const CursorFile>()->ahead.load(std::memory_order_relaxed) != 0;
  }
  /// Whether a publisher that refuses waits for it.
  bool is_waited_for() const noexcept {
    // relaxed: as above.
    const auto& cursor = *region.as<const CursorFile>();
    return cursor.ahead.load(std::memory_order_relaxed) != kAheadToSend;
  }
};

/// When the helper thread scans a topic's files without an event. Under the session's lock.
struct Attention {
  /// One scan tries at most so many files, so that nobody who fills the folder delays the others.
  static constexpr std::size_t kMostTries = 1024;

  bool watched = false;           ///< inotify reports the events of the topic's folder.
  bool due = false;               ///< A scan is needed now.
  std::size_t tried = 0;          ///< Files tried by the last scan, if it is not finished; else 0.
  std::uint32_t rounds_left = 0;  ///< Rounds until unusable files are tried again; 0: none are.
  std::uint32_t patience = 0;     ///< The length of that pause in rounds; doubles each time.

  /// Reduces `names`, the files to be tried, to those of this scan. It goes on where the last
  /// ended.
  void choose(std::vector<std::string>& names) {
    if (names.size() <= kMostTries) {
      tried = 0;
      return;
    }
    const std::size_t begin = tried % names.size();
    const std::size_t end = std::min(begin + kMostTries, names.size());
    tried = end == names.size() ? 0 : end;
    names.resize(end);
    names.erase(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  /// Ends a scan. `settled`: no file is left to be tried again. Else the next scan comes after 1,
  /// 2, 4, ... 16 rounds; without events of the folder, in every round.
  void settle(bool settled) noexcept {
    constexpr std::uint32_t kLongest = 16;
    due = tried != 0;
    if (due) return;
    patience = settled ? 0 : std::clamp(2 * patience, std::uint32_t{1}, kLongest);
    if (!watched) patience = 1;
    rounds_left = patience;
  }
  /// A round of the helper thread has passed.
  void pass() noexcept {
    if (rounds_left != 0 && --rounds_left == 0) due = true;
  }
};

/// The ring that replaces a publisher's, whose file somebody removed (SHM-16).
struct NextRing {
  Region region;
  RingView view;
  std::uint64_t inode = 0;
  std::uint64_t carried = 0;        ///< Messages copied into it from the old ring.
  std::uint64_t reserved = 0;       ///< How far its area is reserved.
  std::atomic<bool> taken = false;  ///< The publisher's thread uses it, and no longer the old one.
};

/// What a publisher and a subscriber of a topic have in common.
struct Endpoint {
  Session::Impl* session = nullptr;
  const TypeInfo* type = nullptr;
  TypeFile file;
  TopicPlace place;
  Attention attention;
  Region region;  ///< Its own file: a publisher's ring, a subscriber's CursorFile.
  MessageCounters counters;
  std::uint32_t rounds = 0;  ///< Age in rounds of the helper thread, up to some number.
  std::uint32_t alone = 0;   ///< Rounds in which it was used and nobody was at the other end.
};

struct PublisherState : Endpoint {
  ~PublisherState();
  RingView view;
  std::uint64_t inode = 0;  ///< Of the ring's file: its name in TakenRow::ring.
  bool refuses = false;
  bool finite = false;                       ///< send() refuses numbers that are not finite.
  std::uint64_t sent = 0;                    ///< Messages in this ring, the carried ones included.
  std::uint64_t sent_before = 0;             ///< Messages in the rings before this one only.
  std::uint64_t reserved = 0;                ///< How far the ring's area is reserved.
  std::atomic<bool> isolated{false};         ///< See RingHeader.
  std::atomic<RingHeader*> header{nullptr};  ///< Of the ring in use, for other threads.
  /// The replacement, owned by the helper thread until the publisher's thread has changed over.
  std::unique_ptr<NextRing> next;
  std::atomic<NextRing*> offered{nullptr};  ///< The replacement; whoever exchanges it out has it.
  NodeStats* actuator = nullptr;            ///< See TopicOptions.
  PeerTable<CursorPeer, kMaxSubscribers> subscribers;
};

struct SubscriberState : Endpoint {
  ~SubscriberState();
  bool named = false;  ///< Its file has its name. Under the session's lock.
  bool stale = false;  ///< The bell that its file names is gone. Under the session's lock.
  bool first = true;   ///< Its first scan is not finished. Under the session's lock.
  std::atomic<std::size_t> max_size{0};  ///< Monotonic.
  PeerPools* frames = nullptr;           ///< If messages describe payloads: their pools; else null.
  std::atomic<bool> interrupted{false};
  std::uint32_t history = 0;      ///< How many messages back a late joiner starts.
  std::uint64_t since = 0;        ///< Of those, only what was sent from this cycle_count() on.
  std::uint64_t wanted = 0;       ///< Rings opened from here on are read from 0; 0: not used.
  std::uint32_t asked_depth = 0;  ///< The depth that its opener asked for; 0: all.
  std::atomic<std::uint64_t> depth{0};  ///< Newest messages wanted of each ring; ~0: all.
  std::uint64_t opened = cycle_count();
  std::uint64_t begun = opened;               ///< cycle_count() at begin(), if opened ahead.
  std::uint32_t sleeps = 1;                   ///< Number of the sleep; always odd, so never 0.
  std::uint64_t sent_at = 0;                  ///< cycle_count() at send of the last message taken.
  const RingPeer* last = nullptr;             ///< The ring of the last message taken.
  std::uint64_t aged_in = ~std::uint64_t{0};  ///< The last tick for which an age was recorded.
  /// Messages taken since the last wait_for_new() that it had not returned true for.
  std::uint64_t taken_untold = 0;
  std::unique_ptr<StaleWatch> watch;  ///< Null without a timeout.
  PeerTable<RingPeer, kMaxPublishers> rings;

  void take_limits() noexcept;  ///< Applies `file`: the topic's depth and largest message.
};

/// A subscription to a topic whose type is not known yet; see Session::seek().
struct Seeking {
  struct Ring {
    std::string name;
    Region region;
  };
  std::string topic;
  TopicPlace place;
  Attention attention;
  Region region;             ///< A CursorFile without a type.
  std::vector<Ring> rings;   ///< Rings of publishers that came; held for the subscription to come.
  std::uint32_t rounds = 0;  ///< See Endpoint.
};

}  // namespace horus::shm

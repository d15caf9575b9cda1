// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "shm/layout.hpp"
#include "shm/peer_pools.hpp"
#include "shm/peers.hpp"
#include "shm/region.hpp"
#include "shm/ring.hpp"
#include "shm/session.hpp"
#include "shm/stale_watch.hpp"
#include "shm/topic_type.hpp"
#include "shm/wakeup.hpp"

/// What publishers and subscribers are made of. Two threads work on each: its user's, which sends
/// or takes, and the session's helper thread, which attaches and drops its peers.
namespace horus::shm {

/// Whether a process lives, by the lock on its bell: one look for all of its files.
struct Life {
  Region bell;
  bool over = false;  ///< Each of its files is to be looked at.
};

/// A publisher's ring, as a subscriber reads it.
struct RingPeer {
  std::string name;  ///< File name.
  Region region;
  std::shared_ptr<Life> life;
  RingView view;
  std::uint64_t next = 0;          ///< The message to take next; the subscriber's thread only.
  std::uint64_t depth = 0;         ///< More messages than that are not wanted, or not there.
  std::uint64_t told = 0;          ///< So many from `next` on wait_for_new() was true for.
  TakenRow* row = nullptr;         ///< Where `next` is told: a publisher may wait for it.
  std::uint32_t awaited = 0;       ///< The pool whose frame is next, while nobody knows it.
  std::uint64_t awaited_from = 0;  ///< PeerPools::looks() then.
  bool witnessed = false;          ///< Its owner lived when, or after, the subscriber came.
  std::atomic<bool> dead{false};   ///< Its owner is gone: take what is complete, then let go.
  /// Set now and then: where the slots show nothing, the ring's count may know of messages that
  /// were lost with their stamps.
  std::atomic<bool> count_is_due{false};

  void advance_to(std::uint64_t n) noexcept {
    next = n;
    tell();
  }
  void tell() const noexcept {
    // release: the publisher that sees the number writes after what was read below it.
    if (row != nullptr) row->taken.store(next, std::memory_order_release);
  }

  void release() noexcept {
    region = {};
    life = nullptr;
  }
};

/// CursorFile::ahead of a program that may only send: it says what the topic does.
inline constexpr std::uint32_t kAheadToSend = 2;

/// A subscriber, as a publisher looks at it.
struct CursorPeer {
  std::string name;
  Region region;
  std::shared_ptr<Life> life;
  std::shared_ptr<Bell> bell;  ///< Null: cannot be rung.
  std::size_t row = 0;         ///< Of the publisher's ring, as far as it was found.
  std::uint64_t taken = 0;     ///< As it was when last looked at; the publisher's thread only.
  std::uint32_t rung_in = 0;   ///< Which sleep it was last rung in; the publisher's thread only.
  TimePoint rung_at{};         ///< And when.
  std::atomic<bool> dead{false};

  void release() noexcept {
    region = {};
    life = nullptr;
    bell = nullptr;
  }
  /// See CursorFile.
  bool is_ahead() const noexcept {
    // relaxed: a hint, whoever looks at it.
    return region.as<const CursorFile>()->ahead.load(std::memory_order_relaxed) != 0;
  }
  /// Whether a topic that refuses waits for it.
  bool is_waited_for() const noexcept {
    // relaxed: as above.
    const auto& cursor = *region.as<const CursorFile>();
    return cursor.ahead.load(std::memory_order_relaxed) != kAheadToSend;
  }
};

/// When a topic's files are to be looked at without an event.
struct Attention {
  /// So many files are tried in one look, whoever fills the folder: others wait for who looks.
  static constexpr std::size_t kMostTries = 1024;

  bool watched = false;           ///< Events of its folder come.
  bool due = false;               ///< Now.
  std::size_t tried = 0;          ///< Of the files there are; 0: a look begins.
  std::uint32_t rounds_left = 0;  ///< A file that is of no use now is tried again then; 0: none is.
  std::uint32_t patience = 0;     ///< Rounds, twice as many each time.

  /// Of the `names` that are to be tried those of this look, which goes on where the last one was.
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
  void settle(bool settled) noexcept {
    constexpr std::uint32_t kLongest = 16;
    due = tried != 0;
    if (due) return;
    patience = settled ? 0 : std::clamp(2 * patience, std::uint32_t{1}, kLongest);
    if (!watched) patience = 1;
    rounds_left = patience;
  }
  /// A round has passed.
  void pass() noexcept {
    if (rounds_left != 0 && --rounds_left == 0) due = true;
  }
};

/// The ring that a publisher goes over to.
struct NextRing {
  Region region;
  RingView view;
  std::uint64_t inode = 0;
  std::uint64_t carried = 0;        ///< Messages that it begins with.
  std::uint64_t reserved = 0;       ///< Of its area.
  std::atomic<bool> taken = false;  ///< The publisher's thread is done with the old one.
};

struct PublisherState {
  ~PublisherState();
  Session::Impl* session = nullptr;
  const TypeInfo* type = nullptr;
  TypeFile file;
  TopicPlace place;
  Attention attention;
  Region region;
  RingView view;
  std::uint64_t inode = 0;  ///< What subscribers call the ring.
  bool refuses = false;
  bool finite = false;                       ///< Takes finite numbers only.
  std::uint64_t sent = 0;                    ///< In this ring, with what it has carried over.
  std::uint64_t sent_before = 0;             ///< In those before.
  std::uint64_t reserved = 0;                ///< Of the ring's area.
  std::atomic<bool> isolated{false};         ///< See RingHeader.
  std::atomic<RingHeader*> header{nullptr};  ///< Of the ring in use, for other threads.
  std::unique_ptr<NextRing> next;  ///< The helper thread's, until the publisher's has gone over.
  std::atomic<NextRing*> offered{nullptr};  ///< Whoever takes it out has it.
  NodeStats* actuator = nullptr;            ///< See TopicOptions.
  MessageCounters counters;
  std::uint32_t rounds = 0;  ///< Of the helper thread, up to some number; as is the next.
  std::uint32_t alone = 0;   ///< Those in which it has sent and nobody has received.
  PeerTable<CursorPeer, kMaxSubscribers> subscribers;
};

struct SubscriberState {
  ~SubscriberState();
  Session::Impl* session = nullptr;
  const TypeInfo* type = nullptr;
  TypeFile file;
  TopicPlace place;
  Attention attention;
  Region region;       ///< A CursorFile.
  bool named = false;  ///< Under the session's lock.
  bool stale = false;  ///< It names a bell that is gone; under the session's lock.
  bool first = true;   ///< Its first look is not over; under the session's lock.
  std::atomic<std::size_t> max_size{0};  ///< Never falls.
  PeerPools* frames = nullptr;  ///< Where the frames lie that messages describe; null: they do not.
  std::atomic<bool> interrupted{false};
  std::uint32_t history = 0;      ///< Messages a late joiner starts back.
  std::uint64_t since = 0;        ///< Of those, sent from here on; cycle_count().
  std::uint64_t wanted = 0;       ///< Rings that were made later are read as a whole; 0: none.
  std::uint32_t asked_depth = 0;  ///< By its opener; 0: all.
  std::atomic<std::uint64_t> depth{0};  ///< So many messages of each ring are wanted, at most.
  std::uint64_t opened = cycle_count();
  std::uint64_t begun = opened;               ///< Where it was opened ahead, later.
  std::uint32_t sleeps = 1;                   ///< Odd: the next one is never 0.
  std::uint64_t sent_at = 0;                  ///< When the message was sent that was taken last.
  const RingPeer* last = nullptr;             ///< Whose that was.
  std::uint64_t aged_in = ~std::uint64_t{0};  ///< The tick whose first message's age was told.
  std::uint64_t taken_untold = 0;  ///< Taken since the last wait_for_new(), which told of others.
  MessageCounters counters;
  std::unique_ptr<StaleWatch> watch;  ///< Where there is a time-out; else null.
  std::uint32_t rounds = 0;           ///< As a publisher's.
  std::uint32_t alone = 0;
  PeerTable<RingPeer, kMaxPublishers> rings;

  void take_limits() noexcept;  ///< What the file says of the topic.
};

/// A subscription whose topic has no type yet.
struct Seeking {
  struct Ring {
    std::string name;
    Region region;
  };
  std::string topic;
  TopicPlace place;
  Attention attention;
  Region region;             ///< A CursorFile of no type.
  std::vector<Ring> rings;   ///< Of publishers that came since.
  std::uint32_t rounds = 0;  ///< As a publisher's.
};

}  // namespace horus::shm

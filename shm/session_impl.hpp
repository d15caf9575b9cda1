// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
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
#include "shm/base.hpp"
#include "shm/black_box_page.hpp"
#include "shm/own_pools.hpp"
#include "shm/peer_pools.hpp"
#include "shm/peers.hpp"
#include "shm/pool.hpp"
#include "shm/region.hpp"
#include "shm/registry.hpp"
#include "shm/ring.hpp"
#include "shm/session.hpp"
#include "shm/stale_watch.hpp"
#include "shm/stats_page.hpp"
#include "shm/sweep.hpp"
#include "shm/topic_type.hpp"
#include "shm/wakeup.hpp"

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

/// A subscriber, as a publisher looks at it.
/// CursorFile::ahead of a program that may only send: it says what the topic does.
inline constexpr std::uint32_t kAheadToSend = 2;

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

inline constexpr const char* kHelperName = "horus-topics";  ///< Of the helper thread.
inline constexpr std::uint32_t kMaxSide = 65535;            ///< Pixels.
/// Files that the helper thread looks at in one turn, lest anybody wait for long who opens a topic.
inline constexpr std::size_t kMostProbes = 64;

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

struct Session::Impl : std::enable_shared_from_this<Session::Impl> {
  Impl(const std::string& base_directory, bool declares, Teller teller);
  ~Impl();

  Status start();
  /// Whether this is a copy in a forked child: its files are its parent's, and it has no helper.
  bool forked() const noexcept { return ::getpid() != owner_; }
  void count_rejections() const noexcept;
  std::uint64_t rejected() const;
  std::optional<Error> last_rejection() const;
  Result<TypeFile> open_topic(const TopicPlace& place, std::string_view topic, const TypeInfo& type,
                              const TopicOptions& options);
  bool set_limits(const TopicPlace& place, const TypeFile& before, const TypeFile& wanted,
                  const TypeInfo& type, bool declared);
  void learn_limits(SubscriberState& subscriber);
  /// What a participant's files end with, and how many of them a topic has.
  struct Role {
    std::string_view suffix;
    std::size_t most;
  };
  Status join_topic(Region& region, const TopicPlace& place, const TypeFile& file,
                    const TypeInfo& type, Role role);
  Status keep_type(const TopicPlace& place, const TypeFile& file, const TypeInfo& type,
                   bool publishes);
  Status declare(const TopicPlace& place, const TypeFile& wanted, const TypeInfo& type);
  void add(PublisherState& publisher);
  void add(SubscriberState& subscriber);
  /// Within one process publishers and subscribers know each other at once.
  void introduce(const PublisherState& publisher);
  void introduce(SubscriberState& subscriber);
  void find_publishers();  ///< See Session, as for the next.
  bool isolate(const NodeName& node, bool isolated) noexcept;
  /// See Session.
  void await_publishers(Nanos patience);
  /// The subscribers that were opened until then, by cycle_count().
  bool are_known(std::uint64_t since);
  /// Whether all that live have found the ring.
  bool await_subscribers(const PublisherState& publisher) noexcept;
  std::shared_ptr<Seeking> seek(const std::string& topic, bool ahead);
  void cease(Seeking* seeking) noexcept;
  /// The subscriber reads what was held for it.
  void adopt(Seeking& seeking, SubscriberState& subscriber);
  void tell_twin(const std::string& topic, bool sends);
  void remove(PublisherState& publisher) noexcept;
  void remove(SubscriberState& subscriber) noexcept;
  static void leave(Region& region, const TopicPlace& place) noexcept;
  void keep(std::weak_ptr<StatsPage> page);
  void keep(std::weak_ptr<BlackBoxPage> box);

  /// A free block of at least `size` bytes. Lock-free while there is one; else a pool is added: at
  /// once, or by the helper thread where this thread must not wait, which is kBusy until then.
  Result<OwnPools::Taken> take_block(std::size_t size);
  Result<OwnPools::Reserve> reserve_blocks(std::size_t size, std::uint32_t blocks);
  void release_blocks(const OwnPools::Reserve& reserve) noexcept;
  void add(PayloadWindow& window);
  void remove(PayloadWindow& window) noexcept;
  /// The pool, mapped by the caller where it is not yet: not in a tick.
  Result<std::shared_ptr<PeerPool>> peer_pool(std::uint32_t id);
  /// Frames that the subscriber is sent are taken once their pools are mapped.
  void expect_frames(SubscriberState& subscriber);
  /// Within one process publishers and subscribers know each other's pools at once.
  void introduce_pools();

  /// Where the files lie, and what they are called by: another place where somebody removed them.
  struct Home {
    std::shared_ptr<Base> base;
    std::string identity;
    std::string bell;  ///< File name.
  };
  Home home() const;
  static Result<Region> make_ring(const TopicPlace& place, const TypeFile& file,
                                  const TypeInfo& type);

  /// An instant by both clocks.
  struct Instant {
    TimePoint at = MonotonicClock::now();
    std::uint64_t cycles = cycle_count();

    double ns_per_cycle() const noexcept {
      const auto passed = static_cast<double>(to_ns(MonotonicClock::now() - at));
      return passed / static_cast<double>(cycle_count() - cycles);
    }
  };
  const Instant origin{};
  const std::string root;  ///< The base directory.
  bool declares = false;
  std::shared_ptr<Bell> bell;
  std::atomic<std::uint32_t> serial{0};
  std::optional<OwnPools> pools;          ///< From start() on.
  std::optional<PeerPools> peer_pools;    ///< As above.
  std::atomic<std::uint64_t> not_yet{0};  ///< Blocks that a tick did not get, as there was none.
  std::atomic<double> ns_per_cycle{0};    ///< Of cycle_count(); 0: not known yet.

 private:
  const Teller teller_;
  static Status make_first(const TopicPlace& place, const TypeFile& file, const TypeInfo& type);

  struct Declared {
    TopicPlace place;
    Region type;
    std::uint64_t hash = 0;
    Attention attention;
  };

  /// Who takes part in one topic here: who comes or goes concerns these, however many others
  /// there are.
  struct Parties {
    std::vector<PublisherState*> publishers;
    std::vector<SubscriberState*> subscribers;
    std::vector<Seeking*> sought;
    Declared* declared = nullptr;

    bool empty() const noexcept {
      return publishers.empty() && subscribers.empty() && sought.empty() && declared == nullptr;
    }
  };

  /// What the kernel says has happened.
  struct News {
    using Keys = std::set<std::string, std::less<>>;
    Keys keys;  ///< Of topics whose files came or went.
    Keys gone;  ///< Of topics from which a file of this process went.
    bool pools = false;
    bool lost = false;  ///< There was more than it keeps: it may have been anything.

    bool empty() const noexcept { return keys.empty() && !pools && !lost; }
  };

  void run() noexcept;
  bool watch(const Folder& folder);
  void watch_base();
  News news();
  void hear(const inotify_event& event, News& news) const;
  void note(const News& news);
  Parties* parties_of(std::string_view key);
  void drop_parties(const std::string& key);
  static void make_due(const Parties& parties) noexcept;
  /// All that this process has files of.
  std::size_t holdings() const noexcept {
    return publishers_.size() + subscribers_.size() + sought_.size() + declarations_.size();
  }
  void pass_round();
  void probe(std::size_t most);
  std::size_t probe_next();
  // What somebody removed is made again, see renew.cpp.
  bool mend_home();
  void tell_shut(const std::optional<Error>& shut);
  void mend_removed();
  void mend_pools();
  void mend_pages();
  template <typename State>
  void mend(State& state);
  Status renew(Declared& declared);
  Status renew(PublisherState& publisher);
  Status renew(SubscriberState& subscriber);
  static void settle(PublisherState& publisher);
  void lose(const std::string& path, const Error& why);
  void regain();
  bool hears_nobody();
  void tell_who_is_apart();
  /// Who may have nobody at the other end, and for how many rounds.
  struct Alone {
    std::string topic;
    bool sends = false;
    std::uint32_t alone = 0;
    std::string node{};   ///< Of a publisher that is rather new: whose.
    std::string meant{};  ///< The topic that was likely meant; empty: none.
    /// The process in which a node of that name sends it, too; 0: none.
    std::int32_t twice = 0;
  };
  template <typename State>
  static void note_company(State& state, std::size_t company, bool active, std::vector<Alone>& due);
  std::vector<Alone> who_may_be_alone();
  void tell_near_misses();
  void look_for_company(std::vector<Alone>& due) const;
  void tell_double(const Alone& one);
  void tell();
  /// Looks at the topics where it is due, at some of them. Whether there are more.
  bool look_where_due();
  void look(Declared& declared);
  void look(PublisherState& publisher);
  void look(SubscriberState& subscriber, bool late);
  void look(Seeking& seeking);
  void look_again(const TopicPlace& place);
  void mend(Seeking& seeking);
  void mend(Declared& declared);
  bool all_know(const SubscriberState& subscriber) const;
  void name_who_is_silent(const SubscriberState& subscriber);
  Result<std::unique_ptr<CursorPeer>> open_cursor(const PublisherState& publisher,
                                                  const std::string& name);
  Result<std::unique_ptr<RingPeer>> open_ring(const SubscriberState& subscriber,
                                              const std::string& name, bool late);
  Result<std::unique_ptr<RingPeer>> ring_peer(const SubscriberState& subscriber,
                                              const std::string& name, Region region, bool late);
  void reject(const std::string& path, const Error& why);
  std::shared_ptr<Bell> bell_of(const std::string& name);
  std::shared_ptr<Life> life_of(std::string_view file);
  void wish_for(std::size_t size) noexcept;
  void grant_wishes();
  void refresh_pools();

  const pid_t owner_ = ::getpid();
  mutable std::mutex home_mutex_;  // not RT: set-up and the helper thread only
  Home home_;                      ///< Under its own lock, which is taken last.
  mutable std::mutex mutex_;       // not RT: set-up and the helper thread only
  std::vector<PublisherState*> publishers_;
  std::vector<SubscriberState*> subscribers_;
  std::vector<SubscriberState*> unknown_;  ///< Of those, whom publishers may not know yet.
  std::map<std::string, std::shared_ptr<Bell>> bells_;
  std::map<std::string, std::shared_ptr<Life>, std::less<>> lives_;
  std::map<std::string, Declared, std::less<>> declared_;
  std::vector<Declared*> declarations_;                  ///< The same, by number.
  std::map<std::string, Parties, std::less<>> parties_;  ///< By their topics' keys.
  News::Keys removed_;                                   ///< As News::gone, until the next round.
  std::size_t probed_ = 0;                               ///< Up to which of the holdings.
  std::array<std::atomic<std::size_t>, 8> wishes_{};     ///< Sizes of blocks; 0: none.
  std::set<std::size_t> denied_;  ///< Sizes of blocks that there is no memory for.
  std::uint64_t rejections_ = 0;
  std::set<std::string> rejected_;  ///< Paths that were counted.
  std::optional<Error> last_rejection_;
  std::uint64_t told_ = 0;  ///< Of the rejections.
  TimePoint quiet_until_{};
  std::vector<std::string> to_tell_;
  std::set<std::string> near_told_;  ///< Topics, as in the next two.
  std::set<std::string> unheard_told_;
  std::vector<Seeking*> sought_;
  std::set<std::string> doubles_told_;  ///< Nodes.
  std::vector<std::weak_ptr<StatsPage>> pages_;
  std::vector<std::weak_ptr<BlackBoxPage>> boxes_;
  std::unique_ptr<Sweep> sweep_;  ///< That is not over.
  std::size_t unmended_ = 0;      ///< Holdings to look at before the next round.
  TimePoint mended_{};            ///< When the whole home was, last.
  TimePoint look_apart_{};        ///< When next, whether somebody is in another base.
  Nanos patience_apart_ = 2s;
  Nanos began_{};               ///< After 1970.
  bool homeless_ = false;       ///< The home is gone, and cannot be made again now.
  std::set<std::string> lost_;  ///< What could not be made again.
  std::size_t clean_ = 0;       ///< Looks since then at what could be.
  int pools_watch_ = -1;
  int declared_watch_ = -1;
  UniqueFd inotify_;
  UniqueFd stop_;
  std::thread helper_;
};

}  // namespace horus::shm

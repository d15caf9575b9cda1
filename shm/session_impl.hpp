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

#include <horus/topic.hpp>

#include "rt/base/outputs.hpp"
#include "rt/base/unique_fd.hpp"
#include "shm/base.hpp"
#include "shm/black_box_page.hpp"
#include "shm/endpoints.hpp"
#include "shm/pool_set.hpp"
#include "shm/registry.hpp"
#include "shm/stats_page.hpp"
#include "shm/sweep.hpp"

namespace horus::shm {

inline constexpr const char* kHelperName = "horus-topics";  ///< Name of the helper thread.
/// Files that the helper thread checks in one turn, so that opening a topic never waits for long.
inline constexpr std::size_t kMostProbes = 64;

/// The state of a session, and its helper thread. In each round (0.2 s), and on events of inotify,
/// that thread discovers publishers and subscribers, finds out who died, maps pools, and makes
/// again what somebody removed.
///
/// Thread safety: public calls from any thread. Private ones run on the helper thread or under
/// mutex_. Those that take it themselves (run(), tell(), tell_who_is_apart(), tell_near_misses(),
/// who_may_be_alone(), hears_nobody()) are not called under it.
struct __attribute__((visibility("hidden"))) Session::Impl final : PoolOwner, Outputs {
  Impl(const std::string& base_directory, bool declares, Teller teller);
  ~Impl() override;

  Status start();
  /// Whether this is a copy in a forked child. Its files are then its parent's, and it has no
  /// helper.
  bool forked() const noexcept override { return ::getpid() != owner_; }
  void count_rejections() const noexcept;
  std::uint64_t rejected() const;
  std::optional<Error> last_rejection() const;
  Result<TypeFile> open_topic(const TopicPlace& place, std::string_view topic, const TypeInfo& type,
                              const TopicOptions& options);
  bool set_limits(const TopicPlace& place, const TypeFile& before, const TypeFile& wanted,
                  const TypeInfo& type, bool declared);
  void learn_limits(SubscriberState& subscriber);
  /// The suffix of a participant's files, and how many of them a topic may have.
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
  /// Discovery at once between publishers and subscribers of one process.
  void discover(const PublisherState& publisher);
  void discover(SubscriberState& subscriber);
  void find_publishers();  ///< See Session; so for await_publishers().
  bool isolate(const NodeName& node, bool isolated) noexcept override;
  void await_publishers(Nanos patience);
  /// Whether publishers know all subscribers that were opened until `since`, a cycle_count().
  bool are_known(std::uint64_t since);
  /// Waits, when a publisher closes, until all living subscribers have found its ring. Whether they
  /// have.
  bool await_subscribers(const PublisherState& publisher) noexcept;
  std::shared_ptr<Seeking> seek(const std::string& topic, bool ahead);
  void cease(Seeking* seeking) noexcept;
  /// Gives the rings that were held for `seeking` to the subscriber.
  void adopt(Seeking& seeking, SubscriberState& subscriber);
  void tell_twin(const std::string& topic, bool sends);
  void remove(PublisherState& publisher) noexcept;
  void remove(SubscriberState& subscriber) noexcept;
  /// Removes the file of a participant, and the topic's type if nobody else needs it.
  static void leave(Region& region, const TopicPlace& place) noexcept;
  void keep(std::weak_ptr<StatsPage> page);
  void keep(std::weak_ptr<BlackBoxPage> box);

  /// See RawSubscriber::expect_frames().
  void expect_frames(SubscriberState& subscriber);

  /// Where this process's files lie, and the names that they have. Changes if somebody removed
  /// them.
  struct Home {
    std::shared_ptr<Base> base;
    std::string identity;
    std::string bell;  ///< File name.
  };
  Home home() const;
  static Result<Region> make_ring(const TopicPlace& place, const TypeFile& file,
                                  const TypeInfo& type);

  /// One instant by both clocks, to measure the length of a cycle.
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
  std::atomic<std::uint32_t> serial{0};  ///< Numbers the files of this process: <n> in their names.
  std::optional<PoolSet> pools;          ///< From start() on.
  std::atomic<double> ns_per_cycle{0};   ///< Length of a cycle of cycle_count(); 0: not known yet.

 private:
  const Teller teller_;
  static Status make_first(const TopicPlace& place, const TypeFile& file, const TypeInfo& type);

  struct Declared {
    TopicPlace place;
    Region type;
    std::uint64_t hash = 0;
    Attention attention;
  };

  /// What this process has open on one topic. An event of a topic concerns only these, however many
  /// other topics there are.
  struct Parties {
    std::vector<PublisherState*> publishers;
    std::vector<SubscriberState*> subscribers;
    std::vector<Seeking*> sought;
    Declared* declared = nullptr;

    bool empty() const noexcept {
      return publishers.empty() && subscribers.empty() && sought.empty() && declared == nullptr;
    }
  };

  /// What inotify has reported since the last read.
  struct News {
    using Keys = std::set<std::string, std::less<>>;
    Keys keys;  ///< Topics whose files came or went.
    Keys gone;  ///< Topics of which a file of this process went.
    bool pools = false;
    bool lost = false;  ///< The kernel's queue overflowed: anything may have happened.

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
  /// The number of files that this process has in topics; probe() goes through them in turn.
  std::size_t holdings() const noexcept {
    return publishers_.size() + subscribers_.size() + sought_.size() + declarations_.size();
  }
  void pass_round();  ///< The work of one round.
  void probe(std::size_t most);
  std::size_t probe_next();
  // What somebody removed is made again; see renew.cpp.
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
  /// A publisher or subscriber with nobody on the other side, and for how many rounds.
  struct Alone {
    std::string topic;
    bool sends = false;
    std::uint32_t alone = 0;
    std::string node{};   ///< The publisher's node, if it is rather new; else empty.
    std::string meant{};  ///< The topic that was probably meant; empty: none.
    /// Pid of another process in which a node of the same name sends the topic; 0: none.
    std::int32_t twice = 0;
  };
  template <typename State>
  static void note_company(State& state, std::size_t company, bool active, std::vector<Alone>& due);
  std::vector<Alone> who_may_be_alone();
  void tell_near_misses();
  void look_for_company(std::vector<Alone>& due) const;
  void tell_double(const Alone& one);
  void tell();
  /// Scans topics that are due, at most some in one turn. Whether more are due.
  bool look_where_due();
  /// Scans of a topic's folder for one participant of this process: attaches new peers, marks dead
  /// ones, and notes what cannot be used.
  void look(Declared& declared);
  void look(PublisherState& publisher);
  /// `late`: rings that are found now came after the subscription began.
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
  PeerPools::Wanted wanted_pools() const override;
  void reject(const std::string& path, const Error& why) override;
  void deny(std::size_t size, const Error& why) override;
  /// The bell of this file name, mapped once for all that need it; null if it cannot be rung.
  std::shared_ptr<Bell> bell_of(const std::string& name);
  /// The life of the process that owns the file; null if it has no bell, and for this process.
  std::shared_ptr<Life> life_of(std::string_view file);

  const pid_t owner_ = ::getpid();
  mutable std::mutex home_mutex_;  // not RT: set-up and the helper thread only
  Home home_;                      ///< Under home_mutex_, which is always taken last.
  mutable std::mutex mutex_;       // not RT: set-up and the helper thread only
  std::vector<PublisherState*> publishers_;
  std::vector<SubscriberState*> subscribers_;
  std::vector<SubscriberState*> unknown_;  ///< Those that some publisher may not know yet.
  std::map<std::string, std::shared_ptr<Bell>> bells_;
  std::map<std::string, std::shared_ptr<Life>, std::less<>> lives_;
  std::map<std::string, Declared, std::less<>> declared_;
  std::vector<Declared*> declarations_;                  ///< The values of declared_, by index.
  std::map<std::string, Parties, std::less<>> parties_;  ///< By the topics' keys.
  News::Keys removed_;                                   ///< News::gone, until the next round.
  std::size_t probed_ = 0;                               ///< The last one that probe() checked.
  std::uint64_t rejections_ = 0;
  std::set<std::string> rejected_;  ///< Paths that were counted as rejected.
  std::optional<Error> last_rejection_;
  std::uint64_t told_ = 0;  ///< How many of the rejections were told.
  TimePoint quiet_until_{};
  std::vector<std::string> to_tell_;
  std::set<std::string> near_told_;  ///< Topics that were warned of; so for the next one.
  std::set<std::string> unheard_told_;
  std::vector<Seeking*> sought_;
  std::set<std::string> doubles_told_;  ///< Nodes that were warned of.
  std::vector<std::weak_ptr<StatsPage>> pages_;
  std::vector<std::weak_ptr<BlackBoxPage>> boxes_;
  std::unique_ptr<Sweep> sweep_;  ///< The sweep in progress; null: none.
  std::size_t unmended_ = 0;      ///< Files to check before the next round, after a removal.
  TimePoint mended_{};            ///< When the bell or the folders were last made again.
  TimePoint look_apart_{};        ///< When to look next for users in another base.
  Nanos patience_apart_ = 2s;
  Nanos began_{};               ///< When the helper thread began, since 1970.
  bool homeless_ = false;       ///< The base is gone and cannot be made again now.
  std::set<std::string> lost_;  ///< Files that could not be made again.
  std::size_t clean_ = 0;       ///< Files checked since the last failure to make one again.
  int pools_watch_ = -1;
  int declared_watch_ = -1;
  UniqueFd inotify_;
  UniqueFd stop_;
  std::thread helper_;
};

}  // namespace horus::shm

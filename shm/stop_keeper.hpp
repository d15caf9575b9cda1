// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/stop_words.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"
#include "shm/hosts_watch.hpp"
#include "shm/session.hpp"
#include "shm/stats_page.hpp"
#include "shm/subscriber.hpp"

namespace horus::shm {

/// The run whose stops are kept.
///
/// Thread safety: any thread.
class StopSide {
 public:
  virtual ~StopSide() = default;
  /// The reason of an emergency stop that is in force; nothing: there is none.
  virtual std::optional<StopNote> stopped() noexcept = 0;
  virtual void stop(StopCause cause, std::string_view text) noexcept = 0;
  /// Another host is held by a stop that was asked for at `since_ns`.
  virtual void follow(std::int64_t since_ns) noexcept = 0;
  /// kBusy with the reason of a stop that is there yet.
  virtual Status may_release() noexcept { return {}; }
  /// What the run, which obeys all words first, was asked for until now.
  virtual std::uint64_t seen() noexcept = 0;
  /// Takes that back. kBusy where something was asked for since.
  virtual Status release(std::uint64_t seen) noexcept = 0;
  /// Whether the run ends before it has begun.
  virtual bool ending() noexcept { return false; }
  /// What somebody should know.
  virtual void tell(const std::string& text) noexcept = 0;
};

/// Beside a run: finds the other hosts' stop words, and writes its own stops to disk. What acts on
/// a stop waits for none of it.
///
/// Thread safety: any thread. It has one of its own, which needs nobody.
class StopKeeper {
 public:
  struct Options {
    std::string base;
    std::string host;                     ///< One's own name.
    std::string latch{};                  ///< A path; empty: none is kept.
    std::vector<std::string> critical{};  ///< Hosts whose death is a stop.
    std::vector<std::string> robots{};    ///< The robot's hosts, heard whoever else has pages.
    Session* hears = nullptr;             ///< Where the topic `estop` is heard; null: nowhere.
    std::string owner{};         ///< The host that keeps the robot's state: no life without it.
    Nanos owner_patience = 10s;  ///< So long that one may take to start.
  };

  /// `words` and `side` outlive it. Waits for the owner where it is needed, and stops without one.
  StopKeeper(Options options, StopWords& words, StopSide& side);
  ~StopKeeper();
  StopKeeper(const StopKeeper&) = delete;
  StopKeeper& operator=(const StopKeeper&) = delete;

  /// Has a stop that is in force on disk, once it returns. So does its end: a run that ends in
  /// order leaves nothing else that tells of it.
  void keep();
  /// Takes back the stops of this run and of others, as far as they were there when this was
  /// called, and the latch. kBusy where somebody has stopped since: then it is at rest yet; and
  /// where the robot is not whole.
  Status release();
  /// What release() would refuse before it does anything.
  Status may_release();
  /// kBusy with the name where a critical host is not there and ready. From then on its death is
  /// seen, however late this keeper's own thread looks: nobody is to be armed before.
  Status is_whole();

  /// How often it looks.
  static constexpr Nanos kLook = 50ms;

 private:
  struct Peer {
    StatsPage page;
    int row = -1;  ///< Of the words; -1: there was no place.
  };
  void serve() noexcept;
  void open_topic();
  void hear();
  void look();
  Status find_critical() const;
  Status is_over();
  void look_for_peers();
  void look_for_others();
  void look_at(const StatsPage& page);
  void follow(std::int64_t since_ns);
  void drop(const std::string& name, Peer& peer);
  void keep_latch();
  void await_owner();

  const Options options_;
  StopWords& words_;
  StopSide& side_;
  std::mutex mutex_;  // not RT: its own thread, and who releases.
  std::map<std::string, Peer> peers_;
  HostsWatch hosts_;
  std::vector<std::int64_t> left_ns_;  ///< Stops that hold hosts which died and have no successor.
  const std::int64_t began_ns_ = to_ns(MonotonicClock::now());
  std::int64_t released_ns_ = 0;  // Stops that were asked for before are over.
  bool latched_ = false;
  bool told_ = false;
  bool cut_told_ = false;
  RawSubscriber topic_;
  std::atomic<std::uint32_t> ending_{0};
  std::thread thread_;
};

}  // namespace horus::shm

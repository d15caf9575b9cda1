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

#include <horus/result.hpp>
#include <horus/time.hpp>
#include <horus/topic.hpp>

#include "rt/base/stop_words.hpp"
#include "rt/base/tick_stats.hpp"
#include "shm/hosts_watch.hpp"
#include "shm/stats_page.hpp"

namespace horus::shm {

/// The run that a StopKeeper works for.
///
/// Thread safety: any thread.
class StopSide {
 public:
  virtual ~StopSide() = default;
  /// The reason of the emergency stop in force; nullopt: there is none.
  virtual std::optional<StopNote> stopped() noexcept = 0;
  virtual void stop(StopCause cause, std::string_view text) noexcept = 0;
  /// Called when another host is held by a stop that was asked for at `since_ns` (monotonic).
  virtual void follow(std::int64_t since_ns) noexcept = 0;
  /// kBusy, with the reason, while the cause of a stop is still there.
  virtual Status may_release() noexcept { return {}; }
  /// Which stops the run was asked for until now. Before it answers, the run obeys every stop word.
  virtual std::uint64_t seen() noexcept = 0;
  /// Releases the stops that seen() has returned. kBusy if another was asked for since.
  virtual Status release(std::uint64_t seen) noexcept = 0;
  /// Whether the run ends before it has begun.
  virtual bool ending() noexcept { return false; }
  /// Called with a text for the person on call.
  virtual void tell(const std::string& text) noexcept = 0;
};

/// Runs beside a run: finds the stop words of other hosts, and writes this run's stops to disk.
/// Nothing that acts on a stop waits for it.
///
/// Thread safety: any thread. It has a thread of its own.
class StopKeeper {
 public:
  struct Options {
    std::string base;
    std::string host;                     ///< This host's own name.
    std::string latch{};                  ///< Path of the stop on disk; empty: none is kept.
    std::vector<std::string> critical{};  ///< Hosts whose death is an emergency stop.
    std::vector<std::string> robots{};    ///< The robot's hosts: always heard, however many pages.
    Session* hears = nullptr;             ///< Session that hears the topic `estop`; null: none.
    std::string owner{};         ///< The host that keeps the robot's state; its absence is a stop.
    Nanos owner_patience = 10s;  ///< How long that host may take to start.
  };

  /// `words` and `side` must outlive it. Waits for the owner, if there is one in the options; if it
  /// does not come, that is a stop.
  StopKeeper(Options options, StopWords& words, StopSide& side);
  ~StopKeeper();
  StopKeeper(const StopKeeper&) = delete;
  StopKeeper& operator=(const StopKeeper&) = delete;

  /// When it returns, a stop that is in force is on disk. The destructor does the same: after a
  /// clean end nothing else tells of the stop.
  void keep();
  /// Releases the stops of this run and of other hosts that existed when it was called, and removes
  /// the latch. kBusy if somebody has stopped since, which stays in force; and if a critical host
  /// is missing or not ready.
  Status release();
  /// The error that release() would return before it does anything.
  Status may_release();
  /// kBusy, with its name, if a critical host is missing or not ready. After success its death is
  /// noticed, however late this keeper's own thread looks. Call it before arming anything.
  Status is_whole();

  /// How often its thread looks.
  static constexpr Nanos kLook = 50ms;

 private:
  struct Peer {
    StatsPage page;
    int row = -1;  ///< Index in the StopWords; -1: there was no place.
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

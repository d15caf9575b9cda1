// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <horus/time.hpp>

#include "rt/base/host_state.hpp"
#include "service/config.hpp"

namespace horus::service {

/// What happened, to one host or (kStart, kTime, kStop, kHurry) to all.
struct HostEvent {
  enum class Kind : std::uint8_t {
    kStart,      ///< The supervisor starts.
    kTime,       ///< Time has passed; send it a few times a second.
    kStop,       ///< The supervisor is told to end.
    kStage,      ///< The host reported the stage of its start (`reason`).
    kReady,      ///< The host reported that every node has ticked.
    kFailed,     ///< The host reported why it cannot start, or how it ends (`reason`).
    kHang,       ///< The host reported that it hangs, and why (`reason`).
    kHangTold,   ///< The hanging host has written its stacks.
    kHurry,      ///< A stop must not wait any longer.
    kHeartbeat,  ///< The host's page was read (`beats`).
    kHeld,       ///< A debugger holds the host; send it a few times a second.
    kExited,     ///< The host's process is gone (`success`, `terminated`, `reason`).
  };
  Kind kind = Kind::kTime;
  std::size_t host = 0;     ///< Index into HostTable::hosts().
  std::string reason{};     ///< A text, as said at `kind`.
  bool success = false;     ///< kExited: with exit code 0.
  bool terminated = false;  ///< kExited: SIGTERM ended it.
  std::uint64_t beats = 0;  ///< kHeartbeat: the host's counter.
};

/// What the supervisor has to do.
struct HostAction {
  /// kSpawn: start the process. kTerminate: send SIGTERM. kAbort: send SIGABRT, on which the host
  /// writes its stacks and ends. kKill: send SIGKILL.
  enum class Kind : std::uint8_t { kSpawn, kTerminate, kAbort, kKill };
  Kind kind = Kind::kSpawn;
  std::size_t host = 0;  ///< Index into HostTable::hosts().
  friend bool operator==(const HostAction&, const HostAction&) = default;
};

/// The life of every Python host as a pure step function (SVC-3): each step is
/// (event, time) -> actions.
///
/// Back-off: a host that ends is started again after 0.1 s; each further end doubles the wait, up
/// to HostEntry::restart_wait. Every full minute for which the host was ready halves the next wait.
/// Stop: a host that ignores SIGTERM is killed after the stop timeout and a grace.
/// Hang: a host that reports a hang is killed once it has written its stacks. A host whose
/// heartbeat stands still, or that is not ready in time, is aborted, which has it write its stacks,
/// and then killed.
///
/// Thread safety: one thread.
class HostTable {
 public:
  static constexpr Nanos kFirstDelay = 100ms;
  static constexpr Nanos kHealthy = 60s;  ///< Time of being ready that halves the next delay.
  static constexpr Nanos kStopTimeout = 5s;
  /// A host ends itself after the stop timeout; it is killed so much later.
  static constexpr Nanos kGrace = 2s;
  static constexpr Nanos kWatchdog = 1s;      ///< Default silence limit of a host's tick nodes.
  static constexpr Nanos kHangTimeout = 10s;  ///< Default, see WatchdogOptions.
  /// A heartbeat that stands still for less is never a hang. It moves four times a second, on a
  /// busy machine less often.
  static constexpr Nanos kLeastSilence = 3s;
  static constexpr Nanos kLastWords = 2s;  ///< What a hanging host has to write its stacks.
  /// A first start that takes longer does not hold up "ready" of the whole supervisor; see
  /// settled().
  static constexpr Nanos kReadyPatience = 30s;
  /// A longer time between two kTime events means that the supervisor itself stood still: it does
  /// not count as silence of the hosts. A longer time between two kHeld events of a host means that
  /// the debugger had let it go in between: it does count.
  static constexpr Nanos kLongestRound = 1s;

  /// One host as of the last step.
  struct Host {
    std::string name;
    RestartPolicy policy = RestartPolicy::kAlways;
    HostState state = HostState::kWaiting;
    std::uint64_t starts = 0;  ///< How often it was started.
    Nanos delay{};             ///< Wait before the next restart; 0: no restart yet.
    TimePoint since{};         ///< When `state` began.
    TimePoint next_start{};    ///< When it is started again, in kWaiting.
    std::string reason;        ///< Why it ended last, or cannot start; empty: it never ended.
    std::string stage;         ///< Stage of its start; empty: it did not report one.
    bool ended_badly = false;  ///< Its last end was not a success.
    /// It never became ready, was down when all stopped, or its last end was bad.
    bool failed = false;
    /// It was down when all stopped; `reason` is of an end before that.
    bool was_down = false;

    bool running() const noexcept {
      return state == HostState::kStarting || state == HostState::kReady ||
             state == HostState::kStopping;
    }
    /// Whether, in the stop of all, it crashed, hung or reported a failure instead of just ending.
    bool broke() const noexcept { return failed && (said_why_ || reason.starts_with("crashed")); }
    /// Why it does not run, or why it ended last. For a host that starts: the stage of its start,
    /// and how it ended before.
    std::string why() const;
    /// It hangs and was killed for that, or soon will be.
    bool hangs() const noexcept { return kill_at_.has_value(); }

   private:
    friend class HostTable;
    Nanos longest_delay_{};               // The largest `delay`.
    Nanos silence_{};                     // How long its heartbeat may stand still.
    std::optional<Nanos> start_timeout_;  // Nothing: no limit.
    bool program_ = false;        // A script: may end before it is ready, or have no scheduler.
    bool may_end_early_ = false;  // Exit code 0 before it is ready is no failure.
    bool killed_ = false;         // kKill was returned in this life.
    bool was_ready_ = false;      // In any life.
    bool ready_in_this_life_ = false;
    bool said_why_ = false;             // `reason` is of this life.
    std::optional<TimePoint> kill_at_;  // It hangs, and is killed then.
    std::uint64_t beats_ = 0;           // Its heartbeat when last read.
    TimePoint beaten_{};                // When the heartbeat was last seen to move.
    TimePoint held_{};                  // When a debugger was last seen to hold it.
  };

  /// `stop_timeout` 0: a stop has no limit.
  explicit HostTable(const std::vector<HostEntry>& entries, Nanos stop_timeout = kStopTimeout);

  /// Takes one event and returns what is to be done, in order. `now` must not go back.
  std::vector<HostAction> step(const HostEvent& event, TimePoint now);

  /// In the order of the configuration.
  const std::vector<Host>& hosts() const noexcept { return hosts_; }
  /// How many hosts are ready.
  std::size_t ready() const noexcept;
  /// Whether start-up is over: every host is ready, has ended once, or has been starting for
  /// kReadyPatience.
  bool settled(TimePoint now) const noexcept;
  /// Whether a stop was asked for and no process is left.
  bool finished() const noexcept;
  /// Whether every host has ended and is not started again.
  bool all_ended() const noexcept;
  /// Whether some host has Host::failed.
  bool failed() const noexcept;

 private:
  std::vector<HostAction> start_due(TimePoint now);
  std::vector<HostAction> stop_all(TimePoint now);
  std::vector<HostAction> enforce_time(TimePoint now);
  std::vector<HostAction> kill_all();
  std::optional<HostAction::Kind> enforce(Host& host, TimePoint now);
  void tell(Host& host, const HostEvent& event, TimePoint now);
  void forgive_standstill(TimePoint now) noexcept;
  static void forgive(Host& host, Nanos time) noexcept;
  void exited(Host& host, const HostEvent& event, TimePoint now);
  bool ended_well(const Host& host, const HostEvent& event) const noexcept;
  /// Sets the reason unless this life has one already.
  static void say_why(Host& host, const char* reason);
  void enter(Host& host, HostState state, TimePoint now) noexcept;
  /// When the host is aborted (starting, ready) or killed (stopping); nothing: no limit.
  std::optional<TimePoint> patience_ends(const Host& host) const noexcept;

  std::vector<Host> hosts_;
  Nanos stop_timeout_;
  TimePoint last_round_{};
  bool stopping_ = false;
};

}  // namespace horus::service

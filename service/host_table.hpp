// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rt/base/host_state.hpp"
#include "rt/base/time.hpp"
#include "service/config.hpp"

namespace horus::service {

/// What happened, to one host or (kStart, kTime, kStop) to all.
struct HostEvent {
  enum class Kind : std::uint8_t {
    kStart,      ///< The supervisor starts.
    kTime,       ///< Time has passed; send it a few times a second.
    kStop,       ///< The supervisor is told to end.
    kStage,      ///< The host said what its start is at (`reason`).
    kReady,      ///< The host said: every node has ticked.
    kFailed,     ///< The host said why it cannot start, or how it ends (`reason`).
    kHang,       ///< The host said that it hangs, and why (`reason`).
    kHangTold,   ///< It has written its stacks.
    kHurry,      ///< The supervisor shall not wait.
    kHeartbeat,  ///< Its page was read (`beats`).
    kHeld,       ///< A debugger holds it; send it a few times a second.
    kExited,     ///< Its process is gone (`success`, `terminated`, `reason`).
  };
  Kind kind = Kind::kTime;
  std::size_t host = 0;
  std::string reason{};
  bool success = false;
  bool terminated = false;  ///< SIGTERM has ended it.
  std::uint64_t beats = 0;
};

/// What the supervisor has to do.
struct HostAction {
  enum class Kind : std::uint8_t { kSpawn, kTerminate, kAbort, kKill };
  Kind kind = Kind::kSpawn;
  std::size_t host = 0;
  friend bool operator==(const HostAction&, const HostAction&) = default;
};

/// The life of every Python host: pure, each step is (event, time) -> actions.
///
/// Back-off: a host that ends is started again after 0.1 s, doubling to 30 s with each end;
/// every minute that it was healthy halves the next wait. A host that ignores SIGTERM is killed
/// after a grace. One that says that it hangs is killed once it has written its stacks; one whose
/// heartbeat stands still, or that is not ready in time, is aborted, which writes them, and killed.
class HostTable {
 public:
  static constexpr Nanos kFirstDelay = 100ms;
  static constexpr Nanos kLongestDelay = 30s;
  static constexpr Nanos kHealthy = 60s;
  static constexpr Nanos kStopTimeout = 5s;
  /// A host ends itself after the stop timeout; so much longer until it is killed.
  static constexpr Nanos kGrace = 2s;
  static constexpr Nanos kWatchdog = 1s;      ///< The default of a host's tick nodes.
  static constexpr Nanos kHangTimeout = 10s;  ///< Their default.
  /// Of a heartbeat, before it is a hang: it moves four times a second, on a busy machine less.
  static constexpr Nanos kLeastSilence = 3s;
  static constexpr Nanos kLastWords = 2s;  ///< For the stacks of a host that hangs.
  static constexpr Nanos kReadyPatience = 30s;
  /// A longer time between two events of kTime was no host's: the supervisor stood still. Between
  /// two of kHeld it is the host's again.
  static constexpr Nanos kLongestRound = 1s;

  struct Host {
    std::string name;
    RestartPolicy policy = RestartPolicy::kAlways;
    HostState state = HostState::kWaiting;
    std::uint64_t starts = 0;
    Nanos delay{};      ///< Of the next restart; 0: no restart yet.
    TimePoint since{};  ///< When `state` began.
    TimePoint next_start{};
    std::string reason;        ///< Why it ended last, or cannot start; empty: it never did.
    std::string stage;         ///< What its start is at; empty: it did not say.
    bool ended_badly = false;  ///< Its last end was none that it came to well.
    /// It came to a bad end: never was ready, was down or had to be killed when all stopped.
    bool failed = false;
    /// It was down when all stopped: `reason` is of an end before that.
    bool was_down = false;

    bool running() const noexcept {
      return state == HostState::kStarting || state == HostState::kReady ||
             state == HostState::kStopping;
    }
    /// When all stopped it hung or crashed, and did not end.
    bool broke() const noexcept { return failed && (said_why_ || reason.starts_with("crashed")); }
    /// Why it does not run, or ended last: of one that starts what it is at, and how it ended
    /// before.
    std::string why() const;
    /// It is killed for that, or soon will be.
    bool hangs() const noexcept { return kill_at_.has_value(); }

   private:
    friend class HostTable;
    Nanos silence_{};  // Of its heartbeat, that is a hang.
    std::optional<Nanos> start_timeout_;
    bool program_ = false;        // It may end before it is ready, or have no scheduler at all.
    bool may_end_early_ = false;  // A program, or a host that tells its program.
    bool killed_ = false;
    bool was_ready_ = false;  // In any life.
    bool ready_in_this_life_ = false;
    bool said_why_ = false;             // `reason` is of this life.
    std::optional<TimePoint> kill_at_;  // It hangs, and has until then.
    std::uint64_t beats_ = 0;
    TimePoint beaten_{};
    TimePoint held_{};  // When a debugger was last seen to hold it.
  };

  /// `stop_timeout` 0: a stop may take for ever.
  explicit HostTable(const std::vector<HostEntry>& entries, Nanos stop_timeout = kStopTimeout);

  std::vector<HostAction> step(const HostEvent& event, TimePoint now);

  const std::vector<Host>& hosts() const noexcept { return hosts_; }
  std::size_t ready() const noexcept;
  /// Every host is ready, or has ended or failed once, or has had its time: start-up is over.
  bool settled(TimePoint now) const noexcept;
  /// Told to stop, and no process is left.
  bool finished() const noexcept;
  /// Every host has come to its end, and is not started again.
  bool all_ended() const noexcept;
  /// Some host came to a bad end.
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
  /// What was said before in this life stays.
  static void say_why(Host& host, const char* reason);
  void enter(Host& host, HostState state, TimePoint now) noexcept;
  std::optional<TimePoint> patience_ends(const Host& host) const noexcept;

  std::vector<Host> hosts_;
  Nanos stop_timeout_;
  TimePoint last_round_{};
  bool stopping_ = false;
};

}  // namespace horus::service

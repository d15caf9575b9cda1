// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rt/base/time.hpp"
#include "service/config.hpp"

namespace horus::service {

enum class HostState : std::uint8_t {
  kWaiting,   ///< Not running; a start is due at `next_start`.
  kStarting,  ///< Running, not every node has ticked.
  kReady,
  kStopping,  ///< Told to end.
  kEnded,     ///< Not running, and its policy says: leave it so.
};
const char* to_text(HostState state) noexcept;

/// What happened, to one host or (kStart, kTime, kStop) to all.
struct HostEvent {
  enum class Kind : std::uint8_t {
    kStart,      ///< The supervisor starts.
    kTime,       ///< Time has passed; send it a few times a second.
    kStop,       ///< The supervisor is told to end.
    kReady,      ///< The host said: every node has ticked.
    kFailed,     ///< The host said why it cannot start (`reason`).
    kHeartbeat,  ///< Its page was read (`beats`).
    kExited,     ///< Its process is gone (`success`, `reason`).
  };
  Kind kind = Kind::kTime;
  std::size_t host = 0;
  std::string reason{};
  bool success = false;
  std::uint64_t beats = 0;
};

/// What the supervisor has to do.
struct HostAction {
  enum class Kind : std::uint8_t { kSpawn, kTerminate, kKill };
  Kind kind = Kind::kSpawn;
  std::size_t host = 0;
  friend bool operator==(const HostAction&, const HostAction&) = default;
};

/// The life of every Python host: pure, each step is (event, time) -> actions.
///
/// Back-off: a host that ends is started again after 0.1 s, doubling to 30 s with each end;
/// every minute that it was healthy halves the next wait. A host that ignores SIGTERM is killed
/// after a grace; one whose heartbeat stands still for a hang time is killed and restarted.
class HostTable {
 public:
  static constexpr Nanos kFirstDelay = 100ms;
  static constexpr Nanos kLongestDelay = 30s;
  static constexpr Nanos kHealthy = 60s;
  static constexpr Nanos kGrace = 3s;
  static constexpr Nanos kHang = 30s;
  static constexpr Nanos kReadyPatience = 30s;

  struct Host {
    std::string name;
    RestartPolicy policy = RestartPolicy::kAlways;
    HostState state = HostState::kWaiting;
    std::uint64_t starts = 0;
    Nanos delay{};      ///< Of the next restart; 0: no restart yet.
    TimePoint since{};  ///< When `state` began.
    TimePoint next_start{};
    std::string reason;  ///< Why it ended last, or cannot start; empty: it never did.

    bool running() const noexcept {
      return state == HostState::kStarting || state == HostState::kReady ||
             state == HostState::kStopping;
    }

   private:
    friend class HostTable;
    bool killed_ = false;
    bool said_why_ = false;  // kFailed came in this life.
    std::uint64_t beats_ = 0;
    TimePoint beaten_{};
  };

  explicit HostTable(const std::vector<HostEntry>& entries);

  std::vector<HostAction> step(const HostEvent& event, TimePoint now);

  const std::vector<Host>& hosts() const noexcept { return hosts_; }
  std::size_t ready() const noexcept;
  /// Every host is ready, or has ended or failed once, or has had its time: start-up is over.
  bool settled(TimePoint now) const noexcept;
  /// Told to stop, and no process is left.
  bool finished() const noexcept;

 private:
  std::vector<HostAction> start_due(TimePoint now);
  std::vector<HostAction> stop_all(TimePoint now);
  std::vector<HostAction> enforce_time(TimePoint now);
  void exited(Host& host, const HostEvent& event, TimePoint now);
  void enter(Host& host, HostState state, TimePoint now) noexcept;
  std::optional<TimePoint> patience_ends(const Host& host) const noexcept;

  std::vector<Host> hosts_;
  bool stopping_ = false;
};

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <horus/realtime.hpp>
#include <horus/scheduler.hpp>
#include <horus/topic.hpp>

#include "rt/group_hook.hpp"
#include "rt/run_guard.hpp"
#include "rt/safety.hpp"
#include "service/config.hpp"
#include "service/node_loader.hpp"
#include "service/program.hpp"
#include "service/stop_key.hpp"
#include "shm/black_box_page.hpp"
#include "shm/stats_page.hpp"
#include "shm/stop_keeper.hpp"

namespace horus::service {

/// Why a service does not start: its exit code, and one line.
struct Refusal {
  Exit exit = Exit::kFailure;
  std::string text;
};

/// Delays the wake-ups of subscribers until a batch of ticks is over, so that no tick pays for
/// them.
class BellHooks final : public HookFactory {
 public:
  std::unique_ptr<GroupHook> make(const ThreadRole& role) override;
};

/// Notes what the scheduler's watchdog reports, for the thread that serves.
///
/// Thread safety: the overrides from the watchdog's thread only; the rest from any thread. No
/// callback of a node takes the lock, so the watchdog never waits for a node that hangs.
class HangBoard final : public RunGuard {
 public:
  void isolated(const BlockedCall& call) noexcept override;
  bool hurried() noexcept override { return hurry_.load(); }
  void give_up(const BlockedCall& call) noexcept override;

  /// Has a stop that waits for callbacks give up at once.
  void hurry() noexcept { hurry_ = true; }
  /// To be called once every node moves again.
  void forget_hang();
  /// One line about the node that hangs and is isolated, with how long it has hung until `now`;
  /// nothing: none does.
  std::optional<std::string> hang(TimePoint now = MonotonicClock::now()) const;
  /// One line about the callback that a stop has given up waiting for; nothing: there is none.
  std::optional<std::string> left_behind() const;

 private:
  mutable std::mutex mutex_;  // not RT: the watchdog's thread and the serving one.
  struct Hang {
    BlockedCall call;
    TimePoint began;  ///< When the node fell silent.
  };
  std::optional<Hang> hang_;
  std::optional<std::string> left_behind_;
  std::atomic<bool> hurry_{false};
};

/// The running C++ nodes of a configuration, with their session, plug-ins, statistics page and
/// scheduler.
///
/// Thread safety: begin() and wait() from one thread, all else from another; estop() from any. The
/// stop keeper calls the private StopSide part, also from its own thread.
class Robot final : private shm::StopSide {
 public:
  using Started = std::variant<std::unique_ptr<Robot>, Refusal>;

  /// Prepares a robot up to its first init(): locks memory and asks for priorities as the
  /// configuration wants, opens the session, and loads every node. No node ticks before begin().
  /// `config` has passed check_config(); it and `log` outlive the robot. On a refusal the new page
  /// and black box are removed; a box with events of a dead predecessor stays.
  static Started start(const Config& config, const std::string& base, LogSink& log);
  /// Stops the nodes.
  ~Robot() override;
  Robot(const Robot&) = delete;
  Robot& operator=(const Robot&) = delete;

  /// Starts the nodes, and returns once every init() is over. The refusal says why they did not
  /// start. Call it before wait(), on the same thread.
  std::optional<Refusal> begin();
  /// Whether every node has ticked.
  bool ready() const noexcept { return scheduler_->ready(); }
  /// Whether no executor hangs. True before begin() has started them.
  bool alive() const noexcept { return !begun() || scheduler_->alive(); }
  void request_stop() noexcept { scheduler_->request_stop(); }
  /// Blocks until all nodes have stopped.
  StopReport wait() { return scheduler_->wait(); }
  /// Has a stop that waits for callbacks give up at once.
  void hurry() noexcept { hangs_.hurry(); }
  void forget_hang() { hangs_.forget_hang(); }
  const HangBoard& hangs() const noexcept { return hangs_; }
  /// Changes the budget of a running node. kBusy while the nodes are still starting.
  Status set_budget(const std::string& node, Nanos budget) noexcept {
    if (begun()) return scheduler_->set_budget(node, budget);
    return Error{.code = Errc::kBusy, .what = "the nodes are still starting"};
  }
  /// False if there is no such node.
  bool set_log_level(std::string_view node, LogLevel level) noexcept;
  /// Emergency stop. Waits for no other thread or process.
  void estop(StopCause cause, std::string_view text) noexcept { scheduler_->estop(cause, text); }
  /// Takes back the emergency stop, of this process and of the hosts that it followed, and clears
  /// the latch on disk. kBusy while the cause persists or a critical host is missing.
  Status release() { return stops_->release(); }
  /// The error that release() would return now. Changes nothing.
  Status ask_to_release() { return stops_->may_release(); }
  /// kBusy while a critical host is not there and ready. Nothing may be armed then, neither here
  /// nor in a host.
  Status is_whole() { return stops_->is_whole(); }
  Status arm(std::string_view node) noexcept { return scheduler_->arm(node); }
  Status disarm(std::string_view node) noexcept { return scheduler_->disarm(node); }
  /// Real-time settings that the machine did not grant.
  const std::vector<Degradation>& degraded() const noexcept { return report_.degraded; }
  /// A node whose running callback has lasted so long that it counts as hung, read from the
  /// statistics; empty: none. hangs() names a node only once it has been isolated.
  std::string_view silent_node() const noexcept;
  std::span<const NodeStats> nodes() const noexcept { return std::as_const(*page_).nodes(); }

  /// Where events are written; null: the black box could not be made. Lives as long as the robot.
  BlackBox* box() noexcept { return box_ ? &box_->box() : nullptr; }
  /// Whether the robot before this one died without an entry that says why.
  bool follows_a_death() const noexcept { return box_ && box_->follows_a_death(); }
  /// Writes the last entry of the black box. `code` is the exit code; 0: it was asked to stop.
  void end(std::string_view why, int code) noexcept;

  /// After a clean stop: removes the statistics page, so that no successor continues its counters.
  /// An emergency stop that is in force is on disk before.
  void forget() noexcept {
    if (stops_) stops_->keep();  // First: the page is the other place that tells of a stop.
    page_->remove();
  }
  /// After a clean stop: marks the page as stopped, so that hosts that need this robot do not take
  /// its end for a death, which would be an emergency stop.
  void say_ended() noexcept { page_->host().safety.set(SafetyState::kStopped); }

 private:
  explicit Robot(const Config& config) : config_{config} {}
  bool begun() const noexcept { return scheduler_->epoch() != TimePoint{}; }
  std::optional<Refusal> claim_machine();
  std::optional<Refusal> open(const std::string& base);
  std::optional<Refusal> declare_topics();
  void open_box(const std::string& base);
  std::optional<Refusal> schedule(LogSink& log);
  void keep_stops(const std::string& base);
  void begin_stopped(const Result<std::string>& latch);
  std::optional<Refusal> watch_stop_key();
  bool has_actuator() const noexcept;
  bool has_stop_source() const noexcept;
  bool has_stopping_input() const noexcept;
  std::optional<StopNote> stopped() noexcept override;
  void stop(StopCause cause, std::string_view text) noexcept override { estop(cause, text); }
  void follow(std::int64_t since_ns) noexcept override { scheduler_->safety().follow(since_ns); }
  std::uint64_t seen() noexcept override { return scheduler_->safety().obeyed().word; }
  Status may_release() noexcept override;
  Status release(std::uint64_t seen) noexcept override { return scheduler_->release({seen}); }
  void tell(const std::string& text) noexcept override;

  // In the order of construction: each member may use those above it, and is destroyed first.
  const Config& config_;
  RtReport report_;
  std::unique_ptr<shm::Session> session_;
  std::shared_ptr<shm::StatsPage> page_;
  std::shared_ptr<shm::BlackBoxPage> box_;
  std::vector<LoadedNode> nodes_;
  BellHooks hooks_;
  HangBoard hangs_;
  StopWords others_;  ///< Stops of other hosts, which stops_ finds and scheduler_ obeys.
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<StopKey> stop_key_;  ///< Null: none is configured.
  std::string latch_lack_;             ///< Why no stop can be kept on disk; empty: one can.
  std::unique_ptr<shm::StopKeeper> stops_;
};

}  // namespace horus::service

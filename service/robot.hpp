// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rt/rt_profile.hpp"
#include "rt/scheduler.hpp"
#include "service/config.hpp"
#include "service/node_loader.hpp"
#include "service/program.hpp"
#include "service/stop_key.hpp"
#include "shm/black_box_page.hpp"
#include "shm/publisher.hpp"
#include "shm/session.hpp"
#include "shm/stats_page.hpp"
#include "shm/stop_keeper.hpp"

namespace horus::service {

/// Why a service does not start.
struct Refusal {
  Exit exit = Exit::kFailure;
  std::string text;
};

/// Rings after the tick whom the ticks' messages wake.
class BellHooks final : public HookFactory {
 public:
  std::unique_ptr<GroupHook> make(const ThreadRole& role) override;
};

/// Hears the scheduler's watchdog, and passes it on to the thread that serves.
///
/// Thread safety: as RunGuard; the rest from any thread.
class HangBoard final : public RunGuard {
 public:
  void isolated(const BlockedCall& call) noexcept override;
  bool hurried() noexcept override { return hurry_.load(); }
  void give_up(const BlockedCall& call) noexcept override;

  void hurry() noexcept { hurry_ = true; }
  /// Every node moves again.
  void forget_hang();
  /// The node that is isolated; and the callback that a stop does not wait for any longer.
  std::optional<std::string> hang(TimePoint now = MonotonicClock::now()) const;
  std::optional<std::string> left_behind() const;

 private:
  mutable std::mutex mutex_;  // not RT: the watchdog's thread and the serving one.
  struct Hang {
    BlockedCall call;
    TimePoint began;
  };
  std::optional<Hang> hang_;
  std::optional<std::string> left_behind_;
  std::atomic<bool> hurry_{false};
};

/// The C++ nodes of a configuration, running: session, plug-ins, statistics page, scheduler.
///
/// Thread safety: wait() from one thread, the rest from another.
class Robot final : private shm::StopSide {
 public:
  using Started = std::variant<std::unique_ptr<Robot>, Refusal>;

  /// Claims the machine (memory, priorities) as the configuration wants, and loads every node.
  /// `config` is checked; `log` outlives the robot.
  static Started start(const Config& config, const std::string& base, LogSink& log);
  /// Stops the nodes.
  ~Robot() override;
  Robot(const Robot&) = delete;
  Robot& operator=(const Robot&) = delete;

  /// Starts the nodes: returns once every init() is over. Before wait(), on its thread.
  std::optional<Refusal> begin();
  bool ready() const noexcept { return scheduler_->ready(); }
  bool alive() const noexcept { return !begun() || scheduler_->alive(); }
  void request_stop() noexcept { scheduler_->request_stop(); }
  StopReport wait() { return scheduler_->wait(); }
  /// A stop that is under way shall not wait.
  void hurry() noexcept { hangs_.hurry(); }
  void forget_hang() { hangs_.forget_hang(); }
  const HangBoard& hangs() const noexcept { return hangs_; }
  Status set_budget(const std::string& node, Nanos budget) noexcept {
    if (begun()) return scheduler_->set_budget(node, budget);
    return Error{.code = Errc::kBusy, .what = "the nodes are still starting"};
  }
  /// False where there is no such node.
  bool set_log_level(std::string_view node, LogLevel level) noexcept;
  /// The emergency stop, which needs nobody.
  void estop(StopCause cause, std::string_view text) noexcept { scheduler_->estop(cause, text); }
  /// Clears the latch, and lets the nodes go: of others' stops too.
  Status release() { return stops_->release(); }
  /// Whether it would be refused.
  Status ask_to_release() { return stops_->may_release(); }
  /// Whether every critical host is there: else nobody is armed, here or elsewhere.
  Status is_whole() { return stops_->is_whole(); }
  Status arm(std::string_view node) noexcept { return scheduler_->arm(node); }
  Status disarm(std::string_view node) noexcept { return scheduler_->disarm(node); }
  const std::vector<Degradation>& degraded() const noexcept { return report_.degraded; }
  /// A node whose callback lasts too long for alive(), as the statistics show it; empty: none.
  std::string_view silent_node() const noexcept;
  std::span<const NodeStats> nodes() const noexcept { return std::as_const(*page_).nodes(); }

  /// Its events; null where there was no room for any. It lives as long as the robot.
  BlackBox* box() noexcept { return box_ ? &box_->box() : nullptr; }
  /// The robot before this one died, and did not say why.
  bool follows_a_death() const noexcept { return box_ && box_->follows_a_death(); }
  /// The last word in its box. code: 0 where it was asked to stop.
  void end(std::string_view why, int code) noexcept;

  /// After a clean stop: nothing of this robot is to be carried on.
  void forget() noexcept {
    if (stops_) stops_->keep();  // Before what else tells of a stop is gone.
    page_->remove();
  }
  /// After a clean stop: nobody who needs this robot has to stop for it.
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

  // In the order of their making: each uses those above it.
  const Config& config_;
  RtReport report_;
  std::unique_ptr<shm::Session> session_;
  std::shared_ptr<shm::StatsPage> page_;
  std::shared_ptr<shm::BlackBoxPage> box_;
  std::vector<LoadedNode> nodes_;
  BellHooks hooks_;
  HangBoard hangs_;
  StopWords others_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<StopKey> stop_key_;  ///< Null: none is configured.
  std::string latch_lack_;             ///< Why no stop can be kept on disk; empty: one can.
  std::unique_ptr<shm::StopKeeper> stops_;
};

}  // namespace horus::service

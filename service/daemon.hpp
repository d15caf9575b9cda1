// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rt/rt_thread.hpp"
#include "service/box_keeper.hpp"
#include "service/called_hosts.hpp"
#include "service/config.hpp"
#include "service/control_server.hpp"
#include "service/crash_place.hpp"
#include "service/event_loop.hpp"
#include "service/handlers.hpp"
#include "service/journal.hpp"
#include "service/notify.hpp"
#include "service/robot.hpp"
#include "service/status_line.hpp"
#include "service/verdict.hpp"

namespace horus::service {

/// horusd between a good configuration and its end: the robot, its watch, its sockets.
///
/// Thread safety: one thread, the event loop's; a second one only waits for the robot to stop.
class Daemon final : public Service {
 public:
  /// Where this daemon lives.
  struct Paths {
    std::string config;     ///< As given by --config, for Reload.
    std::string base;       ///< Shared memory.
    std::string runtime;    ///< Sockets and the lock; exists.
    bool launched = false;  ///< Somebody puts away what it leaves.
  };

  /// `config` is checked; `stored` is what systemd kept. `loop` and `journal` outlive the daemon.
  Daemon(Config config, Paths paths, std::vector<StoredFd> stored, EventLoop& loop,
         Journal& journal);
  ~Daemon() override;

  /// Opens the sockets, starts the robot, and serves until it has stopped.
  Exit run();
  /// Begins a clean stop.
  void stop();
  /// A stop that is under way shall not wait.
  void hurry();
  /// What the signal SIGHUP asks for; the outcome is logged. Of a storm, one reload a second.
  void reload_soon();
  /// What SIGQUIT asks for: logs what each thread does, then stop().
  void report_and_stop();

  std::unique_ptr<StatsSource> stats() override;
  Expected expected() override;
  wire::HealthView health() override { return verdict_on(config_, paths_.base); }
  ReloadOutcome reload() override;
  bool set_log_level(const std::string& node, LogLevel level) override;
  Status change_safety(const SafetyRequest& request) override;
  BoxOutcome flush_boxes() override;

 private:
  std::optional<Refusal> open_sockets();
  std::optional<Refusal> open_socket(const char* name, const char* group, Rights rights);
  void watch_crashes();
  void tell_last_crash();
  std::optional<Refusal> start_robot();
  std::optional<Refusal> start_watch();
  std::optional<Refusal> await_stop();
  void log_degradations();
  void reload_and_log();
  void tell_progress();
  void watch_start();
  void feed_watchdog();
  void look_for_left_behind();
  void put_boxes_away(const std::string& why);
  [[noreturn]] void leave(const std::string& why);
  void remove_sockets() const;
  void look_for_sockets();
  Status relay_safety(const SafetyRequest& request, bool own);
  Status may_release();
  void tell_status();
  void log_verdict(const wire::HealthView& verdict);
  StatusFacts facts() const;
  std::string apply(const ConfigChanges& changes, Config wanted);
  Exit finish();
  std::string end_of_run() const;
  UniqueFd take_stored(const std::string& name, const std::string& path);

  Config config_;
  Paths paths_;
  std::vector<StoredFd> stored_;
  EventLoop& loop_;
  Journal& journal_;
  ControlServer server_;
  std::optional<CrashPlace> crashes_;
  BoxKeeper boxes_;
  std::unique_ptr<Robot> robot_;
  UniqueFd stopped_;  ///< An eventfd: the robot has stopped.
  std::optional<RtThread> waiter_;
  std::optional<Refusal> refusal_;  ///< Of the nodes' start; once stopped_ is written, as report_.
  StopReport report_;
  StatusPace pace_;
  std::set<std::string> told_reasons_;
  std::string note_;         ///< What went wrong with the last reload.
  std::string socket_note_;  ///< That nobody reaches this service.
  std::string last_crash_;   ///< Of the service before this one.
  EventLoop::Id start_watch_ = 0;
  EventLoop::Id reload_timer_ = 0;  ///< Of a reload that waits; 0: none.
  TimePoint reloaded_{};            ///< By a signal.
  std::ptrdiff_t begun_ = 0;        ///< Nodes, as was told.
  TimePoint told_progress_{};
  std::optional<TimePoint> told_lost_{};  ///< That sockets were removed.
  int rounds_not_alive_ = 0;
  bool ready_ = false;
  bool stopping_ = false;
};

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rt/rt_thread.hpp"
#include "service/config.hpp"
#include "service/control_server.hpp"
#include "service/event_loop.hpp"
#include "service/handlers.hpp"
#include "service/journal.hpp"
#include "service/notify.hpp"
#include "service/robot.hpp"
#include "service/status_line.hpp"

namespace horus::service {

/// horusd between a good configuration and its end: the robot, its watch, its sockets.
///
/// Thread safety: one thread, the event loop's; a second one only waits for the robot to stop.
class Daemon final : public Service {
 public:
  /// Where this daemon lives.
  struct Paths {
    std::string config;   ///< As given by --config, for Reload.
    std::string base;     ///< Shared memory.
    std::string runtime;  ///< Sockets and the lock; exists.
  };

  /// `config` is checked; `stored` is what systemd kept. `loop` and `journal` outlive the daemon.
  Daemon(Config config, Paths paths, std::vector<StoredFd> stored, EventLoop& loop,
         Journal& journal);
  ~Daemon() override;

  /// Opens the sockets, starts the robot, and serves until it has stopped.
  Exit run();
  /// Begins a clean stop.
  void stop();
  /// What the signal SIGHUP asks for; the outcome is logged.
  void reload_and_log();

  wire::StatsView stats() override;
  Expected expected() override;
  ReloadOutcome reload() override;

 private:
  std::optional<Refusal> open_sockets();
  std::optional<Refusal> open_socket(const char* name, const char* group, Rights rights);
  std::optional<Refusal> start_robot();
  std::optional<Refusal> start_watch();
  std::optional<Refusal> await_stop();
  void log_degradations();
  void watch_start();
  void feed_watchdog();
  void tell_status();
  StatusFacts facts() const;
  std::string apply(const ConfigChanges& changes, Config wanted);
  Exit finish();
  UniqueFd take_stored(const std::string& name, const std::string& path);

  Config config_;
  Paths paths_;
  std::vector<StoredFd> stored_;
  EventLoop& loop_;
  Journal& journal_;
  ControlServer server_;
  std::unique_ptr<Robot> robot_;
  UniqueFd stopped_;  ///< An eventfd: the robot has stopped.
  std::optional<RtThread> waiter_;
  StopReport report_;
  StatusPace pace_;
  std::string note_;  ///< The last reload's failure.
  EventLoop::Id start_watch_ = 0;
  int rounds_not_alive_ = 0;
  bool ready_ = false;
  bool stopping_ = false;
};

}  // namespace horus::service

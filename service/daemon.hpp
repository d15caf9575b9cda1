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

/// horusd after its configuration was accepted: runs the robot, watches it, and serves the sockets.
///
/// Thread safety: every call from one thread, the event loop's. A second thread, of its own, starts
/// the nodes, waits until they have stopped, and then wakes the loop. Not RT-safe.
class Daemon final : public Service {
 public:
  /// The files and folders that this daemon uses.
  struct Paths {
    std::string config;     ///< As given by --config, for Reload.
    std::string base;       ///< The robot's directory in shared memory.
    std::string runtime;    ///< Folder of the sockets and the instance lock; exists.
    bool launched = false;  ///< `horus launch` runs it, and saves the black boxes after it.
  };

  /// `config` has passed check_config(); `stored` are the sockets that systemd kept over a restart.
  /// `loop` and `journal` outlive the daemon.
  Daemon(Config config, Paths paths, std::vector<StoredFd> stored, EventLoop& loop,
         Journal& journal);
  ~Daemon() override;

  /// Opens the sockets, starts the robot, and serves until the robot has stopped. Returns the exit
  /// code; why a start failed was reported by then. May end the process instead (exit code 75) when
  /// a callback does not come back.
  Exit run();
  /// Begins a clean stop, in which run() returns. Again: no effect.
  void stop();
  /// Ends the waiting of a stop that has begun: callbacks get no more time. Before: no effect.
  void hurry();
  /// SIGHUP: reload() and log the outcome. At most one reload a second; signals in between cause
  /// one more at the end of that second.
  void reload_soon();
  /// SIGQUIT: logs what each thread does, then stop().
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
  // waiter_ writes these two; the loop reads them after stopped_ was written or waiter_ has joined.
  std::optional<Refusal> refusal_;  ///< Why the nodes did not start.
  StopReport report_;
  StatusPace pace_;
  std::set<std::string> told_reasons_;    ///< Keys of the verdict's reasons that are in the log.
  std::string note_;                      ///< What went wrong with the last reload.
  std::string socket_note_;               ///< Set while sockets are lost: no client reaches them.
  std::string last_crash_;                ///< How the service before this one crashed, in a line.
  EventLoop::Id start_watch_ = 0;         ///< Timer of watch_start().
  EventLoop::Id reload_timer_ = 0;        ///< Timer of a delayed reload; 0: none waits.
  TimePoint reloaded_{};                  ///< When a signal caused the last reload.
  std::ptrdiff_t begun_ = 0;              ///< How many nodes had begun, as last told to systemd.
  TimePoint told_progress_{};             ///< When progress was last told to systemd.
  std::optional<TimePoint> told_lost_{};  ///< When the log last said that sockets were removed.
  int rounds_not_alive_ = 0;              ///< Watchdog rounds in a row in which a node hung.
  bool ready_ = false;                    ///< READY=1 was sent: every node has ticked.
  bool stopping_ = false;
};

}  // namespace horus::service

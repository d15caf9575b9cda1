// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "service/box_keeper.hpp"
#include "service/config.hpp"
#include "service/event_loop.hpp"
#include "service/host_process.hpp"
#include "service/host_table.hpp"
#include "service/journal.hpp"
#include "service/leaf.hpp"
#include "shm/host_board.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {

/// The supervisor of the Python hosts. It starts, watches and ends processes as HostTable decides.
///
/// Thread safety: one thread, the event loop's.
class Supervisor {
 public:
  /// `config` has passed check_config(). `loop` and `journal` outlive this object.
  Supervisor(const Config& config, std::string base, EventLoop& loop, Journal& journal);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// For hosts that belong to one running program; before start(). The program is told on `fd` when
  /// a host has ended three times in a row before it was ready, or broke in a stop: one line of
  /// JSON each, as horus/_spawned.py reads them. -1: there is no program. `fd` is not owned.
  void tell_program(int fd) noexcept { program_fd_ = fd; }
  /// Starts every host. The loop stops when stop() has ended the last one, or when all hosts are
  /// programs and have ended. Fails without a timer.
  Status start();
  /// Sends SIGTERM to every host and starts none again. A second call has no effect.
  void stop();
  /// Logs what the threads of this process do, and has every host print its stacks, after which the
  /// host ends. No effect in a stop.
  void report();
  /// Kills all hosts of a stop that has begun. Before stop(): no effect.
  void hurry();
  /// Once the loop has stopped: copies the hosts' black boxes to disk and removes them.
  void put_boxes_away();
  /// Once the loop has stopped: whether some host came to a bad end.
  bool failed() const noexcept { return table_.failed(); }

 private:
  /// One host, with what belongs to its current process.
  struct Slot {
    HostEntry entry;
    std::optional<HostProcess> process;      ///< Nothing: it does not run.
    std::array<EventLoop::Id, 3> watches{};  ///< For each of kSources; 0: not watched, see look().
    LineSplitter output;
    LineSplitter ready;
    std::string crash;                   ///< The line that it printed of its own crash.
    std::optional<shm::StatsPage> page;  ///< Nothing: not opened yet.
    bool slow_start_said = false;        ///< The log has that this start is slow.
    int early_ends = 0;                  ///< Ends in a row before it was ready.
  };

  /// A descriptor of a host that the loop watches.
  struct Source {
    const char* what;  ///< Its name, for the log.
    void (Supervisor::*react)(std::size_t host);
  };
  static const std::array<Source, 3> kSources;

  void step(const HostEvent& event);
  void act(const HostAction& action);
  void spawn(std::size_t host);
  void watch(std::size_t host);
  void look(std::size_t host);
  void read_output(std::size_t host);
  void read_ready(std::size_t host);
  void collect(std::size_t host);
  void each_round();
  void check_heartbeats();
  void look_for_debugger(std::size_t host);
  void tell_slow_start(std::size_t host);
  void note_early_end(std::size_t host, const std::string& reason);
  /// Sends a line to the program that tell_program() named, if any.
  void tell_program_of(std::size_t host, const char* what, const std::string& text);
  void tell();
  void tell_bad_end(std::size_t host);
  /// Writes the state of every host to shared memory, for the verdict on the robot.
  void show_board();
  void keep_board();
  std::string status_text() const;
  void say(LogLevel level, std::size_t host, const std::string& text);

  std::string base_;
  EventLoop& loop_;
  Journal& journal_;
  BoxKeeper boxes_;
  std::optional<Leaves> leaves_;
  const std::string robot_;
  Nanos stop_timeout_;
  HostTable table_;
  std::vector<Slot> slots_;
  std::optional<shm::HostBoard> board_;
  bool boardless_said_ = false;         ///< The log has that there is no board.
  std::vector<HostState> told_states_;  ///< State of each host as last logged.
  std::string told_;                    ///< Status text as last sent to systemd.
  std::uint64_t rounds_ = 0;            ///< Calls of each_round().
  int program_fd_ = -1;                 ///< See tell_program().
  bool programs_ = false;  ///< All hosts are programs: the last one's end ends the supervisor.
  bool ready_ = false;     ///< READY=1 was sent.
  bool stopping_ = false;
  bool hurried_ = false;
};

}  // namespace horus::service

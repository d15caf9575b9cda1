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

/// The supervisor of Python hosts: carries out what HostTable decides.
///
/// Thread safety: one thread, the event loop's.
class PyHost {
 public:
  /// `loop` and `journal` outlive it.
  PyHost(const Config& config, std::string base, EventLoop& loop, Journal& journal);
  PyHost(const PyHost&) = delete;
  PyHost& operator=(const PyHost&) = delete;

  /// They are one program's, which hears on `fd` of a host that dies again and again before it was
  /// ever ready, in a line as those of horus/_spawned.py.
  void tell_program(int fd) noexcept { program_fd_ = fd; }
  /// Starts every host; the loop stops when stop() has ended the last one.
  Status start();
  void stop();
  /// Logs what the threads of this process and of every host do.
  void report();
  /// A stop that is under way shall not wait.
  void hurry();
  /// Once the loop has stopped: what the hosts' black boxes hold is kept, and they go.
  void put_boxes_away();
  /// Once the loop has stopped: some host came to a bad end.
  bool failed() const noexcept { return table_.failed(); }

 private:
  struct Slot {
    HostEntry entry;
    std::optional<HostProcess> process;
    std::array<EventLoop::Id, 3> watches{};  ///< Of its sources; 0: refused.
    LineSplitter output;
    LineSplitter ready;
    std::string crash;  ///< What it said of its crash.
    std::optional<shm::StatsPage> page;
    bool slow_start_said = false;
    int early_ends = 0;  ///< One after the other, before it was ready.
  };

  struct Source {
    const char* what;
    void (PyHost::*react)(std::size_t host);
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
  /// The program whose hosts these are, if any: see tell_program().
  void tell_program_of(std::size_t host, const char* what, const std::string& text);
  void tell();
  void tell_bad_end(std::size_t host);
  /// Whoever judges the robot sees what this knows.
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
  bool boardless_said_ = false;
  std::vector<HostState> told_states_;
  std::string told_;
  std::uint64_t rounds_ = 0;
  int program_fd_ = -1;
  bool programs_ = false;  ///< All hosts are; with the last one's end this is done.
  bool ready_ = false;
  bool stopping_ = false;
  bool hurried_ = false;
};

}  // namespace horus::service

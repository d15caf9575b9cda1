// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "service/config.hpp"
#include "service/event_loop.hpp"
#include "service/host_process.hpp"
#include "service/host_table.hpp"
#include "service/journal.hpp"
#include "service/leaf.hpp"
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

  /// Starts every host; the loop stops when stop() has ended the last one.
  Status start();
  void stop();

 private:
  struct Slot {
    HostEntry entry;
    std::optional<HostProcess> process;
    std::array<EventLoop::Id, 3> watches{};
    LineSplitter output;
    LineSplitter ready;
    std::optional<shm::StatsPage> page;
  };

  void step(const HostEvent& event);
  void act(const HostAction& action);
  void spawn(std::size_t host);
  void watch(std::size_t host);
  void read_output(std::size_t host);
  void read_ready(std::size_t host);
  void collect(std::size_t host);
  void each_round();
  void check_heartbeats();
  void tell();
  std::string status_text() const;
  void say(LogLevel level, std::size_t host, const std::string& text);

  std::string base_;
  EventLoop& loop_;
  Journal& journal_;
  std::optional<Leaves> leaves_;
  HostTable table_;
  std::vector<Slot> slots_;
  std::vector<HostState> told_states_;
  std::string told_;
  std::uint64_t rounds_ = 0;
  bool ready_ = false;
  bool stopping_ = false;
};

}  // namespace horus::service

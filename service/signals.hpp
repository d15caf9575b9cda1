// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <horus/time.hpp>

#include "service/event_loop.hpp"

namespace horus::service {

/// Blocks every signal that a service reacts to, and those whose default action would end it in the
/// middle of a tick (SIGUSR1, SIGALRM, SIGXCPU, ...). A signal that this process inherited as
/// ignored (nohup, a shell's background) stays ignored. It holds for the calling thread and those
/// that it starts, so call it first in main().
void hold_signals() noexcept;

/// For a program without an event loop: whether SIGTERM, SIGINT, SIGHUP or SIGQUIT is pending.
/// Consumes it, and ignored signals that were pending before it.
bool end_was_asked() noexcept;

/// Handles the held signals in an event loop. SIGTERM, SIGINT, SIGHUP and SIGQUIT are passed on,
/// once per round of the loop however often they came. The others are ignored and counted; the log
/// says so at most every 10 s.
///
/// Thread safety: one thread, the event loop's.
class Signals {
 public:
  using Say = std::function<void(const std::string& line)>;

  /// `react` gets the signals that are passed on; `say` logs a line about ignored ones. What they
  /// refer to must outlive this object.
  Signals(Say say, std::function<void(int signal)> react);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Begins. Fails without a descriptor. `loop` must not run any more once this object is
  /// destroyed.
  Status watch(EventLoop& loop);

 private:
  void came(const EventLoop::Signal& signal);
  void tell();

  Say say_;
  std::function<void(int)> react_;
  std::map<int, std::uint64_t> ignored_;  ///< Count by signal number, since the beginning.
  EventLoop::Signal last_{};              ///< The last ignored one.
  TimePoint told_{};                      ///< When ignored signals were last logged.
  bool untold_ = false;                   ///< More came since then.
};

}  // namespace horus::service

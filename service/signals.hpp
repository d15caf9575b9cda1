// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "rt/base/time.hpp"
#include "service/event_loop.hpp"

namespace horus::service {

/// Holds back every signal that a service reacts to, and those whose default would end it in the
/// middle of a tick (SIGUSR1, SIGALRM, SIGXCPU, ...), for this thread and those that it starts.
/// One that this process inherited as ignored (nohup, a shell's background) stays ignored. First
/// in main().
void hold_signals() noexcept;

/// Whether one of the held signals came that end a program, for one without an event loop. It is
/// taken.
bool end_was_asked() noexcept;

/// What the held signals do in the event loop: SIGTERM, SIGINT, SIGHUP and SIGQUIT are handed on,
/// once however often they came; the others are counted.
class Signals {
 public:
  using Say = std::function<void(const std::string& line)>;

  /// `say` logs what was ignored; all of them outlive the loop's run.
  Signals(Say say, std::function<void(int signal)> react);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  Status watch(EventLoop& loop);

 private:
  void came(const EventLoop::Signal& signal);
  void tell();

  Say say_;
  std::function<void(int)> react_;
  std::map<int, std::uint64_t> ignored_;  ///< Since the beginning, by number.
  EventLoop::Signal last_{};
  TimePoint told_{};
  bool untold_ = false;
};

}  // namespace horus::service

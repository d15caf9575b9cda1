// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>
#include <signal.h>

#include <array>

#include <pybind11/pybind11.h>

#include "rt/base/unique_fd.hpp"

namespace horus::py {

/// A pipe that wakes the thread in run(): a signal writes to it, or any thread by ring().
///
/// Thread safety: ring() from any thread, wait() from the one that is woken.
class Wakeup {
 public:
  /// Throws std::system_error where there is no descriptor left.
  Wakeup();

  /// RT-safe: one system call that does not block. Safe in a signal handler.
  void ring() noexcept;
  /// Waits for a ring or a signal, at most `milliseconds` (-1: without end). Without the GIL.
  void wait(int milliseconds) noexcept;
  /// The end to write to.
  int fd() const noexcept { return write_.get(); }

 private:
  UniqueFd read_;
  UniqueFd write_;
};

/// While one exists on the main thread, signals ring its Wakeup.
///   - SIGTERM, SIGHUP and SIGQUIT are noted where their action was the default, to end the
///     process, or a handler of horus/_hosts.py. At SIGQUIT the stacks of all Python threads are
///     printed first.
///   - SIGINT is counted where Python's own handler would raise KeyboardInterrupt: a tick that
///     hangs may keep Python from handling it.
///   - Other handlers of the program stay in place, and a signal that is ignored (nohup) stays
///     ignored.
/// On another thread it does nothing.
///
/// Thread safety: with the GIL, on the thread that made it; calls that say so from any thread. The
/// constructor throws what a signal's Python handler raises meanwhile.
class SignalScope {
 public:
  explicit SignalScope(Wakeup& wakeup);
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

  /// Which of SIGTERM, SIGHUP and SIGQUIT came since the last call.
  struct Endings {
    bool any = false;   ///< At least one of them.
    bool quit = false;  ///< SIGQUIT was among them.
  };
  Endings take_endings() noexcept;
  /// How often SIGINT came since this was made. From any thread, without the GIL.
  int interrupts() const noexcept;
  /// How often SIGTERM, SIGHUP or SIGQUIT came. From any thread, without the GIL.
  int endings() const noexcept;
  /// Makes the main thread raise KeyboardInterrupt, out of a system call too, by sending it SIGINT.
  /// Does nothing where SIGINT has another handler than Python's own. From any thread, without the
  /// GIL.
  void interrupt_main_thread() const noexcept;
  /// Whether a SIGINT of interrupt_main_thread() has arrived since the last call.
  static bool take_own_interrupt() noexcept;

 private:
  static constexpr std::array kEnding{SIGTERM, SIGHUP, SIGQUIT};

  void print_stacks_at_quit();

  pybind11::object set_wakeup_fd_;  ///< Null on another thread than the main one.
  pybind11::object unregister_;     ///< faulthandler.unregister, where it prints at SIGQUIT.
  struct sigaction printing_ {};    ///< The handler that faulthandler has installed for that.
  bool handles_int_ = false;        ///< SIGINT had Python's own handler.
  int previous_fd_ = -1;            ///< Python's wake-up descriptor before.
  std::array<bool, kEnding.size()> handled_{};             ///< Which of kEnding are ours.
  std::array<struct sigaction, kEnding.size()> before_{};  ///< Their former handlers.
};

}  // namespace horus::py

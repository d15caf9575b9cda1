// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>
#include <signal.h>

#include <array>

#include <pybind11/pybind11.h>

#include "rt/base/unique_fd.hpp"

namespace horus::py {

/// What wakes the thread that sits in run(): a signal, or anybody's ring().
///
/// Thread safety: ring() from any thread.
class Wakeup {
 public:
  Wakeup();

  void ring() noexcept;
  /// Waits for a ring or a signal, at most `milliseconds` (-1: without end). Without the GIL.
  void wait(int milliseconds) noexcept;
  int fd() const noexcept { return write_.get(); }

 private:
  UniqueFd read_;
  UniqueFd write_;
};

/// While one exists on the main thread, signals ring its Wakeup. SIGTERM, SIGHUP and SIGQUIT are
/// noted where their default was to end the process, SIGINT where Python's own handler would raise
/// KeyboardInterrupt: a tick that hangs may keep Python from hearing it. At SIGQUIT the stacks of
/// all Python threads are printed first. Python's own handlers go on working, and a signal that is
/// ignored (nohup) stays so. On another thread it does nothing. With the GIL; raises what a
/// signal's handler raises while it is installed.
class SignalScope {
 public:
  explicit SignalScope(Wakeup& wakeup);
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

  /// What has come since the last call. SIGTERM on its heels does not hide a SIGQUIT.
  struct Endings {
    bool any = false;
    bool quit = false;
  };
  Endings take_endings() noexcept;
  /// How often SIGINT came, and how often one that take_endings() tells. From any thread, without
  /// the GIL.
  int interrupts() const noexcept;
  int endings() const noexcept;
  /// Has KeyboardInterrupt raised in the main thread, from its system call too, where Python's own
  /// handler does that. From any thread, without the GIL.
  void interrupt_main_thread() const noexcept;
  /// Whether that was done since the last call.
  static bool take_own_interrupt() noexcept;

 private:
  static constexpr std::array kEnding{SIGTERM, SIGHUP, SIGQUIT};

  void print_stacks_at_quit();

  pybind11::object set_wakeup_fd_;  ///< Null on another thread than the main one.
  pybind11::object unregister_;     ///< Of faulthandler, where it prints at SIGQUIT.
  struct sigaction printing_ {};    ///< What it installed for that.
  bool handles_int_ = false;
  int previous_fd_ = -1;
  std::array<bool, kEnding.size()> handled_{};
  std::array<struct sigaction, kEnding.size()> before_{};
};

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>
#include <signal.h>

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

/// While one exists on the main thread, signals ring its Wakeup, and SIGTERM is noted where its
/// default was to end the process. Python's own handlers go on working. On another thread it does
/// nothing. With the GIL; raises what a signal's handler raises while it is installed.
class SignalScope {
 public:
  explicit SignalScope(Wakeup& wakeup);
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

  /// Whether SIGTERM has come since the last call.
  bool terminated() noexcept;

 private:
  pybind11::object set_wakeup_fd_;  ///< Null on another thread than the main one.
  bool handles_term_ = false;
  int previous_fd_ = -1;
  struct sigaction previous_term_ {};
};

}  // namespace horus::py

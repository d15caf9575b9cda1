// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

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
/// nothing. With the GIL.
class SignalScope {
 public:
  explicit SignalScope(Wakeup& wakeup) noexcept;
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

  /// Whether SIGTERM has come since the last call.
  bool terminated() noexcept;

 private:
  bool main_thread_;
  bool handles_term_ = false;
  int previous_fd_ = -1;
  struct sigaction previous_term_ {};
};

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include "rt/base/time.hpp"

namespace horus::py {

/// One thread's kept Python thread state: made once, so that taking the GIL costs tens of
/// nanoseconds instead of a fresh state each time.
///
/// Thread safety: every call from the thread that made it, release() included.
class ThreadState {
 public:
  /// Registers the calling thread, which must not have a thread state yet. Needs no GIL.
  explicit ThreadState(PyInterpreterState* interpreter) noexcept;
  /// Takes the GIL one last time and gives the thread state back.
  ~ThreadState();
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;

  /// The calling thread's, or null.
  static ThreadState* current() noexcept;

  /// Takes the GIL. While it waits, the holder is asked to hand it over at once.
  void take() noexcept;
  void drop() noexcept;
  bool held() const noexcept { return held_; }

 private:
  PyThreadState* state_;
  bool held_ = false;
};

/// Holds the GIL for a scope, whatever thread this is; free where the thread holds it already.
class GilScope {
 public:
  GilScope() noexcept;
  ~GilScope();
  GilScope(const GilScope&) = delete;
  GilScope& operator=(const GilScope&) = delete;

 private:
  enum class Taken : unsigned char { kNothing, kKept, kEnsured };
  Taken taken_ = Taken::kNothing;
  PyGILState_STATE ensured_ = PyGILState_UNLOCKED;
};

/// Whether this interpreter lets a waiter shorten the switch interval for its own wait. Where it
/// does not, a wait beside a busy thread lasts up to sys.getswitchinterval().
bool can_shorten_gil_wait() noexcept;

}  // namespace horus::py

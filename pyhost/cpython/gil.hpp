// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include "rt/base/time.hpp"

namespace horus::py {

/// One thread's kept Python thread state: made once, so that taking the GIL costs tens of
/// nanoseconds instead of a fresh state each time.
///
/// Thread safety: every call from the thread that made it, but traced().
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

  void take() noexcept;
  void drop() noexcept;
  bool held() const noexcept { return held_; }
  /// From any thread, without the GIL: whether a debugger may hold the thread.
  bool traced() const noexcept;
  /// The PyThreadState, to compare with.
  const void* id() const noexcept { return state_; }

 private:
  PyThreadState* state_;
  bool held_ = false;
};

/// Whether a debugger may hold some thread of this interpreter. With the GIL.
bool any_thread_traced() noexcept;

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

/// Takes the GIL back that the thread gave away. Once the interpreter ends a thread stays in here
/// for ever: CPython would end it by unwinding, which nothing that is noexcept can bear.
void take_gil_back(PyThreadState* state) noexcept;

/// With the GIL, by the thread that ends the interpreter: which one that is, and, as the last: from
/// now on other threads stay away.
void begin_the_end() noexcept;
void keep_gil_to_the_end() noexcept;
/// With the GIL, once the end has begun: does not return but to the thread that ends it. So CPython
/// does with daemon threads.
void stay_away_at_the_end() noexcept;

/// In a child of fork(): its interpreter goes on.
void share_gil_after_fork() noexcept;

/// Gives the GIL away for a scope.
class GilRelease {
 public:
  GilRelease() noexcept : state_{PyEval_SaveThread()} {}
  ~GilRelease() { take_gil_back(state_); }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* state_;
};

/// From now on work of shm's that takes long runs without the GIL.
void give_gil_away_in_slow_sections() noexcept;

/// One switch interval for as long as something runs, where the GIL cannot be asked for
/// (GilArbiter): CPython's 5 ms would be the lateness of each tick beside one busy thread. The
/// user's interval is back when the last run has ended, unless he has set another meanwhile.
///
/// Thread safety: with the GIL.
class ConstantInterval {
 public:
  /// For ticks of which the shortest budget is this; of several runs the shortest counts.
  explicit ConstantInterval(Nanos shortest_budget) noexcept;
  ~ConstantInterval();
  ConstantInterval(const ConstantInterval&) = delete;
  ConstantInterval& operator=(const ConstantInterval&) = delete;
};

}  // namespace horus::py

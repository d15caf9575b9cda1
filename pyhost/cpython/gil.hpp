// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <horus/time.hpp>

namespace horus::py {

/// The Python thread state of one executor thread (PY-1). It is made once and kept, so that taking
/// a free GIL costs tens of nanoseconds and thread locals live as long as the thread.
///
/// Thread safety: only the thread that made it calls its functions, except traced().
class ThreadState {
 public:
  /// Registers the calling thread, which must not have a thread state yet. Needs no GIL.
  explicit ThreadState(PyInterpreterState* interpreter) noexcept;
  /// Takes the GIL one last time and deletes the thread state. That drops the GIL as well.
  ~ThreadState();
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;

  /// The calling thread's ThreadState, or null where it has none.
  static ThreadState* current() noexcept;

  /// Waits for the GIL, for as long as it takes. The thread must not hold it.
  void take() noexcept;
  /// Drops the GIL, which the thread must hold.
  void drop() noexcept;
  bool held() const noexcept { return held_; }
  /// Whether a debugger may hold this thread: a trace function is set, or a debugger uses
  /// sys.monitoring. From any thread, without the GIL.
  bool traced() const noexcept;
  /// The address of the PyThreadState. For comparison only.
  const void* id() const noexcept { return state_; }

 private:
  PyThreadState* state_;
  bool held_ = false;
};

/// Whether a debugger may hold any thread of this interpreter, see ThreadState::traced(). With the
/// GIL.
bool any_thread_traced() noexcept;

/// Holds the GIL for a scope. Works on executor threads and on any other thread; does nothing
/// where the thread holds the GIL already.
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

/// Takes the GIL back after PyEval_SaveThread(). Once the interpreter ends, other threads than the
/// one that ends it sleep in here for ever. CPython would end them with pthread_exit(), whose
/// unwinding terminates the process at the first noexcept function.
void take_gil_back(PyThreadState* state) noexcept;

/// First step of the interpreter's end: records the calling thread as the one that ends it. With
/// the GIL.
void begin_the_end() noexcept;
/// Last step: from now on no other thread gets the GIL through take_gil_back(). Threads that are
/// already waiting there get it first. With the GIL, by the thread of begin_the_end().
void keep_gil_to_the_end() noexcept;
/// Call with the GIL, once the end has begun. Returns only in the thread of begin_the_end(). Any
/// other thread gives the GIL away and sleeps for ever, as CPython's daemon threads never run
/// again.
void stay_away_at_the_end() noexcept;

/// In a child of fork(): forgets the three calls above, since the child's interpreter goes on even
/// if the parent's was about to end.
void share_gil_after_fork() noexcept;

/// Gives the GIL away for a scope. The thread must hold it.
class GilRelease {
 public:
  GilRelease() noexcept : state_{PyEval_SaveThread()} {}
  ~GilRelease() { take_gil_back(state_); }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* state_;
};

/// Lets the slow calls of shm (shm::SlowSection) drop the GIL while they work, where the calling
/// thread holds it. Call once, at import.
void give_gil_away_in_slow_sections() noexcept;

/// The fallback where GilArbiter does not know the interpreter: one short switch interval for as
/// long as a run lasts. With CPython's 5 ms each tick beside one busy thread would be 5 ms late.
/// The user's interval is restored when the last run has ended, unless the user has set another
/// one meanwhile.
///
/// Thread safety: with the GIL.
class ConstantInterval {
 public:
  /// `shortest_budget`: the shortest budget of the run's nodes; constant_interval_us() makes the
  /// interval of it. Of several runs at a time the shortest interval counts.
  explicit ConstantInterval(Nanos shortest_budget) noexcept;
  ~ConstantInterval();
  ConstantInterval(const ConstantInterval&) = delete;
  ConstantInterval& operator=(const ConstantInterval&) = delete;
};

}  // namespace horus::py

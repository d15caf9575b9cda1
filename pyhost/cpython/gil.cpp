// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/gil.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>

#include <pybind11/pybind11.h>

#include "pyhost/cpython/gil_policy.hpp"
#include "pyhost/cpython/interpreter_gil.h"
#include "shm/slow_section.hpp"

namespace horus::py {
namespace {

/// The state of ConstantInterval. With the GIL.
struct Held {
  int runs = 0;             ///< How many runs need the interval.
  unsigned long users = 0;  ///< The user's interval, us.
  unsigned long ours = 0;   ///< The interval that we have set, us; 0: none.
};
Held held;

unsigned long switch_interval_us() {
  const auto seconds = pybind11::module_::import("sys").attr("getswitchinterval")();
  return static_cast<unsigned long>(std::llround(seconds.cast<double>() * 1e6));
}

void set_switch_interval_us(unsigned long us) {
  // Half a microsecond more: CPython truncates to whole microseconds, and the product may lie just
  // below one.
  const double seconds = (static_cast<double>(us) + 0.5) * 1e-6;
  pybind11::module_::import("sys").attr("setswitchinterval")(seconds);
}

thread_local ThreadState* current_thread = nullptr;

/// The thread that ends the interpreter; 0: it does not end.
std::atomic<pid_t> ending_thread{0};
std::atomic<bool> kept_to_the_end{false};
/// How many threads are inside take_gil_back().
std::atomic<int> takers{0};

/// Whether a trace function is set or a debugger uses sys.monitoring.
bool is_traced(const PyThreadState* thread) noexcept {
  // Atomic, since another thread may set the pointer at this moment; the old and the new value
  // are both right. relaxed: the pointer is only compared with null.
  return __atomic_load_n(&thread->c_tracefunc, __ATOMIC_RELAXED) != nullptr ||
         horus_monitored_by_debugger(thread);
}

}  // namespace

ThreadState::ThreadState(PyInterpreterState* interpreter) noexcept
    : state_{PyThreadState_New(interpreter)} {
  current_thread = this;
}

ThreadState::~ThreadState() {
  if (!held_) take();
  current_thread = nullptr;
  PyThreadState_Clear(state_);
  PyThreadState_DeleteCurrent();
}

bool ThreadState::traced() const noexcept {
  return is_traced(state_);
}

bool any_thread_traced() noexcept {
  PyThreadState* const first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
  for (PyThreadState* thread = first; thread != nullptr; thread = PyThreadState_Next(thread)) {
    if (is_traced(thread)) return true;
  }
  return false;
}

ThreadState* ThreadState::current() noexcept {
  return current_thread;
}

void ThreadState::take() noexcept {
  PyEval_RestoreThread(state_);
  held_ = true;
}

void ThreadState::drop() noexcept {
  held_ = false;
  PyEval_SaveThread();
}

GilScope::GilScope() noexcept {
  if (ThreadState* const thread = ThreadState::current(); thread != nullptr) {
    if (thread->held()) return;
    thread->take();
    taken_ = Taken::kKept;
    return;
  }
  if (PyGILState_Check() != 0) return;
  ensured_ = PyGILState_Ensure();
  taken_ = Taken::kEnsured;
}

GilScope::~GilScope() {
  if (taken_ == Taken::kKept) ThreadState::current()->drop();
  if (taken_ == Taken::kEnsured) PyGILState_Release(ensured_);
}

void take_gil_back(PyThreadState* state) noexcept {
  // seq_cst: either this thread sees kept_to_the_end, or the ending thread sees `takers` and lets
  // this thread have the GIL first.
  takers.fetch_add(1);
  if (kept_to_the_end.load() && ending_thread.load() != ::gettid()) {
    takers.fetch_sub(1);
    for (;;) ::pause();
  }
  PyEval_RestoreThread(state);
  takers.fetch_sub(1);
}

void begin_the_end() noexcept {
  ending_thread.store(::gettid());
}

void stay_away_at_the_end() noexcept {
  if (ending_thread.load() == ::gettid()) return;
  PyEval_SaveThread();
  for (;;) ::pause();
}

void keep_gil_to_the_end() noexcept {
  kept_to_the_end.store(true);
  // A thread that is already past the check in take_gil_back() waits for the GIL inside CPython.
  // Let it have the GIL now: after finalization has begun it could not leave that wait safely.
  while (takers.load() != 0) {
    PyThreadState* const state = PyEval_SaveThread();
    ::sched_yield();
    PyEval_RestoreThread(state);
  }
}

void share_gil_after_fork() noexcept {
  ending_thread.store(0);
  kept_to_the_end.store(false);
  takers.store(0);
}

void give_gil_away_in_slow_sections() noexcept {
  shm::SlowSection::install({.enter = []() noexcept -> void* {
                               return PyGILState_Check() != 0 ? PyEval_SaveThread() : nullptr;
                             },
                             .leave =
                                 [](void* entered) noexcept {
                                   if (entered != nullptr)
                                     take_gil_back(static_cast<PyThreadState*>(entered));
                                 }});
}

ConstantInterval::ConstantInterval(Nanos shortest_budget) noexcept {
  ++held.runs;
  try {
    const unsigned long set = switch_interval_us();
    if (set != held.ours) held.users = set;
    const unsigned long wanted = constant_interval_us(shortest_budget, held.users);
    const bool shorter = held.ours == 0 || wanted < held.ours;
    if (wanted >= held.users || !shorter) return;
    set_switch_interval_us(wanted);
    held.ours = wanted;
  } catch (const std::exception&) {
    // The user has replaced the functions of sys: leave the interval to the user.
  }
}

ConstantInterval::~ConstantInterval() {
  if (--held.runs > 0 || held.ours == 0) return;
  try {
    if (switch_interval_us() == held.ours) set_switch_interval_us(held.users);
  } catch (const std::exception&) {
    // As above.
  }
  held.ours = 0;
}

}  // namespace horus::py

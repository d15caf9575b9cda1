// SPDX-License-Identifier: Apache-2.0
#include "pyhost/gil.hpp"

#include <algorithm>
#include <cmath>

#include <pybind11/pybind11.h>

#include "pyhost/gil_policy.hpp"
#include "shm/slow_section.hpp"

namespace horus::py {
namespace {

/// What ConstantInterval has set, in us, and for how many runs. With the GIL.
struct Held {
  int runs = 0;
  unsigned long users = 0;
  unsigned long ours = 0;
};
Held held;

unsigned long switch_interval_us() {
  const auto seconds = pybind11::module_::import("sys").attr("getswitchinterval")();
  return static_cast<unsigned long>(std::llround(seconds.cast<double>() * 1e6));
}

void set_switch_interval_us(unsigned long us) {
  // Half more, since CPython cuts off what is below a microsecond.
  const double seconds = (static_cast<double>(us) + 0.5) * 1e-6;
  pybind11::module_::import("sys").attr("setswitchinterval")(seconds);
}

thread_local ThreadState* current_thread = nullptr;

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

void give_gil_away_in_slow_sections() noexcept {
  shm::SlowSection::install({.enter = []() noexcept -> void* {
                               return PyGILState_Check() != 0 ? PyEval_SaveThread() : nullptr;
                             },
                             .leave =
                                 [](void* entered) noexcept {
                                   if (entered != nullptr)
                                     PyEval_RestoreThread(static_cast<PyThreadState*>(entered));
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
  } catch (const pybind11::error_already_set&) {
    // The user has replaced the functions of sys: the interval is his alone.
  }
}

ConstantInterval::~ConstantInterval() {
  if (--held.runs > 0 || held.ours == 0) return;
  try {
    if (switch_interval_us() == held.ours) set_switch_interval_us(held.users);
  } catch (const pybind11::error_already_set&) {
    // As above.
  }
  held.ours = 0;
}

}  // namespace horus::py

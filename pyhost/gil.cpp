// SPDX-License-Identifier: Apache-2.0
#include "pyhost/gil.hpp"

#include <dlfcn.h>

#include <atomic>

namespace horus::py {
namespace {

// Private functions of CPython, looked up so that one without them still runs.
using SetInterval = void (*)(unsigned long microseconds);
using GetInterval = unsigned long (*)();

/// The GIL's switch interval, shortened while somebody here waits.
///
/// Thread safety: shorten() without the GIL, restore() with it. A value that the user sets
/// meanwhile is kept. A waiter that arrives in the middle of restore() may wait the user's
/// interval once; (1) makes that window a few instructions.
class SwitchInterval {
 public:
  static constexpr unsigned long kShort = 1;  // us

  bool available() const noexcept { return set_ != nullptr && get_ != nullptr; }

  void shorten() noexcept {
    if (!available()) return;
    // seq_cst: restore() must see either this waiter, or leave before its kShort is set (1).
    waiters_.fetch_add(1, std::memory_order_seq_cst);
    const unsigned long before = get_();
    if (before == kShort) return;
    // relaxed: read with the GIL, which orders it.
    users_.store(before, std::memory_order_relaxed);
    set_(kShort);
  }

  void restore() noexcept {
    if (!available()) return;
    // seq_cst: see shorten().
    if (waiters_.fetch_sub(1, std::memory_order_seq_cst) != 1) return;
    if (get_() != kShort) return;
    set_(users_.load(std::memory_order_relaxed));  // relaxed: see shorten().
    // (1) seq_cst: whoever came while the line above ran is counted by now.
    if (waiters_.load(std::memory_order_seq_cst) != 0) set_(kShort);
  }

 private:
  SetInterval set_ =
      reinterpret_cast<SetInterval>(::dlsym(RTLD_DEFAULT, "_PyEval_SetSwitchInterval"));
  GetInterval get_ =
      reinterpret_cast<GetInterval>(::dlsym(RTLD_DEFAULT, "_PyEval_GetSwitchInterval"));
  std::atomic<int> waiters_{0};
  std::atomic<unsigned long> users_{5000};
};

SwitchInterval& switch_interval() noexcept {
  static SwitchInterval interval;
  return interval;
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
  SwitchInterval& interval = switch_interval();
  interval.shorten();
  PyEval_RestoreThread(state_);
  interval.restore();
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

bool can_shorten_gil_wait() noexcept {
  return switch_interval().available();
}

}  // namespace horus::py

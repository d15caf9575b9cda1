// SPDX-License-Identifier: Apache-2.0
// Waiting for a port's messages, by a thread or by a file descriptor.
#include <time.h>

#include <algorithm>
#include <utility>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/topic/port.hpp"

namespace horus::py {
namespace {

constexpr Nanos kLookWhenWaiting = 5ms;  ///< How often to look for a topic that does not exist yet.
constexpr Nanos kSignalsEvery = 50ms;    ///< How long wait() may leave a Ctrl-C unnoticed.

void pause_until(TimePoint until) noexcept {
  const std::int64_t ns = to_ns(until);
  const timespec at{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

/// Raises the exception that another thread has sent to this one by PyThreadState_SetAsyncExc().
/// CPython itself would raise it only at the next line of Python code.
bool raise_what_was_sent() noexcept {
  PyThreadState* const thread = PyThreadState_Get();
  PyObject* const sent = std::exchange(thread->async_exc, nullptr);
  if (sent == nullptr) return false;
  PyErr_SetNone(sent);
  Py_DECREF(sent);
  return true;
}

}  // namespace

template <typename Wait>
bool Port::wait_by(Wait wait, TimePoint until, bool tell_refusal) noexcept {
  // acquire: this thread sees what the caller of interrupt() did before it.
  while (!interrupted_.exchange(false, std::memory_order_acquire)) {
    if (!subscribes_ && !open_subscriber() && tell_refusal) return true;
    if (subscribes_ && type_.carries == Carries::kPayloads) return wait(payload_subscriber_);
    if (subscribes_) return wait(subscriber_);
    const TimePoint now = MonotonicClock::now();
    if (now >= until) return false;
    pause_until(std::min(until, now + kLookWhenWaiting));
  }
  return false;
}

bool Port::wait_until(TimePoint until) noexcept {
  return wait_by([until](auto& topic) noexcept { return topic.wait_until(until); }, until, true);
}

bool Port::wait_for_new(TimePoint until) noexcept {
  const bool there = wait_by([until](auto& topic) noexcept { return topic.wait_for_new(until); },
                             until, !refusal_told_);
  // Let one tick's recv() raise the error of opening. Further ticks would only raise the same, as
  // fast as they can run.
  refusal_told_ = !subscribes_ && (refusal_told_ || there);
  return there;
}

void Port::interrupt() noexcept {
  // acquire: pairs with open_subscriber(), which sets the subscriber and type_ first.
  const bool open = subscribes_.load(std::memory_order_acquire);
  if (open && type_.carries == Carries::kPayloads) return payload_subscriber_.interrupt();
  if (open) return subscriber_.interrupt();
  interrupted_.store(true, std::memory_order_release);  // release: see wait_by().
}

void Port::watch_again() noexcept {
  if (bridge_ != nullptr) bridge_->arm();
}

// Waits for one slice of 50 ms at most, so that wait() handles signals in between.
bool Port::wait_once(TimePoint until) {
  waiting_ = true;
  note_fast_path();
  Py_BEGIN_ALLOW_THREADS;
  if (subscribes_) {
    static_cast<void>(wait_until(std::min(until, MonotonicClock::now() + kSignalsEvery)));
  } else {
    pause_until(std::min(until, MonotonicClock::now() + kLookWhenWaiting));
  }
  Py_END_ALLOW_THREADS;
  waiting_ = false;
  note_fast_path();
  return PyErr_CheckSignals() == 0 && !raise_what_was_sent();
}

int Port::wait(double seconds) {
  constexpr double kForever = 1e9;
  const double bounded = seconds < 0 || seconds > kForever ? kForever : seconds;
  const TimePoint until = MonotonicClock::now() + Nanos{static_cast<std::int64_t>(bounded * 1e9)};
  if (!own_subscriber()) return -1;
  for (;;) {
    if (ready_to_receive() < 0) return -1;
    const bool there = has_message();
    if (there || MonotonicClock::now() >= until) {
      watch_again();
      return there ? 1 : 0;
    }
    if (!wait_once(until)) return -1;
  }
}

int Port::fileno() noexcept {
  if (bridge_ != nullptr) return bridge_->fd();
  if (!own_subscriber()) return -1;
  begin();
  auto started = WakeBridge::start(*this);
  if (!started) {
    set_error(started.error());
    return -1;
  }
  bridge_ = std::move(started).value();
  note_fast_path();
  watch_again();
  return bridge_->fd();
}

// The subscriber serves one thread at a time: not while another thread is in wait(), and the
// bridge's thread has to give it back first.
bool Port::own_subscriber() noexcept {
  if (waiting_) {
    PyErr_Format(PyExc_RuntimeError, "another thread waits for topic '%s'; receive in that one",
                 topic_.c_str());
    return false;
  }
  if (bridge_ != nullptr) bridge_->disarm();
  return true;
}

}  // namespace horus::py

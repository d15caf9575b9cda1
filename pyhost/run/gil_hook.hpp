// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

#include "pyhost/cpython/gil.hpp"
#include "rt/node.hpp"
#include "rt/node_runner.hpp"
#include "rt/scheduler.hpp"

namespace horus::py {

class AsyncCall;
class AsyncLoop;

/// How early a thread goes for the GIL, so that it has it at the release: nothing while it comes
/// at once, else what nearly all recent waits took.
///
/// Thread safety: one thread.
class GilLead {
 public:
  /// More than this is contention; less is the price of taking a free lock.
  static constexpr Nanos kNoticeable = 5us;
  /// Whoever holds the GIL at a release keeps every other thread from running.
  static constexpr Nanos kLongest = 300us;

  void observe(Nanos wait, TimePoint now) noexcept;
  Nanos lead(TimePoint now) const noexcept;

 private:
  static constexpr std::size_t kRecent = 64;
  static constexpr Nanos kForgetAfter = 1s;
  std::array<Nanos, kRecent> waits_{};
  std::size_t count_ = 0;
  TimePoint last_contended_{};
  Nanos lead_{};
};

/// What happens around the ticks of one executor thread: the GIL is taken once for a batch, the
/// doorbells ring after it, and the garbage collector uses the slack.
class GilHook final : public GroupHook {
 public:
  /// `loop`: of the run, or null.
  GilHook(PyInterpreterState* interpreter, const ThreadRole& role, AsyncLoop* loop) noexcept;
  ~GilHook() override;

  void thread_started() noexcept override;
  void thread_stopping() noexcept override;
  Nanos lead(TimePoint release) noexcept override;
  Nanos enter(TimePoint release) noexcept override;
  TickLoss ticked() noexcept override;
  bool holder_was_off_cpu() noexcept override;
  Holder holder() noexcept override;
  bool debugged() noexcept override;
  bool awaits() noexcept override;
  void leave(TimePoint next) noexcept override;

 private:
  struct OnThread;  // What lives as long as the thread.

  /// Logs it, and finds out why it was long.
  void tell_long_wait(Nanos wait) noexcept;

  PyInterpreterState* interpreter_;
  const ThreadRole role_;
  const AsyncLoop* const loop_;
  const AsyncCall* const call_;  ///< Of an async node; else null.
  std::unique_ptr<OnThread> thread_;
  std::mutex watched_;  ///< not RT: debugged(), against the thread's start and end.
  GilLead lead_;
  LogLimit long_waits_;
  bool off_cpu_ = false;  ///< See holder_was_off_cpu().
  bool ticks_ = false;    ///< Between enter() and leave(): a batch of ticks.
};

/// How large the stack of an executor's thread is: as the user's own threads have it, and not too
/// small, for Python code recurses.
std::size_t executor_stack() noexcept;

/// Thread safety: make() from any thread.
class GilHooks final : public HookFactory {
 public:
  explicit GilHooks(PyInterpreterState* interpreter) noexcept : interpreter_{interpreter} {}
  /// Before the first make().
  void set_loop(AsyncLoop* loop) noexcept { loop_ = loop; }
  std::unique_ptr<GroupHook> make(const ThreadRole& role) override;

 private:
  PyInterpreterState* interpreter_;
  AsyncLoop* loop_ = nullptr;
};

}  // namespace horus::py

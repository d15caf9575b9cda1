// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

#include <horus/node.hpp>
#include <horus/scheduler.hpp>

#include "pyhost/cpython/gil.hpp"
#include "rt/group_hook.hpp"
#include "rt/node_runner.hpp"

namespace horus::py {

class AsyncCall;
class AsyncLoop;
struct GilSeat;

/// How long before a release a thread begins to take the GIL, so that it has it at the release.
/// Zero where the GIL has come at once for a second; otherwise about the 98th percentile of the
/// last 64 waits.
///
/// Thread safety: one thread.
class GilLead {
 public:
  /// A longer wait means contention; a shorter one is the price of taking a free lock.
  static constexpr Nanos kNoticeable = 5us;
  /// The longest lead: a thread that has the GIL early keeps all other threads from running.
  static constexpr Nanos kLongest = 300us;

  /// A wait for the GIL has ended at `now`. RT-safe.
  void observe(Nanos wait, TimePoint now) noexcept;
  /// RT-safe.
  Nanos lead(TimePoint now) const noexcept;

 private:
  static constexpr std::size_t kRecent = 64;
  static constexpr Nanos kForgetAfter = 1s;
  std::array<Nanos, kRecent> waits_{};
  std::size_t count_ = 0;
  TimePoint last_contended_{};
  Nanos lead_{};
};

/// The hook around the ticks of one executor thread: takes the GIL once for each batch of ticks,
/// rings the subscribers' doorbells after the batch, and lets the garbage collector use the slack.
///
/// Thread safety: as GroupHook. holder(), debugged() and awaits() from any thread, the others from
/// the executor's.
class GilHook final : public GroupHook {
 public:
  /// `loop`: the run's asyncio loop, or null. With the GIL.
  GilHook(PyInterpreterState* interpreter, const ThreadRole& role, AsyncLoop* loop) noexcept;
  ~GilHook() override;

  void thread_started() noexcept override;
  void thread_stopping() noexcept override;
  Nanos lead(TimePoint release) noexcept override;
  Nanos enter(TimePoint release) noexcept override;
  bool ticked() noexcept override;
  TickLoss loss() noexcept override;
  bool holder_was_off_cpu() noexcept override;
  Holder holder() noexcept override;
  bool debugged() noexcept override;
  bool awaits() noexcept override;
  void leave(TimePoint next) noexcept override;

 private:
  struct OnThread;  // The part that lives as long as the thread.

  /// Logs a long wait: who had the GIL, and what that thread did.
  void tell_long_wait(Nanos wait) noexcept;

  PyInterpreterState* interpreter_;
  const ThreadRole role_;
  const AsyncLoop* const loop_;
  const AsyncCall* const call_;  ///< The call of an async node; else null.
  std::unique_ptr<OnThread> thread_;
  GilSeat* seat_ = nullptr;  ///< That of `thread_`, for ticked(); null: it has none.
  /// not RT: guards `thread_` for debugged(), which the watchdog calls. Not taken in ticks.
  std::mutex watched_;
  GilLead lead_;
  LogLimit long_waits_;
  bool off_cpu_ = false;  ///< See holder_was_off_cpu().
  bool ticks_ = false;    ///< The batch has ticks; false around init() and shutdown().
};

/// The stack size of an executor thread, bytes: the process's limit (RLIMIT_STACK), as for the
/// user's own threads; 8 MiB where that is unlimited, at least 2 MiB, since Python code recurses.
std::size_t executor_stack() noexcept;

/// Makes the GilHook of each executor thread.
///
/// Thread safety: make() from any thread.
class GilHooks final : public HookFactory {
 public:
  explicit GilHooks(PyInterpreterState* interpreter) noexcept : interpreter_{interpreter} {}
  /// The asyncio loop of the run, or null. Call before the first make().
  void set_loop(AsyncLoop* loop) noexcept { loop_ = loop; }
  std::unique_ptr<GroupHook> make(const ThreadRole& role) override;

 private:
  PyInterpreterState* interpreter_;
  AsyncLoop* loop_ = nullptr;
};

}  // namespace horus::py

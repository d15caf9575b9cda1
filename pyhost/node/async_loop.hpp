// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <pybind11/pybind11.h>

#include "pyhost/node/py_node.hpp"
#include "pyhost/node/running_tick.hpp"
#include "rt/base/acting.hpp"
#include "rt/log_queue.hpp"
#include "rt/node.hpp"

namespace horus::py {

class AsyncLoop;

/// What one node has on the asyncio thread: the callback that its executor waits for, and what its
/// tasks run meanwhile.
///
/// Thread safety: with the GIL; what is atomic from any thread.
class AsyncCall {
 public:
  AsyncCall(PyNode& node, AsyncLoop& loop) noexcept : node_{node}, loop_{loop} {}

  /// On the executor's thread: has the loop run `callback` and waits for its end without the GIL.
  /// A new reference, or null with the exception set that ended it.
  PyObject* run(Callback callback, const Tick& tick, TimePoint epoch) noexcept;
  /// Of the latest run(): how long no code of the node ran.
  Nanos awaited() const noexcept { return awaited_; }
  /// Whether the exception that is set only says that the run's stop cancelled it; takes it then.
  bool was_cancelled() noexcept;
  /// Cancels what runs, once more if need be.
  void cancel() noexcept;

  /// From any thread: the run stops. True when somebody has to call cancel_if_asked() for that.
  bool ask_to_cancel() noexcept;
  void cancel_if_asked() noexcept;

  /// On the loop's thread: calls the user's function, which may give a coroutine. As
  /// PyObject_Call.
  PyObject* begin() noexcept;
  /// The callback has ended, with `error` unless that is None.
  void end(PyObject* error) noexcept;

  /// While one exists the loop's thread runs code of the node.
  class Step {
   public:
    explicit Step(AsyncCall* call) noexcept;
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    AsyncCall* const call_;
    const RunningTick outer_;
    std::optional<LogNaming> named_;
    std::optional<ActingScope> acts_;
    TimePoint since_{};
    bool counts_ = false;  ///< A part of the callback that is waited for.
    std::int32_t outer_thread_ = 0;
  };

  PyNode& node() const noexcept { return node_; }
  std::uint64_t number() const noexcept { return number_; }
  Callback callback() const noexcept { return callback_.load(std::memory_order_relaxed); }
  bool pending() const noexcept { return pending_.load(std::memory_order_acquire) != 0; }
  /// From any thread: none of its code runs, because its callback waits for something or the loop
  /// runs another node's.
  bool awaits() const noexcept;
  bool runs() const noexcept { return steps_.load(std::memory_order_relaxed); }

 private:
  /// A shutdown() is what the stop waits for.
  bool may_be_cancelled() const noexcept { return pending() && callback() != Callback::kShutdown; }

  friend class AsyncLoop;

  PyNode& node_;
  AsyncLoop& loop_;
  std::atomic<Callback> callback_{Callback::kTick};  // relaxed: who stops a run looks at it.
  std::uint64_t number_ = 0;
  Tick tick_{};  ///< A copy: a task may look at it when the tick is over.
  TimePoint epoch_{};
  TimePoint begun_at_{};
  Nanos ran_{};
  Nanos awaited_{};
  PyObject* error_ = nullptr;
  bool cancelled_ = false;
  bool submitted_ = false;  ///< The loop knows the callback, by its number.
  LogSource source_{};
  // relaxed, but for the first: the watchdog looks at flags on their own.
  std::atomic<std::uint32_t> pending_{0};
  std::atomic<bool> begun_{false};
  std::atomic<bool> steps_{false};
  std::atomic<bool> asked_{false};
};

/// The asyncio loop of one run, on a thread of its own, with the async functions of all its nodes.
///
/// Thread safety: with the GIL, but for holder() and what it says.
class AsyncLoop {
 public:
  /// `stop_timeout`: how long close() waits for tasks; 0: for ever. Throws.
  explicit AsyncLoop(Nanos stop_timeout);
  ~AsyncLoop();
  AsyncLoop(const AsyncLoop&) = delete;
  AsyncLoop& operator=(const AsyncLoop&) = delete;

  /// Lives as long as the loop.
  AsyncCall& add(PyNode& node);
  AsyncCall* find(std::string_view node) noexcept;
  /// False with an exception set.
  bool submit(AsyncCall& call) noexcept;
  void cancel(const AsyncCall& call) noexcept;
  void cancel_asked() noexcept;

  /// Cancels the tasks that are left, waits for the thread without the GIL, and gives `loop` up: to
  /// nobody, where the thread does not end.
  static void close(std::unique_ptr<AsyncLoop> loop) noexcept;

  /// Whether this is the loop's thread.
  bool is_here() const noexcept { return ::gettid() == thread_; }

  /// The executor's thread of the node whose code runs on the loop; 0: none.
  Holder holder() const noexcept;
  /// Whether its thread has a trace function (a debugger's).
  bool traced() const noexcept;
  /// `thread`, or the executor's whose node's code runs on it.
  std::int32_t stand_in_for(std::int32_t thread) const noexcept;

 private:
  friend class AsyncCall::Step;

  pybind11::object loop_;
  std::int32_t thread_ = 0;
  std::uint64_t calls_made_ = 0;
  std::vector<std::unique_ptr<AsyncCall>> calls_;
  // relaxed: numbers on their own.
  std::atomic<std::int32_t> running_{0};
  std::atomic<std::uint64_t> turn_{0};
  std::atomic<PyThreadState*> state_{nullptr};  ///< Of its thread, once code of a node has run.
};

/// Whether it is asyncio's CancelledError, which ends a callback and not the run.
bool is_cancellation(PyObject* exception) noexcept;

/// Adds what horus/_loop.py calls.
void bind_async(pybind11::module_& module);
/// Adds the coroutine that measures another one's steps (async_steps.cpp).
void bind_async_steps(pybind11::module_& module);

}  // namespace horus::py

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

#include <horus/node.hpp>

#include "pyhost/node/py_node.hpp"
#include "pyhost/node/running_tick.hpp"
#include "rt/base/acting.hpp"
#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"

namespace horus::py {

class AsyncLoop;

/// The link between one node's executor and the asyncio thread. The executor hands it a callback
/// and waits; the loop runs the callback, and the node's tasks. At most one callback runs at a
/// time.
///
/// Thread safety: with the GIL. ask_to_cancel(), callback(), pending(), awaits() and runs() from
/// any thread without it.
class AsyncCall {
 public:
  AsyncCall(PyNode& node, AsyncLoop& loop) noexcept : node_{node}, loop_{loop} {}

  /// On the executor's thread: makes the loop run `callback`, and waits for its end without the
  /// GIL. None, a new reference; or null with the exception set that ended the callback.
  PyObject* run(Callback callback, const Tick& tick, TimePoint epoch) noexcept;
  /// How long no code of the node ran during the latest run(): the time that it awaited.
  Nanos awaited() const noexcept { return awaited_; }
  /// Whether the exception that is set only means that cancel() has ended the callback. If so,
  /// clears it.
  bool was_cancelled() noexcept;
  /// Cancels the callback that runs. May be called again, where a first cancellation was ignored.
  void cancel() noexcept;

  /// The run stops. True when a thread with the GIL has to call cancel_if_asked() to cancel the
  /// callback. False where none is pending, where it is a shutdown(), or where this was asked
  /// before.
  bool ask_to_cancel() noexcept;
  /// Cancels the callback if ask_to_cancel() was called for it and the loop knows it already.
  void cancel_if_asked() noexcept;

  /// On the loop's thread: calls the user's function, which may return a coroutine. A new
  /// reference, or null with an exception set.
  PyObject* begin() noexcept;
  /// On the loop's thread: the callback has ended. `error`: the exception, or None.
  void end(PyObject* error) noexcept;

  /// Marks that the loop's thread runs code of the node, while it exists. Sets what horus.tick()
  /// and its like answer, measures the time, and names the node in the log. A null call: does
  /// nothing.
  class Step {
   public:
    explicit Step(AsyncCall* call) noexcept;
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    AsyncCall* const call_;
    const RunningTick outer_;         ///< Restored at the end: steps may be nested.
    std::optional<LogNaming> named_;  ///< Log lines name the node.
    std::optional<ActingScope> acts_;
    TimePoint since_{};
    bool counts_ = false;  ///< The executor waits for a callback, whose run time this counts as.
    std::int32_t outer_thread_ = 0;  ///< AsyncLoop::running_ before.
  };

  PyNode& node() const noexcept { return node_; }
  /// Names the callback to the loop; another one for each.
  std::uint64_t number() const noexcept { return number_; }
  /// The callback that runs, or ran last.
  Callback callback() const noexcept { return callback_.load(std::memory_order_relaxed); }
  /// Whether the executor waits for a callback.
  bool pending() const noexcept { return pending_.load(std::memory_order_acquire) != 0; }
  /// Whether the callback is pending and none of the node's code runs: the callback waits for
  /// something, or the loop runs another node's code.
  bool awaits() const noexcept;
  /// Whether the loop's thread runs code of this node.
  bool runs() const noexcept { return steps_.load(std::memory_order_relaxed); }

 private:
  /// A shutdown() is not cancelled: the stop waits for it.
  bool may_be_cancelled() const noexcept { return pending() && callback() != Callback::kShutdown; }

  friend class AsyncLoop;

  PyNode& node_;
  AsyncLoop& loop_;
  std::atomic<Callback> callback_{Callback::kTick};  // relaxed: a value on its own.
  std::uint64_t number_ = 0;
  Tick tick_{};  ///< A copy, as a task may read it after the tick is over.
  TimePoint epoch_{};
  TimePoint begun_at_{};       ///< When the latest run() began.
  Nanos ran_{};                ///< How long the node's code has run since.
  Nanos awaited_{};            ///< See awaited().
  PyObject* error_ = nullptr;  ///< What end() was given; strong, or null.
  bool cancelled_ = false;     ///< cancel() was called for this callback.
  bool submitted_ = false;     ///< The loop knows the callback by its number.
  LogSource source_{};
  // pending_ publishes what the callback has done. The flags after it are relaxed: each is read on
  // its own.
  std::atomic<std::uint32_t> pending_{0};
  std::atomic<bool> begun_{false};  ///< The callback's first step has begun.
  std::atomic<bool> steps_{false};  ///< See runs().
  std::atomic<bool> asked_{false};  ///< See ask_to_cancel().
};

/// The asyncio loop of one run, on a thread of its own. It runs the async functions of all nodes.
/// The loop itself is Python, in horus/_loop.py.
///
/// Thread safety: with the GIL; is_here(), holder(), traced() and stand_in_for() without it.
class AsyncLoop {
 public:
  /// Starts the thread. `stop_timeout`: how long close() waits for tasks; 0: for ever. Throws.
  explicit AsyncLoop(Nanos stop_timeout);
  ~AsyncLoop();
  AsyncLoop(const AsyncLoop&) = delete;
  AsyncLoop& operator=(const AsyncLoop&) = delete;

  /// The call of a node; it lives as long as the loop.
  AsyncCall& add(PyNode& node);
  /// Null where the node has no call.
  AsyncCall* find(std::string_view node) noexcept;
  /// Makes the loop run the call's callback. False with an exception set.
  bool submit(AsyncCall& call) noexcept;
  void cancel(const AsyncCall& call) noexcept;
  /// Calls AsyncCall::cancel_if_asked() for every node.
  void cancel_asked() noexcept;

  /// Cancels the tasks that are left, waits for the thread without the GIL, and destroys `loop`. If
  /// the thread does not end in time, `loop` is leaked, as the thread may still use it.
  static void close(std::unique_ptr<AsyncLoop> loop) noexcept;

  /// Whether the caller is the loop's thread.
  bool is_here() const noexcept { return ::gettid() == thread_; }

  /// The thread id of the executor whose node's code runs on the loop now; 0: none.
  Holder holder() const noexcept;
  /// Whether the loop's thread has a trace function, as a debugger sets it.
  bool traced() const noexcept;
  /// Translates a thread id for reports: the loop's thread becomes the executor whose node's code
  /// it runs; any other stays as it is.
  std::int32_t stand_in_for(std::int32_t thread) const noexcept;

 private:
  friend class AsyncCall::Step;

  pybind11::object loop_;         ///< The Loop of horus/_loop.py.
  std::int32_t thread_ = 0;       ///< The loop's thread, as the kernel numbers it.
  std::uint64_t calls_made_ = 0;  ///< The number of the latest callback.
  std::vector<std::unique_ptr<AsyncCall>> calls_;
  // relaxed: numbers on their own.
  std::atomic<std::int32_t> running_{0};        ///< See holder().
  std::atomic<std::uint64_t> turn_{0};          ///< Counts the steps.
  std::atomic<PyThreadState*> state_{nullptr};  ///< The loop thread's; null before the first step.
};

/// Whether this is asyncio's CancelledError, which ends a callback and not the run.
bool is_cancellation(PyObject* exception) noexcept;

/// Adds the functions that horus/_loop.py calls.
void bind_async(pybind11::module_& module);
/// Adds the coroutine that measures another one's steps (async_steps.cpp).
void bind_async_steps(pybind11::module_& module);

}  // namespace horus::py

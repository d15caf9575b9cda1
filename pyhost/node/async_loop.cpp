// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node/async_loop.hpp"

#include <algorithm>
#include <utility>

#include <horus/log.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/cpython/text.hpp"
#include "rt/group_hook.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

/// asyncio.CancelledError, set when the first loop is made and kept for ever. With the GIL.
PyObject* cancelled_error = nullptr;

AsyncCall* call_of(PyObject* node) {
  AsyncCall* const call = node_object(node).node->async();
  if (call == nullptr) throw std::runtime_error("this node has no part in a run");
  return call;
}

PyObject* async_call(PyObject* /*module*/, PyObject* node) {
  return guarded<PyObject*>(nullptr, [node] { return call_of(node)->begin(); });
}

PyObject* async_end(PyObject* /*module*/, PyObject* const* arguments, Py_ssize_t count) {
  return guarded<PyObject*>(nullptr, [&] {
    if (count != 2) throw pyb::type_error("_async_end() takes a node and an exception or None");
    call_of(arguments[0])->end(arguments[1]);
    return new_none();
  });
}

PyObject* warn(PyObject* /*module*/, PyObject* text) {
  log_lines(static_cast<int>(LogLevel::kWarning), {}, text_of(text));
  return new_none();
}

PyMethodDef async_functions[] = {
    {"_warn", warn, METH_O, "_warn(text, /)\n--\n\nLog a warning that is about no node."},
    {"_async_call", async_call, METH_O,
     "_async_call(node, /)\n--\n\nCall what its executor wants."},
    {"_async_end", as_method(async_end), METH_FASTCALL,
     "_async_end(node, error, /)\n--\n\nTell its executor that it has ended."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool is_cancellation(PyObject* exception) noexcept {
  return cancelled_error != nullptr && PyErr_GivenExceptionMatches(exception, cancelled_error) != 0;
}

PyObject* AsyncCall::run(Callback callback, const Tick& tick, TimePoint epoch) noexcept {
  callback_.store(callback, std::memory_order_relaxed);
  tick_ = tick;
  epoch_ = epoch;
  ran_ = awaited_ = {};
  cancelled_ = false;
  begun_at_ = MonotonicClock::now();
  submitted_ = false;
  begun_.store(false, std::memory_order_relaxed);
  asked_.store(false, std::memory_order_relaxed);
  // release: a thread that sees it may cancel this callback.
  pending_.store(1, std::memory_order_release);
  if (!loop_.submit(*this)) {
    pending_.store(0, std::memory_order_release);
    return nullptr;
  }
  submitted_ = true;
  cancel_if_asked();  // A request to cancel that came before submit() could not act.
  {
    const GilRelease others_run;
    // acquire: see end().
    pending_.wait(1, std::memory_order_acquire);
  }
  awaited_ = MonotonicClock::now() - begun_at_ - ran_;
  PyObject* const error = std::exchange(error_, nullptr);
  if (error == nullptr) return new_none();
  PyErr_Restore(Py_NewRef(as_object(Py_TYPE(error))), error, PyException_GetTraceback(error));
  return nullptr;
}

bool AsyncCall::was_cancelled() noexcept {
  if (!cancelled_ || PyErr_ExceptionMatches(cancelled_error) == 0) return false;
  PyErr_Clear();
  return true;
}

void AsyncCall::cancel() noexcept {
  cancelled_ = true;
  loop_.cancel(*this);
}

bool AsyncCall::ask_to_cancel() noexcept {
  return may_be_cancelled() && !asked_.exchange(true, std::memory_order_relaxed);
}

void AsyncCall::cancel_if_asked() noexcept {
  // The loop cannot cancel what it does not know yet.
  if (!submitted_ || cancelled_) return;
  // Checked again: the tick that was to be cancelled may be over and the shutdown() have begun.
  if (may_be_cancelled() && asked_.load(std::memory_order_relaxed)) cancel();
}

PyObject* AsyncCall::begin() noexcept {
  const Step step{this};
  return node_.call_function(callback());
}

void AsyncCall::end(PyObject* error) noexcept {
  if (error != Py_None) error_ = Py_NewRef(error);
  // release: the executor sees error_ and all that the callback has done.
  pending_.store(0, std::memory_order_release);
  pending_.notify_all();
}

bool AsyncCall::awaits() const noexcept {
  if (!pending() || runs()) return false;
  return begun_.load(std::memory_order_relaxed) || loop_.holder().thread != 0;
}

AsyncCall::Step::Step(AsyncCall* call) noexcept
    : call_{call}, outer_{running_tick}, since_{MonotonicClock::now()} {
  if (call == nullptr) return;
  counts_ = call->pending();
  call->source_ = {.node = &call->node_.spec.config.name,
                   .tick = call->tick_.number,
                   .level = &call->node_.stats()->log_level};
  named_.emplace(call->source_);
  acts_.emplace(call->node_.own_stats());
  if (counts_) {
    running_tick = {.tick = &call->tick_,
                    .epoch = call->epoch_,
                    .awaited = since_ - call->begun_at_ - call->ran_};
    call->begun_.store(true, std::memory_order_relaxed);
    call->node_.enter_callback();
  }
  call->steps_.store(true, std::memory_order_relaxed);
  AsyncLoop& loop = call->loop_;
  loop.turn_.fetch_add(1, std::memory_order_relaxed);
  loop.state_.store(PyThreadState_Get(), std::memory_order_relaxed);
  outer_thread_ =
      loop.running_.exchange(call->node_.stats()->tid.value(), std::memory_order_relaxed);
}

// Only time within steps counts as run time; the rest of the callback's time was awaited.
AsyncCall::Step::~Step() {
  if (call_ == nullptr) return;
  call_->loop_.running_.store(outer_thread_, std::memory_order_relaxed);
  call_->steps_.store(false, std::memory_order_relaxed);
  if (counts_) {
    call_->node_.leave_callback();
    call_->ran_ += MonotonicClock::now() - since_;
  }
  running_tick = outer_;
}

AsyncLoop::AsyncLoop(Nanos stop_timeout) {
  if (cancelled_error == nullptr) {
    const pyb::object kept = pyb::module_::import("asyncio").attr("CancelledError");
    cancelled_error = Py_NewRef(kept.ptr());
  }
  const double seconds = std::chrono::duration<double>(stop_timeout).count();
  loop_ = pyb::module_::import("horus._loop").attr("Loop")(seconds);
  thread_ = loop_.attr("thread").cast<std::int32_t>();
}

AsyncLoop::~AsyncLoop() = default;

AsyncCall& AsyncLoop::add(PyNode& node) {
  calls_.push_back(std::make_unique<AsyncCall>(node, *this));
  return *calls_.back();
}

AsyncCall* AsyncLoop::find(std::string_view node) noexcept {
  const auto found = std::find_if(calls_.begin(), calls_.end(), [node](const auto& call) {
    return call->node().spec.name == node;
  });
  return found != calls_.end() ? found->get() : nullptr;
}

bool AsyncLoop::submit(AsyncCall& call) noexcept {
  call.number_ = ++calls_made_;
  const bool last = call.callback() == Callback::kShutdown;
  return bool{Ref{PyObject_CallMethod(loop_.ptr(), "submit", "OKO", call.node().self(),
                                      static_cast<unsigned long long>(call.number()),
                                      last ? Py_True : Py_False)}};
}

void AsyncLoop::cancel(const AsyncCall& call) noexcept {
  const Ref done{PyObject_CallMethod(loop_.ptr(), "cancel", "K",
                                     static_cast<unsigned long long>(call.number()))};
  if (!done) PyErr_WriteUnraisable(loop_.ptr());
}

void AsyncLoop::cancel_asked() noexcept {
  for (const auto& call : calls_) call->cancel_if_asked();
}

void AsyncLoop::close(std::unique_ptr<AsyncLoop> loop) noexcept {
  const Ref ended{PyObject_CallMethod(loop->loop_.ptr(), "close", nullptr)};
  if (!ended) PyErr_WriteUnraisable(loop->loop_.ptr());
  // If the thread did not end, leak the loop: its thread may still use its calls.
  if (!ended || ended.ptr() != Py_True) static_cast<void>(loop.release());
}

Holder AsyncLoop::holder() const noexcept {
  return {.thread = running_.load(std::memory_order_relaxed),
          .turn = turn_.load(std::memory_order_relaxed),
          .what = "the asyncio loop"};
}

bool AsyncLoop::traced() const noexcept {
  const PyThreadState* const state = state_.load(std::memory_order_relaxed);
  // The thread may set the pointer at this moment; the old and the new value are both right.
  return state != nullptr && __atomic_load_n(&state->c_tracefunc, __ATOMIC_RELAXED) != nullptr;
}

std::int32_t AsyncLoop::stand_in_for(std::int32_t thread) const noexcept {
  const std::int32_t runs = running_.load(std::memory_order_relaxed);
  return thread == thread_ && runs != 0 ? runs : thread;
}

void bind_async(pyb::module_& module) {
  if (PyModule_AddFunctions(module.ptr(), async_functions) != 0) throw pyb::error_already_set();
  bind_async_steps(module);
}

}  // namespace horus::py

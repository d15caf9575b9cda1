// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node/py_node.hpp"

#include <algorithm>
#include <string_view>

#include <horus/log.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/forked_child.hpp"
#include "pyhost/cpython/gil.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/node/async_loop.hpp"
#include "pyhost/node/running_tick.hpp"
#include "rt/base/acting.hpp"
#include "rt/base/fork_watch.hpp"
#include "rt/log_queue.hpp"

namespace horus::py {
namespace {

/// For how many different faults (type and source line) one node's tracebacks are logged.
constexpr std::size_t kMaxTraces = 16;

/// How many positional arguments a Python function takes after `bound` ones; 1 when unknown.
std::size_t free_arguments(PyObject* function, int bound) {
  if (!PyFunction_Check(function)) return 1;
  const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
  if ((code->co_flags & CO_VARARGS) != 0) return 1;
  return static_cast<std::size_t>(std::max(code->co_argcount - bound, 0));
}

/// The last line of a traceback, such as "ValueError: bent".
std::string last_line(PyObject* exception) noexcept {
  std::string text = Py_TYPE(exception)->tp_name;
  const std::string message = text_of(exception);
  return message.empty() ? text : text + ": " + message;
}

/// The whole traceback as CPython prints it; only its last line when that fails.
std::string format_traceback(PyObject* exception) noexcept {
  try {
    const auto lines = pybind11::module_::import("traceback")
                           .attr("format_exception")(pybind11::handle{exception});
    return text_of(pybind11::str("").attr("join")(lines).ptr());
  } catch (const std::exception&) {
    return last_line(exception);
  }
}

/// The source line that raised, such as "file.py:12". It identifies the fault.
std::string place_of(PyObject* exception) noexcept {
  try {
    pybind11::object trace = pybind11::handle{exception}.attr("__traceback__");
    if (trace.is_none()) return {};
    while (!trace.attr("tb_next").is_none()) trace = trace.attr("tb_next");
    const pybind11::object file = trace.attr("tb_frame").attr("f_code").attr("co_filename");
    return text_of(file.ptr()) + ":" + text_of(pybind11::object(trace.attr("tb_lineno")).ptr());
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace

bool is_interruption(PyObject* exception) noexcept {
  return PyErr_GivenExceptionMatches(exception, PyExc_Exception) == 0 &&
         !is_cancellation(exception);
}

bool ask_realtime(std::span<const pybind11::object> nodes) {
  return std::ranges::any_of(nodes, [](const pybind11::object& node) {
    const NodeConfig& config = node_object(node).node->spec.config;
    return config.priority.has_value() || config.cpu.has_value();
  });
}

PyNode::~PyNode() {
  clear();
}

// A callback may take the node as its argument, or none: the call passes what the function takes.
// on_error always takes the node and the exception, see notify().
PyNode::Call PyNode::resolve(Callback callback) {
  if (PyObject* const function = given[static_cast<std::size_t>(callback)]; function != nullptr) {
    if (callback == Callback::kOnError) return {Py_NewRef(function), 1};
    if (PyMethod_Check(function)) {
      return {Py_NewRef(function),
              std::min<std::size_t>(free_arguments(PyMethod_GET_FUNCTION(function), 1), 1)};
    }
    return {Py_NewRef(function), std::min<std::size_t>(free_arguments(function, 0), 1)};
  }
  const pybind11::object method = pybind11::getattr(self_, name_of(callback));
  if (method.is_none()) return {};
  require_fit(callback, method.ptr());
  if (PyMethod_Check(method.ptr()) && PyMethod_GET_SELF(method.ptr()) == self_) {
    PyObject* const function = PyMethod_GET_FUNCTION(method.ptr());
    // Keep the function, not the bound method: that would refer back to the node, and cost one more
    // call.
    return {Py_NewRef(function), 1 + std::min<std::size_t>(free_arguments(function, 1), 1)};
  }
  return {Py_NewRef(method.ptr()), 1};
}

void PyNode::prepare(NodeHost& host, std::shared_ptr<NodeStats> stats,
                     std::shared_ptr<const HostStats> host_stats) {
  bool waits = spec.config.node_class == NodeClass::kAsync;
  for (std::size_t i = 0; i < kCallbacks; ++i) {
    const Call call = resolve(static_cast<Callback>(i));
    Py_XDECREF(calls_[i].function);
    calls_[i] = call;
    waits = waits || (call.function != nullptr && is_async(call.function));
  }
  if (waits) async_ = &host.async_loop().add(*this);
  ticks_on_loop_ = on_loop(Callback::kTick);
  PyObject* const tick = calls_[static_cast<std::size_t>(Callback::kTick)].function;
  calls_plain_function_ = tick != nullptr && PyFunction_Check(tick);
  code_ = calls_plain_function_ ? PyFunction_GET_CODE(tick) : nullptr;
  host_ = &host;
  removed_.store(false, std::memory_order_relaxed);  // relaxed: nobody waits yet.
  own_stats_ = stats.get();
  stats_ = std::move(stats);
  host_stats_ = std::move(host_stats);
  shown_ = stats_.get();
  ticks_on_ = 0;
  initialised_ = in_callback_ = interrupting_ = false;
  failed_ticks_ = stats_->errors.value();  // The page may go on from an earlier life of the host.
  reported_.clear();
  Py_CLEAR(failure_);
}

void PyNode::removed() noexcept {
  // release: see wait_until_removed().
  removed_.store(true, std::memory_order_release);
  removed_.notify_all();
}

void PyNode::release() noexcept {
  removed();
  host_ = nullptr;
  async_ = nullptr;
  for (Call& call : calls_) Py_CLEAR(call.function);
}

bool PyNode::hears(LogLevel level) const noexcept {
  if (host_ == nullptr) return level <= LogLevel::kInfo;
  return is_heard(level, {.level = &stats_->log_level});
}

PyObject* PyNode::take_failure() noexcept {
  return std::exchange(failure_, nullptr);
}

PyObject* PyNode::call_function(Callback callback) noexcept {
  const Call& call = calls_[static_cast<std::size_t>(callback)];
  if (call.function == nullptr) return new_none();
  PyObject* arguments[] = {nullptr, self_, self_};
  const ForkWatch watch;
  PyObject* const result = PyObject_Vectorcall(
      call.function, arguments + 1, call.arguments | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (watch.forked()) [[unlikely]]
    end_child(name_of(callback), spec.name);
  return result;
}

PyObject* PyNode::invoke(Callback callback) noexcept {
  return refuse_coroutine(callback, call_function(callback));
}

/// The result of a callback; null with an exception set where it is a coroutine.
PyObject* PyNode::refuse_coroutine(Callback callback, PyObject* result) noexcept {
  if (result == nullptr || !PyCoro_CheckExact(result)) [[likely]]
    return result;
  // A plain function has returned a coroutine. Nothing would ever run it, so this is an error.
  Py_DECREF(result);
  PyErr_Format(PyExc_TypeError,
               "%s returned a coroutine, but is no async function: write 'async def', and 'await' "
               "what it calls",
               name_of(callback));
  return nullptr;
}

/// Calls the user's function so that interrupt() can reach it.
inline PyObject* PyNode::call_bounded(Callback callback) noexcept {
  enter_callback();
  PyObject* const result = invoke(callback);
  leave_callback();
  return result;
}

void PyNode::interrupt() noexcept {
  if (async_ != nullptr && async_->pending()) async_->cancel();
  if (!in_callback_) return;
  interrupting_ = true;
  PyThreadState_SetAsyncExc(thread_, PyExc_KeyboardInterrupt);
}

void PyNode::pass_on_interruption() noexcept {
  if (PyErr_Occurred() == nullptr || interrupting_ || host_ == nullptr) return;
  if (PyErr_ExceptionMatches(PyExc_SystemExit) == 0 &&
      PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) == 0) {
    return;
  }
  PyObject* const exception = take_exception();
  host_->interrupt(exception);
  PyErr_Restore(Py_NewRef(as_object(Py_TYPE(exception))), exception,
                PyException_GetTraceback(exception));
}

/// Whether the exception that is set comes from interrupt(). If so, clears it.
bool PyNode::was_interrupted() noexcept {
  if (!std::exchange(interrupting_, false)) return false;
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) == 0) return false;
  PyErr_Clear();
  log_lines(static_cast<int>(LogLevel::kWarning), spec.name, "was interrupted, for the run stops");
  return true;
}

// As short as it can be: what is not needed by a tick that returns None is in functions of its own.
// hot: see RateGroup::tick_due().
[[gnu::hot]] void PyNode::tick(const Tick& tick) {
  latest_tick.store(tick.number, std::memory_order_relaxed);
  if (ticks_on_loop_) [[unlikely]]
    return tick_on_loop(tick);
  const PyThreadState* const thread = PyThreadState_Get();
  if (thread->id != ticks_on_) [[unlikely]]
    come_to(*thread);
  *running_ = {.tick = &tick, .epoch = epoch_, .stats = shown_};
  thread_ = thread->thread_id;
  in_callback_ = true;
  PyObject* const result = call_tick();
  in_callback_ = false;
  running_->tick = nullptr;
  if (result == Py_None && !interrupting_) [[likely]]
    return Py_DECREF(result);
  end_tick(result, tick.number);
}

/// The node's first tick, or its first on this thread: those of tick_once() come from any.
[[gnu::noinline, gnu::cold]] void PyNode::come_to(const PyThreadState& thread) noexcept {
  epoch_ = host_->epoch();
  running_ = &running_tick;
  // Not its address: that of a thread that has ended may be another one's by now.
  ticks_on_ = thread.id;
}

inline PyObject* PyNode::call_tick() noexcept {
  const Call& call = calls_[static_cast<std::size_t>(Callback::kTick)];
  if (!calls_plain_function_) [[unlikely]]
    return call_function(Callback::kTick);
  // What PyObject_Vectorcall() does in the end. What it does besides is for functions written in C,
  // which may return null without an exception, or a result with one.
  PyObject* arguments[] = {nullptr, self_, self_};
  const ForkWatch watch;
  PyObject* const result =
      reinterpret_cast<PyFunctionObject*>(call.function)
          ->vectorcall(call.function, arguments + 1,
                       call.arguments | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (watch.forked()) [[unlikely]]
    end_child(name_of(Callback::kTick), spec.name);
  return result;
}

/// A tick that has returned anything but None, has raised, or was interrupted.
[[gnu::noinline, gnu::cold]] void PyNode::end_tick(PyObject* result, std::uint64_t number) {
  leave_callback();
  result = refuse_coroutine(Callback::kTick, result);
  if (result == nullptr) {
    if (was_interrupted()) return;
    return fail(Callback::kTick, number);
  }
  interrupting_ = false;  // The tick has caught an interrupt itself, if there was one.
  Py_DECREF(result);
}

bool PyNode::on_loop(Callback callback) const noexcept {
  if (async_ == nullptr) return false;
  return callback != Callback::kTick || spec.config.node_class == NodeClass::kAsync;
}

void PyNode::tick_on_loop(const Tick& tick) {
  PyObject* const result = async_->run(Callback::kTick, tick, host_->epoch());
  // GilHook::ticked() reads it right after this tick.
  awaited_in_tick = async_->awaited();
  if (result != nullptr) return Py_DECREF(result);
  if (async_->was_cancelled() || was_interrupted()) return;
  fail(Callback::kTick, tick.number);
}

void PyNode::prefetch() const noexcept {
  constexpr std::size_t kLine = 64;
  const auto fetch = [](const void* object, std::size_t lines) {
    const auto* const bytes = static_cast<const std::byte*>(object);
    for (std::size_t i = 0; i < lines; ++i) __builtin_prefetch(bytes + i * kLine, 1);
  };
  fetch(self_, 1);
  fetch(calls_[static_cast<std::size_t>(Callback::kTick)].function, 3);
  fetch(code_, 4);
}

void PyNode::stop_waiting() noexcept {
  if (async_ != nullptr && async_->ask_to_cancel()) host_->want_cancel();
}

void PyNode::run_callback(Callback callback) {
  const Tick tick{.period = spec.config.rate ? spec.config.rate->period() : Nanos{}};
  PyObject* result = nullptr;
  if (on_loop(callback)) {
    result = async_->run(callback, tick, host_->epoch());
    if (result == nullptr && async_->was_cancelled())
      throw CallbackFailed{{.text = "was cancelled"}};
  } else {
    running_tick = {.tick = &tick, .epoch = host_->epoch()};
    result = call_bounded(callback);
    running_tick.tick = nullptr;
  }
  if (result == nullptr) {
    // A callback that was cut short counts as failed: its init() has not finished.
    if (was_interrupted()) throw CallbackFailed{{.text = "was interrupted"}};
    return fail(callback, 0);
  }
  interrupting_ = false;
  Py_DECREF(result);
}

void PyNode::init() {
  const GilScope gil;
  const bool first = !std::exchange(initialised_, true);
  try {
    run_callback(Callback::kInit);
  } catch (const CallbackFailed&) {
    if (first) host_->initialised();
    throw;
  }
  if (first) host_->initialised();
}

void PyNode::shutdown() {
  const GilScope gil;
  run_callback(Callback::kShutdown);
}

void PyNode::enter_safe_state() noexcept {
  host_->count_safe_state();
  const ThreadState* const thread = ThreadState::current();
  if (thread != nullptr && thread->held()) return run_safe_state();
  // The caller is another thread, such as the watchdog. It must not wait for a GIL that a hanging
  // node may hold.
  host_->want_safe_state(*this);
}

void PyNode::leave_safe_state() noexcept {
  // A caller without the GIL is not the node's own thread: the node hangs. It is not told before it
  // comes back.
  if (PyGILState_Check() != 0) run_safety(Callback::kLeaveSafe);
}

void PyNode::run_safety(Callback callback) noexcept {
  const GilScope gil;
  const ActingScope acts{own_stats(), /*rests=*/callback == Callback::kSafeState};
  const bool on_own_thread = ThreadState::current() != nullptr;
  PyObject* const result = on_own_thread ? call_bounded(callback) : invoke(callback);
  if (result != nullptr) return Py_DECREF(result);
  if (on_own_thread && was_interrupted()) return;
  PyObject* const exception = take_exception();
  if (is_interruption(exception)) {
    host_->interrupt(exception);
    return Py_DECREF(exception);
  }
  log_lines(static_cast<int>(LogLevel::kError), spec.name,
            std::string{name_of(callback)} + " failed: " + last_line(exception));
  log_traceback(exception);
  Py_DECREF(exception);
}

void PyNode::fail(Callback callback, std::uint64_t number) {
  PyObject* const exception = take_exception();
  Py_XSETREF(failure_, Py_NewRef(exception));
  CallbackFailed::Words words;
  if (is_interruption(exception)) {
    host_->interrupt(exception);
    // It ends the run and is no failure of the node. But a node whose init() it cut short must not
    // tick, so that one fails.
    if (callback != Callback::kInit) return Py_DECREF(exception);
  } else {
    words.type = Py_TYPE(exception)->tp_name;
    words.trace = new_traceback(exception);
    // With policy fatal the exception leaves run() with its traceback; with ignore it is only
    // counted. Neither is logged here.
    const FailureKind policy = spec.config.failure.kind;
    const bool told = policy != FailureKind::kFatal && policy != FailureKind::kIgnore;
    if (told) log_lines(static_cast<int>(LogLevel::kError), spec.name, words.trace);
    notify(exception);
  }
  words.text = last_line(exception);
  Py_DECREF(exception);
  if (callback == Callback::kTick) {
    ++failed_ticks_;
    words.text += " (tick " + std::to_string(number) + ")";
  }
  throw CallbackFailed{std::move(words)};
}

void PyNode::notify(PyObject* exception) noexcept {
  PyObject* const on_error = calls_[static_cast<std::size_t>(Callback::kOnError)].function;
  if (on_error == nullptr) return;
  // A function is called as on_error(node, exception), a method of a subclass as
  // on_error(self, exception): these are the same two arguments.
  PyObject* arguments[] = {nullptr, self_, exception};
  const ForkWatch watch;
  PyObject* const result =
      PyObject_Vectorcall(on_error, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (watch.forked()) [[unlikely]]
    end_child(name_of(Callback::kOnError), spec.name);
  if (result != nullptr) return Py_DECREF(result);
  PyObject* const second = take_exception();
  if (is_interruption(second)) {
    host_->interrupt(second);
  } else {
    tell_on_error_failed(second);
  }
  Py_DECREF(second);
}

void PyNode::tell_on_error_failed(PyObject* exception) noexcept {
  log_traceback(exception);
  const auto suppressed = on_error_log_.admit(MonotonicClock::now());
  if (!suppressed) return;
  std::string text = "on_error failed: " + last_line(exception);
  if (*suppressed > 0) text += " (" + std::to_string(*suppressed) + " more not shown)";
  log_lines(static_cast<int>(LogLevel::kError), spec.name, text);
}

void PyNode::log_traceback(PyObject* exception) noexcept {
  log_lines(static_cast<int>(LogLevel::kError), spec.name, new_traceback(exception));
}

std::string PyNode::new_traceback(PyObject* exception) noexcept {
  // Once per type and place: a node that fails at 1 kHz must not fill the journal.
  std::string identity = std::string{Py_TYPE(exception)->tp_name} + "@" + place_of(exception);
  if (reported_.size() >= kMaxTraces) return {};
  if (std::find(reported_.begin(), reported_.end(), identity) != reported_.end()) return {};
  reported_.push_back(std::move(identity));
  return format_traceback(exception);
}

int PyNode::traverse(visitproc visit, void* arg) const noexcept {
  for (PyObject* const function : given) Py_VISIT(function);
  for (const Call& call : calls_) Py_VISIT(call.function);
  Py_VISIT(info);
  Py_VISIT(made_with);
  Py_VISIT(failure_);
  return 0;
}

void PyNode::clear() noexcept {
  for (PyObject*& function : given) Py_CLEAR(function);
  for (Call& call : calls_) Py_CLEAR(call.function);
  Py_CLEAR(info);
  Py_CLEAR(made_with);
  Py_CLEAR(failure_);
}

namespace {

/// Cuts a text into lines, and lines of more than 300 bytes into pieces.
std::vector<std::string_view> pieces_of(std::string_view rest) {
  constexpr std::size_t kPiece = 300;
  std::vector<std::string_view> pieces;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    while (!line.empty()) {
      std::size_t length = std::min(line.size(), kPiece);
      // Never cut inside the bytes of one UTF-8 character.
      while (length < line.size() && (static_cast<unsigned char>(line[length]) & 0xC0U) == 0x80U) {
        --length;
      }
      pieces.push_back(line.substr(0, length));
      line.remove_prefix(length);
    }
  }
  return pieces;
}

}  // namespace

void log_lines(int level, const std::string& node, const std::string& text) noexcept {
  // A thread's log queue holds some hundred lines. Keep more of the end, which is the most telling
  // part of a traceback.
  constexpr std::size_t kFirst = 40;
  constexpr std::size_t kLast = 80;
  std::string flat = text;
  // To a reader a tab is no control character, so it becomes a space and is not escaped. A zero
  // byte would end the record.
  std::ranges::replace(flat, '\t', ' ');
  std::ranges::replace(flat, '\0', ' ');
  // On the thread where the node runs, the logger adds its name by itself.
  const LogSource* const source = log_source();
  const bool known = source != nullptr && *source->node == node;
  const auto say = [&](const std::string& line) {
    log(static_cast<LogLevel>(level), known || node.empty() ? line : node + ": " + line);
  };
  const auto pieces = pieces_of(flat);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces.size() > kFirst + kLast && i == kFirst) {
      i = pieces.size() - kLast;
      say("(" + std::to_string(i - kFirst) + " lines left out)");
    }
    say(std::string{pieces[i]});
  }
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include "pyhost/py_node.hpp"

#include <algorithm>
#include <string_view>

#include "pyhost/capi.hpp"
#include "pyhost/gil.hpp"
#include "pyhost/tick_state.hpp"
#include "rt/event_log.hpp"

namespace horus::py {
namespace {

/// Traces of at most so many kinds of exception are logged for one node.
constexpr std::size_t kMaxTraces = 16;

constexpr std::array<const char*, kCallbacks> kCallbackNames{"tick", "init", "shutdown", "on_error",
                                                             "enter_safe_state"};

/// How many positional arguments a Python function takes after `bound` ones; many when unknown.
std::size_t free_arguments(PyObject* function, int bound) {
  if (!PyFunction_Check(function)) return 1;
  const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
  if ((code->co_flags & CO_VARARGS) != 0) return 1;
  return static_cast<std::size_t>(std::max(code->co_argcount - bound, 0));
}

std::string text_of(PyObject* exception) noexcept {
  std::string text = Py_TYPE(exception)->tp_name;
  const pybind11::object message = owned(PyObject_Str(exception));
  Py_ssize_t length = 0;
  const char* utf8 = message ? PyUnicode_AsUTF8AndSize(message.ptr(), &length) : nullptr;
  if (utf8 == nullptr) PyErr_Clear();
  if (utf8 != nullptr && length > 0)
    text.append(": ").append(utf8, static_cast<std::size_t>(length));
  return text;
}

/// The whole traceback as CPython prints it; empty when that fails.
std::string format_traceback(PyObject* exception) noexcept {
  try {
    const auto lines = pybind11::module_::import("traceback")
                           .attr("format_exception")(pybind11::handle{exception});
    return pybind11::str("").attr("join")(lines).cast<std::string>();
  } catch (pybind11::error_already_set&) {
    return {};
  }
}

/// The line that raised, as an identity of the fault: "file.py:12".
std::string place_of(PyObject* exception) noexcept {
  try {
    pybind11::object trace = pybind11::handle{exception}.attr("__traceback__");
    if (trace.is_none()) return {};
    while (!trace.attr("tb_next").is_none()) trace = trace.attr("tb_next");
    const auto file = trace.attr("tb_frame").attr("f_code").attr("co_filename").cast<std::string>();
    return file + ":" + std::to_string(trace.attr("tb_lineno").cast<int>());
  } catch (pybind11::error_already_set&) {
    return {};
  }
}

}  // namespace

PyObject* take_exception() noexcept {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != nullptr) PyException_SetTraceback(value, trace);
  Py_XDECREF(trace);
  Py_XDECREF(type);
  return value;
}

bool is_interruption(PyObject* exception) noexcept {
  return PyErr_GivenExceptionMatches(exception, PyExc_Exception) == 0;
}

const char* name_of(Callback callback) noexcept {
  return kCallbackNames[static_cast<std::size_t>(callback)];
}

void require_plain(Callback callback, PyObject* function) {
  if (PyMethod_Check(function)) function = PyMethod_GET_FUNCTION(function);
  if (!PyFunction_Check(function)) return;
  const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
  if ((code->co_flags & (CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR)) == 0) return;
  throw pybind11::value_error(std::string{name_of(callback)} +
                              " is an async function or a generator, which are not available yet; "
                              "give a plain function, with compute=True where it waits");
}

PyNode::~PyNode() {
  clear();
}

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
  require_plain(callback, method.ptr());
  if (PyMethod_Check(method.ptr()) && PyMethod_GET_SELF(method.ptr()) == self_) {
    PyObject* const function = PyMethod_GET_FUNCTION(method.ptr());
    // The function, not the bound method: no reference back to the node, one call less.
    return {Py_NewRef(function), 1 + std::min<std::size_t>(free_arguments(function, 1), 1)};
  }
  return {Py_NewRef(method.ptr()), 1};
}

void PyNode::prepare(NodeHost& host, std::shared_ptr<const NodeStats> stats,
                     std::shared_ptr<const HostStats> host_stats) {
  for (std::size_t i = 0; i < kCallbacks; ++i) {
    const Call call = resolve(static_cast<Callback>(i));
    Py_XDECREF(calls_[i].function);
    calls_[i] = call;
  }
  host_ = &host;
  stats_ = std::move(stats);
  host_stats_ = std::move(host_stats);
  epoch_ = {};
  initialised_ = false;
  failed_ticks_ = stats_->errors.value();  // Of earlier lives of the host.
  reported_.clear();
  Py_CLEAR(failure_);
}

void PyNode::release() noexcept {
  host_ = nullptr;
  for (Call& call : calls_) Py_CLEAR(call.function);
}

PyObject* PyNode::take_failure() noexcept {
  return std::exchange(failure_, nullptr);
}

PyObject* PyNode::invoke(Callback callback) noexcept {
  const Call& call = calls_[static_cast<std::size_t>(callback)];
  if (call.function == nullptr) return new_none();
  PyObject* arguments[] = {nullptr, self_, self_};
  PyObject* const result = PyObject_Vectorcall(
      call.function, arguments + 1, call.arguments | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (result == nullptr || !PyCoro_CheckExact(result)) [[likely]]
    return result;
  // An async function behind a partial or a decorator: nobody would ever run its body.
  Py_DECREF(result);
  PyErr_Format(PyExc_TypeError, "%s returned a coroutine; async functions are not available yet",
               name_of(callback));
  return nullptr;
}

void PyNode::tick(const Tick& tick) {
  if (epoch_ == TimePoint{}) epoch_ = host_->epoch();
  running_tick = {.tick = &tick, .epoch = epoch_};
  latest_tick.store(tick.number, std::memory_order_relaxed);
  PyObject* const result = invoke(Callback::kTick);
  running_tick.tick = nullptr;
  if (result == nullptr) [[unlikely]]
    fail(Callback::kTick, tick.number);
  Py_DECREF(result);
}

void PyNode::run_callback(Callback callback) {
  const Tick tick{.period = spec.config.rate ? spec.config.rate->period() : Nanos{}};
  running_tick = {.tick = &tick, .epoch = host_->epoch()};
  PyObject* const result = invoke(callback);
  running_tick.tick = nullptr;
  if (result == nullptr) fail(callback, 0);
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
  // Another thread's watchdog must not wait for a GIL that a hanging node may hold.
  host_->want_safe_state(*this);
}

void PyNode::run_safe_state() noexcept {
  const GilScope gil;
  PyObject* const result = invoke(Callback::kSafeState);
  if (result != nullptr) return Py_DECREF(result);
  PyObject* const exception = take_exception();
  if (is_interruption(exception)) host_->interrupt(exception);
  log_lines(static_cast<int>(LogLevel::kError), spec.name,
            "enter_safe_state failed: " + text_of(exception));
  log_traceback(exception);
  Py_DECREF(exception);
}

void PyNode::fail(Callback callback, std::uint64_t number) {
  PyObject* const exception = take_exception();
  Py_XSETREF(failure_, Py_NewRef(exception));
  if (is_interruption(exception)) {
    host_->interrupt(exception);
  } else {
    // Fatal ones leave run() with their traceback; those to be ignored are only counted.
    const FailureKind policy = spec.config.failure.kind;
    if (policy != FailureKind::kFatal && policy != FailureKind::kIgnore) log_traceback(exception);
    notify(exception);
  }
  std::string text = text_of(exception);
  Py_DECREF(exception);
  if (callback == Callback::kTick) {
    ++failed_ticks_;
    text += " (tick " + std::to_string(number) + ")";
  }
  throw CallbackFailed{std::move(text)};
}

void PyNode::notify(PyObject* exception) noexcept {
  PyObject* const on_error = calls_[static_cast<std::size_t>(Callback::kOnError)].function;
  if (on_error == nullptr) return;
  // A method of a subclass is called as on_error(self, exception), a function as
  // on_error(node, exception): the same two arguments.
  PyObject* arguments[] = {nullptr, self_, exception};
  PyObject* const result =
      PyObject_Vectorcall(on_error, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (result != nullptr) return Py_DECREF(result);
  PyObject* const second = take_exception();
  log_lines(static_cast<int>(LogLevel::kError), spec.name, "on_error failed: " + text_of(second));
  log_traceback(second);
  Py_DECREF(second);
}

void PyNode::log_traceback(PyObject* exception) noexcept {
  // Once per kind and place: a node that fails at 1 kHz must not fill the journal.
  std::string identity = std::string{Py_TYPE(exception)->tp_name} + "@" + place_of(exception);
  if (reported_.size() >= kMaxTraces) return;
  if (std::find(reported_.begin(), reported_.end(), identity) != reported_.end()) return;
  reported_.push_back(std::move(identity));
  log_lines(static_cast<int>(LogLevel::kError), spec.name, format_traceback(exception));
}

int PyNode::traverse(visitproc visit, void* arg) const noexcept {
  for (PyObject* const function : given) Py_VISIT(function);
  for (const Call& call : calls_) Py_VISIT(call.function);
  Py_VISIT(info);
  Py_VISIT(failure_);
  return 0;
}

void PyNode::clear() noexcept {
  for (PyObject*& function : given) Py_CLEAR(function);
  for (Call& call : calls_) Py_CLEAR(call.function);
  Py_CLEAR(info);
  Py_CLEAR(failure_);
}

void log_lines(int level, const std::string& node, const std::string& text) noexcept {
  constexpr std::size_t kPiece = 300;
  // On an executor's thread the logger knows which node runs.
  const bool known = ThreadState::current() != nullptr;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    while (!line.empty()) {
      std::size_t length = std::min(line.size(), kPiece);
      // Never between the bytes of one character.
      while (length < line.size() && (static_cast<unsigned char>(line[length]) & 0xC0U) == 0x80U) {
        --length;
      }
      const std::string piece{line.substr(0, length)};
      log(static_cast<LogLevel>(level), known ? piece : node + ": " + piece);
      line.remove_prefix(length);
    }
  }
}

}  // namespace horus::py

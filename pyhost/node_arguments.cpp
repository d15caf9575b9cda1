// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node_arguments.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <string>

#include "pyhost/errors.hpp"
#include "shm/names.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

constexpr std::uint32_t kMaxCapacity = 1U << 24;

bool is_given(PyObject* value) noexcept {
  return value != nullptr && value != Py_None;
}

/// Reads arguments and speaks of them: every complaint names the node and the argument.
class ArgumentReader {
 public:
  explicit ArgumentReader(std::string node) : node_{std::move(node)} {}

  [[noreturn]] void refuse(const std::string& text) const {
    throw pyb::value_error("node '" + node_ + "': " + text);
  }
  [[noreturn]] void refuse_type(const char* argument, const char* wanted, PyObject* value) const {
    throw pyb::type_error("node '" + node_ + "': " + argument + " must be " + wanted + ", not " +
                          Py_TYPE(value)->tp_name);
  }

  /// A finite number above 0.
  double positive(PyObject* value, const char* argument, const char* unit) const {
    const double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      refuse_type(argument, "a number", value);
    }
    if (!std::isfinite(number) || number <= 0.0) {
      refuse(std::string{argument} + " must be a finite number of " + unit + " above 0, not " +
             pyb::repr(value).cast<std::string>());
    }
    return number;
  }

  std::optional<Nanos> duration(PyObject* value, const char* argument) const {
    if (!is_given(value)) return std::nullopt;
    const double seconds = positive(value, argument, "seconds");
    if (seconds > 1e9) refuse(std::string{argument} + " is longer than thirty years");
    return Nanos{std::max<std::int64_t>(std::llround(seconds * 1e9), 1)};
  }

  std::optional<int> integer(PyObject* value, const char* argument, int low, int high) const {
    if (!is_given(value)) return std::nullopt;
    if (PyLong_Check(value) == 0) refuse_type(argument, "an int", value);
    int overflow = 0;
    const long number = PyLong_AsLongAndOverflow(value, &overflow);
    if (overflow != 0 || number < low || number > high) {
      refuse(std::string{argument} + " must be " + std::to_string(low) + " to " +
             std::to_string(high) + ", not " + pyb::repr(value).cast<std::string>());
    }
    return static_cast<int>(number);
  }

  std::string text(PyObject* value, const char* argument) const {
    // A str enum (horus.Miss) is a str.
    if (PyUnicode_Check(value) == 0) refuse_type(argument, "a str", value);
    return pyb::reinterpret_borrow<pyb::str>(value).cast<std::string>();
  }

  bool flag(PyObject* value, const char* argument) const {
    if (!is_given(value)) return false;
    const int truth = PyObject_IsTrue(value);
    if (truth < 0) throw pyb::error_already_set();
    if (PyBool_Check(value) == 0) refuse_type(argument, "a bool", value);
    return truth == 1;
  }

 private:
  std::string node_;
};

std::string default_name() {
  std::array<char, 16> text{};
  static std::random_device random;  // With the GIL.
  std::snprintf(text.data(), text.size(), "node_%08x", static_cast<unsigned>(random()));
  return text.data();
}

std::string node_name(PyObject* value) {
  if (!is_given(value)) return default_name();
  std::string name = ArgumentReader{"?"}.text(value, "name");
  if (name.empty()) throw pyb::value_error("a node's name must not be empty");
  if (!NodeName::fits(name)) {
    throw pyb::value_error("a node's name has at most " + std::to_string(NodeName::kMaxLength) +
                           " bytes: '" + name + "'");
  }
  return name;
}

FailurePolicy failure_policy(const ArgumentReader& reader, const NodeArguments& arguments) {
  FailurePolicy policy;
  if (is_given(arguments.failure_policy)) {
    const std::string text = reader.text(arguments.failure_policy, "failure_policy");
    const auto kind = parse_failure_kind(text);
    if (!kind) {
      reader.refuse("failure_policy must be None, 'fatal', 'restart', 'skip' or 'ignore', not '" +
                    text + "'");
    }
    policy.kind = *kind;
  }
  if (!is_given(arguments.failure)) return policy;
  if (PyDict_Check(arguments.failure) == 0) {
    reader.refuse_type("failure", "a dict", arguments.failure);
  }
  for (const auto& [key, value] : pyb::reinterpret_borrow<pyb::dict>(arguments.failure)) {
    const std::string name = reader.text(key.ptr(), "a key of failure");
    if (name == "retries") {
      policy.retries = reader.integer(value.ptr(), "failure['retries']", 0, 1000).value_or(5);
    } else if (name == "failures") {
      policy.failures = reader.integer(value.ptr(), "failure['failures']", 1, 1000).value_or(5);
    } else if (name == "delay") {
      policy.delay = reader.duration(value.ptr(), "failure['delay']").value_or(policy.delay);
    } else if (name == "rest") {
      policy.rest = reader.duration(value.ptr(), "failure['rest']").value_or(policy.rest);
    } else {
      reader.refuse("failure has no '" + name + "' (known: retries, delay, failures, rest)");
    }
  }
  return policy;
}

void set_class(const ArgumentReader& reader, const NodeArguments& arguments, NodeSpec& spec) {
  const bool compute = reader.flag(arguments.compute, "compute");
  const bool event = is_given(arguments.on);
  if (compute && event) reader.refuse("compute=True and on= exclude each other");
  if (compute) spec.config.node_class = NodeClass::kCompute;
  if (event) {
    spec.on = reader.text(arguments.on, "on");
    raise_unless(shm::check_topic_name(spec.on));
    spec.config.node_class = NodeClass::kEvent;
    return;
  }
  if (arguments.rate == Py_None) {
    if (compute) reader.refuse("compute=True needs a rate");
    spec.config.node_class = NodeClass::kBestEffort;
    return;
  }
  const double hz =
      arguments.rate != nullptr ? reader.positive(arguments.rate, "rate", "Hz") : 30.0;
  if (!Rate::valid_hz(hz)) {
    reader.refuse("rate must be 0.001 to 1000000 Hz, not " + std::to_string(hz));
  }
  spec.config.rate = Rate::from_hz(hz);
}

void set_times(const ArgumentReader& reader, const NodeArguments& arguments, NodeConfig& config) {
  config.budget = reader.duration(arguments.budget, "budget");
  config.deadline = reader.duration(arguments.deadline, "deadline");
  config.watchdog = reader.duration(arguments.watchdog, "watchdog");
  if (config.rate && config.budget && *config.budget > config.rate->period()) {
    const std::string given = pyb::repr(arguments.budget).cast<std::string>();
    reader.refuse("budget=" + given + " is longer than the period of " +
                  std::to_string(1.0 / config.rate->hz()) + " s: a budget is in seconds; write " +
                  given + "*horus.us for microseconds");
  }
}

void refuse_unavailable(const ArgumentReader& reader, const NodeArguments& arguments) {
  if (is_given(arguments.host)) {
    reader.refuse("host= is not available yet; every node runs in its scheduler's own process");
  }
  if (reader.flag(arguments.actuator, "actuator")) {
    reader.refuse("actuator=True is not available yet; nothing arms or disarms this node");
  }
}

}  // namespace

bool parse(PyObject* positional, PyObject* keywords, NodeArguments& a) noexcept {
  static const char* const kNames[] = {"name",
                                       "tick",
                                       "rate",
                                       "pubs",
                                       "subs",
                                       "init",
                                       "shutdown",
                                       "on_error",
                                       "order",
                                       "budget",
                                       "deadline",
                                       "on_miss",
                                       "failure_policy",
                                       "compute",
                                       "on",
                                       "priority",
                                       "core",
                                       "watchdog",
                                       "default_capacity",
                                       "safe_state",
                                       "host",
                                       "failure",
                                       "actuator",
                                       nullptr};
  return PyArg_ParseTupleAndKeywords(
             positional, keywords, "|OOOOOOOOOOOOOOOOOOOOOOO:Node", const_cast<char**>(kNames),
             &a.name, &a.tick, &a.rate, &a.pubs, &a.subs, &a.init, &a.shutdown, &a.on_error,
             &a.order, &a.budget, &a.deadline, &a.on_miss, &a.failure_policy, &a.compute, &a.on,
             &a.priority, &a.core, &a.watchdog, &a.default_capacity, &a.safe_state, &a.host,
             &a.failure, &a.actuator) != 0;
}

NodeSpec make_spec(const NodeArguments& arguments) {
  NodeSpec spec;
  spec.name = node_name(arguments.name);
  const ArgumentReader reader{spec.name};
  refuse_unavailable(reader, arguments);
  spec.config.name = NodeName::clipped(spec.name);
  set_class(reader, arguments, spec);
  set_times(reader, arguments, spec.config);
  spec.config.order = reader.integer(arguments.order, "order", 0, 255).value_or(0);
  spec.config.priority = reader.integer(arguments.priority, "priority", 1, 99);
  spec.config.cpu = reader.integer(arguments.core, "core", 0, CpuSet::kMaxCpus - 1);
  spec.config.failure = failure_policy(reader, arguments);
  if (is_given(arguments.on_miss)) {
    const std::string text = reader.text(arguments.on_miss, "on_miss");
    const auto policy = parse_miss_policy(text);
    if (!policy) {
      reader.refuse("on_miss must be 'warn', 'skip', 'safe_mode' or 'stop', not '" + text + "'");
    }
    spec.config.on_miss = *policy;
  }
  spec.default_capacity = static_cast<std::uint32_t>(
      reader.integer(arguments.default_capacity, "default_capacity", 1, kMaxCapacity)
          .value_or(1024));
  // The default means: by kind of message, as for any topic; only a number that was given counts.
  const std::uint32_t capacity = is_given(arguments.default_capacity) ? spec.default_capacity : 0;
  spec.publishers = parse_ports(arguments.pubs, "pubs", capacity);
  spec.subscribers = parse_ports(arguments.subs, "subs", capacity);
  raise_unless(validate(spec.config));
  return spec;
}

std::array<PyObject*, kCallbacks> callbacks_of(const NodeArguments& arguments) {
  std::array<PyObject*, kCallbacks> callbacks{arguments.tick, arguments.init, arguments.shutdown,
                                              arguments.on_error, arguments.safe_state};
  for (std::size_t i = 0; i < kCallbacks; ++i) {
    if (!is_given(callbacks[i])) {
      callbacks[i] = nullptr;
    } else if (PyCallable_Check(callbacks[i]) == 0) {
      throw pyb::type_error(std::string{name_of(static_cast<Callback>(i))} +
                            " must be callable, not " + Py_TYPE(callbacks[i])->tp_name);
    } else {
      require_plain(static_cast<Callback>(i), callbacks[i]);
    }
  }
  return callbacks;
}

}  // namespace horus::py

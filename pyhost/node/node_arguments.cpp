// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node/node_arguments.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <variant>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/text.hpp"
#include "rt/base/plain_name.hpp"
#include "rt/node_config.hpp"
#include "shm/names.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

constexpr std::uint32_t kMaxCapacity = 1U << 24;

bool is_given(PyObject* value) noexcept {
  return value != nullptr && value != Py_None;
}

/// Reads and checks single arguments. Every exception names the node and the argument.
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
    if (PyBool_Check(value) != 0 || (number == -1.0 && PyErr_Occurred() != nullptr)) {
      PyErr_Clear();
      refuse_type(argument, "a number", value);
    }
    if (!std::isfinite(number) || number <= 0.0) {
      refuse(std::string{argument} + " must be a finite number of " + unit + " above 0, not " +
             repr_of(value));
    }
    return number;
  }

  /// A duration in seconds; nothing where the argument is not given. `given` receives the seconds
  /// as they were given; it may be null.
  std::optional<Nanos> duration(PyObject* value, const char* argument,
                                double* given = nullptr) const {
    if (!is_given(value)) return std::nullopt;
    const double seconds = positive(value, argument, "seconds");
    if (seconds > 1e9) refuse(std::string{argument} + " is longer than thirty years");
    if (given != nullptr) *given = seconds;
    return nanos_of(seconds);
  }

  std::optional<Nanos> duration_or_zero(PyObject* value, const char* argument,
                                        double* given = nullptr) const {
    const bool number = is_given(value) && PyBool_Check(value) == 0 && PyNumber_Check(value) != 0;
    if (number && PyObject_IsTrue(value) == 0) return Nanos{};
    return duration(value, argument, given);
  }

  std::optional<int> integer(PyObject* value, const char* argument, Range range) const {
    if (!is_given(value)) return std::nullopt;
    if (PyLong_Check(value) == 0 || PyBool_Check(value) != 0) {
      refuse_type(argument, "an int", value);
    }
    int overflow = 0;
    const long number = PyLong_AsLongAndOverflow(value, &overflow);
    if (overflow != 0 || !range.holds(number)) {
      refuse(std::string{argument} + " must be " + std::to_string(range.low) + " to " +
             std::to_string(range.high) + ", not " + repr_of(value));
    }
    return static_cast<int>(number);
  }

  std::string text(PyObject* value, const char* argument) const {
    // A str enum (horus.Miss) is a str.
    if (PyUnicode_Check(value) == 0) refuse_type(argument, "a str", value);
    if (PyUnicode_AsUTF8(value) != nullptr) return characters_of(value);
    PyErr_Clear();
    refuse(std::string{argument} + " holds what is no character: '" + characters_of(value) + "'");
  }

  template <Worded E>
  E word(PyObject* value, const char* argument,
         const std::string& choices = std::string{kChoices<E, '\''>}) const {
    const std::string given = text(value, argument);
    if (const auto found = parse_word<E>(given)) return *found;
    refuse(std::string{argument} + " must be " + choices + ", not '" + given + "'");
  }

  /// Sets the members of `out` from a dict. None keeps a member's value. `zero`: durations may be
  /// 0.
  template <typename T>
  void settings(PyObject* dict, const std::string& argument, std::span<const Setting<T>> known,
                bool zero, T& out) const {
    for (const auto& [key, value] : pyb::reinterpret_borrow<pyb::dict>(dict)) {
      const std::string name = text(key.ptr(), ("a key of " + argument).c_str());
      const auto found = std::ranges::find(known, name, &Setting<T>::name);
      if (found == known.end()) {
        std::string names;
        for (const Setting<T>& one : known)
          names += (names.empty() ? "" : ", ") + std::string{one.name};
        refuse(argument + " has no '" + name + "' (known: " + names + ")");
      }
      const std::string place = argument + "['" + name + "']";
      const auto set = [&, item = value.ptr()](auto member) {
        if constexpr (std::same_as<decltype(member), Nanos T::*>) {
          const auto given =
              zero ? duration_or_zero(item, place.c_str()) : duration(item, place.c_str());
          out.*member = given.value_or(out.*member);
        } else if (const auto number = integer(item, place.c_str(), found->range)) {
          out.*member = static_cast<std::remove_reference_t<decltype(out.*member)>>(*number);
        }
      };
      std::visit(set, found->value);
    }
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
    // The first kind is written as None in Python.
    std::string choices{kChoices<FailureKind, '\''>};
    choices.replace(0, choices.find(','), "None");
    policy.kind = reader.word<FailureKind>(arguments.failure_policy, "failure_policy", choices);
  }
  if (is_given(arguments.failure)) {
    if (PyDict_Check(arguments.failure) == 0) {
      reader.refuse_type("failure", "a dict", arguments.failure);
    }
    reader.settings<FailurePolicy>(arguments.failure, "failure", kFailureSettings, /*zero=*/false,
                                   policy);
  }
  return policy;
}

/// Reads ladder=: True, or a dict of its numbers.
std::optional<LadderConfig> read_ladder(const ArgumentReader& reader, PyObject* given) {
  if (!is_given(given) || given == Py_False) return std::nullopt;
  LadderConfig ladder;
  if (given == Py_True) return ladder;
  if (PyDict_Check(given) == 0) reader.refuse_type("ladder", "a bool or a dict", given);
  reader.settings<LadderConfig>(given, "ladder", kLadderSettings, /*zero=*/true, ladder);
  return ladder;
}

void set_class(const ArgumentReader& reader, const NodeArguments& arguments, bool async,
               NodeSpec& spec) {
  const bool compute = reader.flag(arguments.compute, "compute");
  const bool event = is_given(arguments.on);
  if (compute && event) reader.refuse("compute=True and on= are mutually exclusive");
  if (compute && async) {
    reader.refuse(
        "compute=True and an async tick are mutually exclusive; work that blocks is awaited as "
        "asyncio.to_thread(function)");
  }
  if (event && async) {
    reader.refuse(
        "on= and an async tick are mutually exclusive; a coroutine waits for messages itself: "
        "async for message in horus.aio.Topic(name)");
  }
  if (async) spec.config.node_class = NodeClass::kAsync;
  if (compute) spec.config.node_class = NodeClass::kCompute;
  if (event) {
    spec.on = reader.text(arguments.on, "on");
    raise_unless(shm::check_topic_name(spec.on));
    spec.config.node_class = NodeClass::kEvent;
    return;
  }
  if (arguments.rate == Py_None) {
    if (compute) reader.refuse("compute=True needs a rate");
    if (async) reader.refuse("an async tick needs a rate");
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

/// Programs of the HORUS family may ask for priority 99, which is the kernel's. They get 98, and
/// the run reports a degradation.
std::optional<int> read_priority(const ArgumentReader& reader, const NodeArguments& arguments,
                                 bool& asked_99) {
  constexpr int kHighest = kPriorities.high;
  PyObject* const given = arguments.priority;
  int overflow = 0;
  asked_99 = is_given(given) && PyLong_Check(given) != 0 &&
             PyLong_AsLongAndOverflow(given, &overflow) == kHighest + 1;
  return asked_99 ? std::optional{kHighest} : reader.integer(given, "priority", kPriorities);
}

void set_times(const ArgumentReader& reader, const NodeArguments& arguments, NodeSpec& spec) {
  NodeConfig& config = spec.config;
  config.budget = reader.duration(arguments.budget, "budget", &spec.given.budget);
  config.deadline = reader.duration(arguments.deadline, "deadline", &spec.given.deadline);
  config.watchdog = reader.duration_or_zero(arguments.watchdog, "watchdog", &spec.given.watchdog);
  if (config.rate && config.budget && *config.budget > config.rate->period()) {
    const std::string given = repr_of(arguments.budget);
    reader.refuse("budget=" + given + " is longer than the period of " +
                  std::to_string(1.0 / config.rate->hz()) + " s: a budget is in seconds; write " +
                  given + "*horus.us for microseconds");
  }
}

/// Reads host=. The rules are those for hosts of the configuration.
std::string host_name(const ArgumentReader& reader, PyObject* value) {
  if (!is_given(value)) return {};
  std::string name = reader.text(value, "host");
  if (is_plain_name(name)) return name;
  reader.refuse("host must be " + std::string{kPlainNameRule} + ", not '" + name + "'");
}

}  // namespace

Nanos nanos_of(double seconds) noexcept {
  return Nanos{std::max<std::int64_t>(std::llround(seconds * 1e9), 1)};
}

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
                                       "arm_at_start",
                                       "leave_safe_state",
                                       "degrade",
                                       "ladder",
                                       "critical",
                                       "safe_state_async",
                                       nullptr};
  return PyArg_ParseTupleAndKeywords(
             positional, keywords, "|OOOOOOOOOOOOOOOOOOOOOOOOOOOOO:Node",
             const_cast<char**>(kNames), &a.name, &a.tick, &a.rate, &a.pubs, &a.subs, &a.init,
             &a.shutdown, &a.on_error, &a.order, &a.budget, &a.deadline, &a.on_miss,
             &a.failure_policy, &a.compute, &a.on, &a.priority, &a.core, &a.watchdog,
             &a.default_capacity, &a.safe_state, &a.host, &a.failure, &a.actuator, &a.arm_at_start,
             &a.leave_safe_state, &a.degrade, &a.ladder, &a.critical, &a.safe_state_async) != 0;
}

NodeSpec make_spec(const NodeArguments& arguments, bool async) {
  NodeSpec spec;
  spec.name = node_name(arguments.name);
  const ArgumentReader reader{spec.name};
  spec.config.name = NodeName::clipped(spec.name);
  spec.host = host_name(reader, arguments.host);
  set_class(reader, arguments, async, spec);
  set_times(reader, arguments, spec);
  spec.config.actuator = reader.flag(arguments.actuator, "actuator");
  spec.config.arm_at_start = reader.flag(arguments.arm_at_start, "arm_at_start");
  if (spec.config.arm_at_start && !spec.config.actuator) {
    reader.refuse("arm_at_start=True is for actuators: give actuator=True, too");
  }
  spec.config.critical = reader.flag(arguments.critical, "critical");
  spec.config.safe_state_async = reader.flag(arguments.safe_state_async, "safe_state_async");
  spec.config.order = reader.integer(arguments.order, "order", kOrders).value_or(0);
  spec.config.priority = read_priority(reader, arguments, spec.asked_99);
  spec.config.cpu = reader.integer(arguments.core, "core", kCpuIndices);
  spec.config.failure = failure_policy(reader, arguments);
  spec.config.ladder = read_ladder(reader, arguments.ladder);
  spec.config.degrade = reader.flag(arguments.degrade, "degrade");
  if (is_given(arguments.on_miss)) {
    spec.config.on_miss = reader.word<MissPolicy>(arguments.on_miss, "on_miss");
  }
  spec.default_capacity = static_cast<std::uint32_t>(
      reader.integer(arguments.default_capacity, "default_capacity", {1, kMaxCapacity})
          .value_or(1024));
  // Without default_capacity= each topic's capacity depends on its kind of message, as for any
  // topic. Only a number that was given overrides that.
  const std::uint32_t capacity = is_given(arguments.default_capacity) ? spec.default_capacity : 0;
  spec.publishers = parse_ports(arguments.pubs, "pubs", capacity);
  spec.subscribers = parse_ports(arguments.subs, "subs", capacity);
  raise_unless(validate(spec.config));
  return spec;
}

std::array<PyObject*, kCallbacks> callbacks_of(const NodeArguments& arguments) {
  std::array<PyObject*, kCallbacks> callbacks{arguments.tick,       arguments.init,
                                              arguments.shutdown,   arguments.on_error,
                                              arguments.safe_state, arguments.leave_safe_state};
  for (std::size_t i = 0; i < kCallbacks; ++i) {
    if (!is_given(callbacks[i])) {
      callbacks[i] = nullptr;
    } else if (PyCallable_Check(callbacks[i]) == 0) {
      throw pyb::type_error(std::string{name_of(static_cast<Callback>(i))} +
                            " must be callable, not " + Py_TYPE(callbacks[i])->tp_name);
    } else {
      require_fit(static_cast<Callback>(i), callbacks[i]);
    }
  }
  return callbacks;
}

}  // namespace horus::py

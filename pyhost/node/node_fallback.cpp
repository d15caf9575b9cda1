// SPDX-License-Identifier: Apache-2.0
#include "pyhost/node/node_fallback.hpp"

#include <cmath>
#include <string>
#include <string_view>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/message/msgpack.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/message/varying.hpp"
#include "pyhost/payload/object.hpp"
#include "shm/freshness.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

bool is_said(PyObject* value) noexcept {
  return value != nullptr && value != Py_None;
}

/// Reads the arguments of one subscription; its exceptions name it.
class FallbackReader {
 public:
  FallbackReader(const char* argument, NodeSpec::PortSpec& subscription)
      : who_{std::string{argument} + "['" + subscription.topic + "']: "}, port_{subscription} {}

  void read(const PortArguments& arguments) {
    if (is_said(arguments.timeout)) port_.options.timeout = seconds(arguments.timeout);
    if (is_said(arguments.timeout)) decide_type();
    if (is_said(arguments.fallback)) {
      // Checked before the fallback is turned into bytes: without a time-out the type may not be
      // known.
      if (!is_said(arguments.timeout))
        refuse(
            "a fallback needs a timeout: without one the input "
            "is never too old");
      fall_back(arguments.fallback);
    }
    if (port_.type.payload != nullptr) return;
    const shm::TypeInfo& type =
        port_.type.message != nullptr ? port_.type.message->info() : shm::generic_type();
    const auto& options = port_.options;
    const Status fits = shm::check_fallback(type, options.timeout, options.fallback, options.value);
    if (!fits) refuse(std::string{fits.error().subject.view()});
  }

 private:
  [[noreturn]] void refuse(const std::string& text) const { throw pyb::value_error(who_ + text); }

  Nanos seconds(PyObject* value) const {
    const double number = PyFloat_AsDouble(value);
    if (PyBool_Check(value) != 0 || (number == -1.0 && PyErr_Occurred() != nullptr)) {
      PyErr_Clear();
      throw pyb::type_error(who_ + "timeout must be a number of seconds, not " +
                            Py_TYPE(value)->tp_name);
    }
    constexpr double kLongest = 1e9;
    if (!std::isfinite(number) || number <= 0.0 || number > kLongest) {
      refuse("timeout must be a finite number of seconds above 0, not " + repr_of(value));
    }
    return Nanos{std::max<std::int64_t>(std::llround(number * 1e9), 1)};
  }

  /// A time-out must act even if nobody ever publishes. Then the topic cannot tell its type, so the
  /// type must be known here.
  void decide_type() {
    if (port_.type.carries != Carries::kUndecided) return;
    if (MessageType* const message = find_type_of_topic(port_.topic)) {
      port_.type = {.carries = message->varies() ? Carries::kVarying : Carries::kMessages,
                    .message = message};
      return;
    }
    refuse("a timeout needs the topic's type, as in Sub('" + port_.topic +
           "', horus.CmdVel, timeout=0.2); of values it is dict");
  }

  void fall_back(PyObject* value) {
    using shm::Fallback;
    const std::string_view word = PyUnicode_Check(value) != 0 ? text_view(value) : "";
    port_.options.fallback = Fallback::kValue;
    if (word == "hold") port_.options.fallback = Fallback::kHold;
    if (word == "zero") port_.options.fallback = Fallback::kZero;
    if (word == "stop") port_.options.fallback = Fallback::kStop;
    if (port_.type.payload != nullptr && port_.options.fallback != Fallback::kStop) {
      refuse("the fallback of a topic of " + std::string{port_.type.payload->name()} +
             "s is 'stop', or none");
    }
    if (port_.options.fallback == Fallback::kValue) keep(value);
  }

  static std::string_view text_view(PyObject* value) {
    Py_ssize_t length = 0;
    const char* const utf8 = PyUnicode_AsUTF8AndSize(value, &length);
    if (utf8 == nullptr) throw pyb::error_already_set();
    return {utf8, static_cast<std::size_t>(length)};
  }

  /// Keeps the fallback as the bytes of a message.
  void keep(PyObject* value) {
    std::vector<std::byte>& bytes = port_.fallback;
    bytes.resize(shm::kMaxMessage);
    const Py_ssize_t size =
        port_.type.message != nullptr ? write_message(value, bytes) : pack(value, bytes);
    if (size < 0) throw pyb::error_already_set();
    bytes.resize(static_cast<std::size_t>(size));
    bytes.shrink_to_fit();
    port_.options.value = bytes;
  }

  Py_ssize_t write_message(PyObject* value, std::span<std::byte> bytes) const {
    MessageType& type = *port_.type.message;
    Ref made;
    if (PyDict_Check(value) != 0) {
      made = Ref{as_object(type.from_dict(value))};
      if (!made) return -1;
      value = made.ptr();
    }
    if (Py_TYPE(value) != type.python()) {
      const std::string name{type.info().name};
      const bool words = PyUnicode_Check(value) != 0;
      const std::string text = who_ + "fallback must be 'hold', 'zero', 'stop' or a " + name +
                               ", not " + (words ? repr_of(value) : Py_TYPE(value)->tp_name);
      if (words) throw pyb::value_error(text);
      throw pyb::type_error(text);
    }
    MessageObject* const message = as_message(value);
    if (type.varies()) return pack_message(message, bytes);
    std::copy_n(message->data, type.size(), bytes.begin());
    return static_cast<Py_ssize_t>(type.size());
  }

  std::string who_;
  NodeSpec::PortSpec& port_;
};

}  // namespace

void read_fallback(const PortArguments& arguments, const char* who, NodeSpec::PortSpec& port) {
  FallbackReader{who, port}.read(arguments);
}

}  // namespace horus::py

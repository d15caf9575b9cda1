// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <vector>

#include "pyhost/errors.hpp"
#include "pyhost/node_arguments.hpp"
#include "shm/names.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;
using PortSpec = NodeSpec::PortSpec;

constexpr long kMaxPortCapacity = 1L << 24;

/// Reads one of pubs= and subs=.
class PortReader {
 public:
  PortReader(const char* argument, std::uint32_t default_capacity)
      : argument_{argument}, default_capacity_{default_capacity} {}

  std::vector<PortSpec> read(pyb::handle ports) {
    if (pyb::isinstance<pyb::dict>(ports)) {
      for (const auto& [name, what] : pyb::reinterpret_borrow<pyb::dict>(ports)) named(name, what);
    } else if (pyb::isinstance<pyb::list>(ports) || pyb::isinstance<pyb::tuple>(ports)) {
      for (const pyb::handle port : ports) one(port);
    } else {
      one(ports);
    }
    return std::move(found_);
  }

 private:
  [[noreturn]] void refuse(pyb::handle value) const {
    throw pyb::type_error(std::string{argument_} +
                          " takes a topic name, a message type, Pub(...) or Sub(...), a list of "
                          "those, or a dict of name and type, not " +
                          Py_TYPE(value.ptr())->tp_name);
  }

  void add(std::string topic, pyb::handle type, std::optional<std::uint32_t> capacity) {
    raise_unless(shm::check_topic_name(topic));
    PortSpec port{.topic = std::move(topic)};
    if (type && !type.is_none() && !port_type_of(type.ptr(), port.type)) {
      throw pyb::error_already_set();
    }
    // The window of a topic of images costs as many frames of memory: only its own capacity= sets
    // it.
    const bool payloads = port.type.carries == Carries::kPayloads;
    port.capacity = capacity.value_or(payloads ? 0 : default_capacity_);
    found_.push_back(std::move(port));
  }

  std::optional<std::uint32_t> capacity_of(pyb::handle value) const {
    if (!value || value.is_none()) return std::nullopt;
    if (PyLong_Check(value.ptr()) == 0) {
      throw pyb::type_error(std::string{argument_} + ": capacity must be an int, not " +
                            Py_TYPE(value.ptr())->tp_name);
    }
    int overflow = 0;
    const long capacity = PyLong_AsLongAndOverflow(value.ptr(), &overflow);
    if (overflow != 0 || capacity < 1 || capacity > kMaxPortCapacity) {
      throw pyb::value_error(std::string{argument_} + ": capacity must be 1 to " +
                             std::to_string(kMaxPortCapacity) + ", not " +
                             pyb::repr(value).cast<std::string>());
    }
    return static_cast<std::uint32_t>(capacity);
  }

  /// name -> type, or name -> {"type": ..., "capacity": ...}.
  void named(pyb::handle name, pyb::handle what) {
    if (!pyb::isinstance<pyb::str>(name)) refuse(name);
    const std::string topic = name.cast<std::string>();
    if (!pyb::isinstance<pyb::dict>(what)) return add(topic, what, std::nullopt);
    const auto options = pyb::reinterpret_borrow<pyb::dict>(what);
    for (const auto& [key, value] : options) {
      const std::string option = pyb::str(key);
      if (option != "type" && option != "capacity") {
        throw pyb::value_error(std::string{argument_} + "['" + topic + "'] has no '" + option +
                               "' (known: type, capacity)");
      }
    }
    add(topic, PyDict_GetItemString(options.ptr(), "type"),
        capacity_of(PyDict_GetItemString(options.ptr(), "capacity")));
  }

  void one(pyb::handle port) {
    if (pyb::isinstance<pyb::str>(port)) return add(port.cast<std::string>(), {}, std::nullopt);
    if (PyType_Check(port.ptr()) != 0) {
      std::string topic = default_topic_of(port.ptr());
      if (topic.empty()) refuse(port);
      return add(std::move(topic), port, std::nullopt);
    }
    if (!pyb::hasattr(port, "topic") || !pyb::hasattr(port, "capacity")) refuse(port);
    const pyb::object topic = port.attr("topic");
    if (!pyb::isinstance<pyb::str>(topic)) refuse(topic);
    add(topic.cast<std::string>(), port.attr("type"), capacity_of(port.attr("capacity")));
  }

  const char* argument_;
  std::uint32_t default_capacity_;
  std::vector<PortSpec> found_;
};

}  // namespace

std::vector<PortSpec> parse_ports(pyb::handle ports, const char* argument, std::uint32_t capacity) {
  if (!ports || ports.is_none()) return {};
  return PortReader{argument, capacity}.read(ports);
}

}  // namespace horus::py

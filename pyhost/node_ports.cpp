// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "pyhost/errors.hpp"
#include "pyhost/node_arguments.hpp"
#include "shm/names.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;
using PortSpec = NodeSpec::PortSpec;

/// Reads one of pubs= and subs=.
class PortReader {
 public:
  PortReader(const char* argument, std::uint32_t default_capacity)
      : argument_{argument},
        publishes_{argument == std::string_view{"pubs"}},
        default_capacity_{default_capacity} {}

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

  void add(std::string topic, pyb::handle type, const PortArguments& arguments = {}) {
    raise_unless(shm::check_topic_name(topic));
    PortSpec port{.topic = std::move(topic)};
    if (type && !type.is_none() && !port_type_of(type.ptr(), port.type)) {
      throw pyb::error_already_set();
    }
    if (!read_port_options(arguments, argument_, port.options)) throw pyb::error_already_set();
    // Of images, maps and the like it costs so many of the largest in memory: only their own
    // capacity= sets it.
    const bool large =
        port.type.carries == Carries::kPayloads || port.type.carries == Carries::kVarying;
    if (port.options.capacity == 0 && !large) port.options.capacity = default_capacity_;
    found_.push_back(std::move(port));
  }

  /// name -> type, or name -> {"type": ..., "capacity": ...}.
  void named(pyb::handle name, pyb::handle what) {
    if (!pyb::isinstance<pyb::str>(name)) refuse(name);
    const std::string topic = name.cast<std::string>();
    if (!pyb::isinstance<pyb::dict>(what)) return add(topic, what);
    PyObject* type = nullptr;
    PortArguments arguments;
    for (const auto& [key, value] : pyb::reinterpret_borrow<pyb::dict>(what)) {
      const std::string option = pyb::str(key);
      PyObject** const place = option == "type" ? &type : place_of(arguments, option);
      if (place == nullptr) {
        throw pyb::value_error(std::string{argument_} + "['" + topic + "'] has no '" + option +
                               "' (known: type, capacity, " +
                               (publishes_ ? "policy, max_size)" : "history)"));
      }
      *place = value.ptr();
    }
    add(topic, type, arguments);
  }

  PyObject** place_of(PortArguments& arguments, const std::string& option) const {
    if (option == "capacity") return &arguments.capacity;
    if (publishes_ && option == "policy") return &arguments.policy;
    if (publishes_ && option == "max_size") return &arguments.max_size;
    if (!publishes_ && option == "history") return &arguments.history;
    return nullptr;
  }

  void one(pyb::handle port) {
    if (pyb::isinstance<pyb::str>(port)) return add(port.cast<std::string>(), {});
    if (PyType_Check(port.ptr()) != 0) {
      std::string topic = default_topic_of(port.ptr());
      if (topic.empty()) refuse(port);
      return add(std::move(topic), port);
    }
    if (!pyb::hasattr(port, "topic") || !pyb::hasattr(port, "capacity")) refuse(port);
    const pyb::object topic = port.attr("topic");
    if (!pyb::isinstance<pyb::str>(topic)) refuse(topic);
    // Pub and Sub have each what the other has not.
    const auto given = [port](const char* name) { return pyb::getattr(port, name, pyb::none()); };
    const pyb::object capacity = given("capacity"), policy = given("policy"),
                      max_size = given("max_size"), history = given("history");
    add(topic.cast<std::string>(), port.attr("type"),
        {.capacity = capacity.ptr(),
         .policy = policy.ptr(),
         .max_size = max_size.ptr(),
         .history = history.ptr()});
  }

  const char* argument_;
  bool publishes_;
  std::uint32_t default_capacity_;
  std::vector<PortSpec> found_;
};

}  // namespace

std::vector<PortSpec> parse_ports(pyb::handle ports, const char* argument, std::uint32_t capacity) {
  if (!ports || ports.is_none()) return {};
  return PortReader{argument, capacity}.read(ports);
}

}  // namespace horus::py

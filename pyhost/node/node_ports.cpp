// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pyhost/cpython/errors.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/node/node_arguments.hpp"
#include "pyhost/node/node_fallback.hpp"
#include "shm/names.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;
using PortSpec = NodeSpec::PortSpec;

/// Reads pubs= or subs=.
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
    read_fallback(arguments, argument_, port);
    // default_capacity= does not apply to images, maps and the like. Each place there takes the
    // memory of the largest message, so only the port's own capacity= counts.
    const bool large =
        port.type.carries == Carries::kPayloads || port.type.carries == Carries::kVarying;
    if (publishes_ && port.options.capacity == 0 && !large) {
      port.options.capacity = default_capacity_;
    }
    found_.push_back(std::move(port));
  }

  /// One entry of a dict: name: type, or name: {"type": ..., "capacity": ...}.
  void named(pyb::handle name, pyb::handle what) {
    if (!pyb::isinstance<pyb::str>(name)) refuse(name);
    const std::string topic = characters_of(name.ptr());
    if (!pyb::isinstance<pyb::dict>(what)) return add(topic, what);
    PyObject* type = nullptr;
    PortArguments arguments;
    bool has_depth = false;
    for (const auto& [key, value] : pyb::reinterpret_borrow<pyb::dict>(what)) {
      const std::string option = text_of(key.ptr());
      PyObject** const place = option == "type" ? &type : place_of(arguments, option);
      if (place == nullptr) {
        throw pyb::value_error(std::string{argument_} + "['" + topic + "'] has no '" + option +
                               "' (known: type, " +
                               (publishes_ ? "capacity, policy, max_size, size, finite)"
                                           : "depth, history, timeout, fallback)"));
      }
      if (place == &arguments.depth && std::exchange(has_depth, true)) {
        throw pyb::value_error(std::string{argument_} + "['" + topic +
                               "'] has depth and capacity: they are one argument");
      }
      *place = value.ptr();
    }
    add(topic, type, arguments);
  }

  PyObject** place_of(PortArguments& arguments, const std::string& option) const {
    // The ring belongs to the publisher, so for a subscription "capacity" means its depth.
    if (!publishes_ && (option == "depth" || option == "capacity")) return &arguments.depth;
    if (publishes_ && option == "capacity") return &arguments.capacity;
    if (publishes_ && option == "policy") return &arguments.policy;
    if (publishes_ && option == "max_size") return &arguments.max_size;
    if (publishes_ && option == "size") return &arguments.size;
    if (publishes_ && option == "finite") return &arguments.finite;
    if (!publishes_ && option == "history") return &arguments.history;
    if (!publishes_ && option == "timeout") return &arguments.timeout;
    if (!publishes_ && option == "fallback") return &arguments.fallback;
    return nullptr;
  }

  void one(pyb::handle port) {
    if (pyb::isinstance<pyb::str>(port)) return add(characters_of(port.ptr()), {});
    if (PyType_Check(port.ptr()) != 0) {
      PortType type;
      if (!port_type_of(port.ptr(), type)) PyErr_Clear();
      std::string topic = default_topic_of(type);
      if (topic.empty()) refuse(port);
      return add(std::move(topic), port);
    }
    if (!pyb::hasattr(port, "topic") || !pyb::hasattr(port, "capacity")) refuse(port);
    const pyb::object topic = port.attr("topic");
    if (!pyb::isinstance<pyb::str>(topic)) refuse(topic);
    // Pub and Sub have different attributes; one that is missing reads as None.
    const auto given = [port](const char* name) { return pyb::getattr(port, name, pyb::none()); };
    const pyb::object capacity = given("capacity"), policy = given("policy"),
                      max_size = given("max_size"), history = given("history"),
                      size = given("size"), finite = given("finite"), timeout = given("timeout"),
                      fallback = given("fallback"),
                      depth = pyb::getattr(port, "depth", pyb::ellipsis());
    const bool by_kind = publishes_ || depth.ptr() == Py_Ellipsis;
    const bool sized = publishes_ && capacity.ptr() != Py_Ellipsis;
    add(characters_of(topic.ptr()), port.attr("type"),
        {.capacity = sized ? capacity.ptr() : nullptr,
         .policy = policy.ptr(),
         .max_size = max_size.ptr(),
         .history = history.ptr(),
         .depth = by_kind ? nullptr : depth.ptr(),
         .size = size.ptr(),
         .finite = finite.ptr(),
         .timeout = timeout.ptr(),
         .fallback = fallback.ptr()});
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

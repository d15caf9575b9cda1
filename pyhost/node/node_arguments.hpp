// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>

#include "pyhost/node/py_node.hpp"

namespace horus::py {

/// The arguments of Node(...), as they came: borrowed, null where not given. In the order of the
/// constructor.
struct NodeArguments {
  PyObject* name = nullptr;
  PyObject* tick = nullptr;
  PyObject* rate = nullptr;
  PyObject* pubs = nullptr;
  PyObject* subs = nullptr;
  PyObject* init = nullptr;
  PyObject* shutdown = nullptr;
  PyObject* on_error = nullptr;
  PyObject* order = nullptr;
  PyObject* budget = nullptr;
  PyObject* deadline = nullptr;
  PyObject* on_miss = nullptr;
  PyObject* failure_policy = nullptr;
  PyObject* compute = nullptr;
  PyObject* on = nullptr;
  PyObject* priority = nullptr;
  PyObject* core = nullptr;
  PyObject* watchdog = nullptr;
  PyObject* default_capacity = nullptr;
  PyObject* safe_state = nullptr;
  PyObject* host = nullptr;
  PyObject* failure = nullptr;
  PyObject* actuator = nullptr;
  PyObject* arm_at_start = nullptr;
  PyObject* leave_safe_state = nullptr;
  PyObject* degrade = nullptr;
  PyObject* ladder = nullptr;
  PyObject* critical = nullptr;
  PyObject* safe_state_async = nullptr;
};

/// Reads the arguments; false with TypeError set.
bool parse(PyObject* positional, PyObject* keywords, NodeArguments& arguments) noexcept;

/// Checks them: every limit and every rule between them. Throws ValueError and TypeError that
/// name the node and the argument. `async`: its tick is an async function.
NodeSpec make_spec(const NodeArguments& arguments, bool async);

/// What `pubs=` or `subs=` declares. `capacity` is the node's default_capacity
/// (node_ports.cpp).
std::vector<NodeSpec::PortSpec> parse_ports(pybind11::handle ports, const char* argument,
                                            std::uint32_t capacity);

/// Of seconds above 0: the nearest whole number, at least one.
Nanos nanos_of(double seconds) noexcept;

/// The constructor's functions, by Callback; borrowed, null where none was given.
std::array<PyObject*, kCallbacks> callbacks_of(const NodeArguments& arguments);

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>

#include "pyhost/node/py_node.hpp"

namespace horus::py {

/// The arguments of Node(...) as they were passed, in the order of the constructor. Borrowed; null
/// where not given.
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

/// Checks the arguments: every limit, and every rule between two of them. Throws ValueError and
/// TypeError that name the node and the argument. `async`: its tick is an async function.
NodeSpec make_spec(const NodeArguments& arguments, bool async);

/// The ports that `pubs=` or `subs=` declares (node_ports.cpp). `argument`: "pubs" or "subs".
/// `capacity`: the node's default_capacity; 0: not given. Throws ValueError and TypeError.
std::vector<NodeSpec::PortSpec> parse_ports(pybind11::handle ports, const char* argument,
                                            std::uint32_t capacity);

/// Converts seconds above 0 to the nearest whole number of nanoseconds, at least 1.
Nanos nanos_of(double seconds) noexcept;

/// The constructor's functions, indexed by Callback; borrowed, null where not given. Throws
/// TypeError for one that is not callable, ValueError as require_fit().
std::array<PyObject*, kCallbacks> callbacks_of(const NodeArguments& arguments);

}  // namespace horus::py

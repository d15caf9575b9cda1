// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace horus::py {

/// Adds a class for every message type that shm knows, made from its table. Their helper
/// methods are Python (horus/_methods/), which the package imports right after the module.
void bind_messages(pybind11::module_& module);

/// Adds `Topic`. After bind_messages() and bind_payloads().
void bind_topic(pybind11::module_& module);

/// Adds `Image`, `PointCloud`, `DepthImage` and `Tensor`.
void bind_payloads(pybind11::module_& module);

/// Adds `_Recording`, which reads a file.
void bind_recording(pybind11::module_& module);

/// Adds estop() and its kin.
void bind_safety(pybind11::module_& module);

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

namespace horus::py {

/// Adds `Topic`. Call after bind_messages() and bind_payloads().
void bind_topic(pybind11::module_& module);

/// Adds `_Recording`, which reads a recording's file.
void bind_recording(pybind11::module_& module);

}  // namespace horus::py

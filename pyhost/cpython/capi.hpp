// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <pybind11/pybind11.h>

#include "pyhost/cpython/cpython.hpp"

namespace horus::py {

/// Takes over a new reference; empty when `object` is null (an exception is set then).
inline pybind11::object owned(PyObject* object) noexcept {
  return pybind11::reinterpret_steal<pybind11::object>(object);
}

}  // namespace horus::py

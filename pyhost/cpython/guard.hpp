// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <utility>

#include <pybind11/pybind11.h>

#include "pyhost/cpython/text.hpp"

namespace horus::py {

/// Runs `body` for code that CPython calls: what it throws becomes the Python exception that is
/// set, and `failed` the result.
template <typename R, typename Body>
R guarded(R failed, Body&& body) noexcept {
  try {
    // What is thrown while an exception is handed over is caught as well.
    try {
      return std::forward<Body>(body)();
    } catch (pybind11::error_already_set& error) {
      error.restore();
    } catch (const pybind11::builtin_exception& error) {
      error.set_error();
    }
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    set_exception(PyExc_RuntimeError, error.what());
  }
  return failed;
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <exception>
#include <new>
#include <utility>

#include <pybind11/pybind11.h>

#include "pyhost/cpython/text.hpp"
#include "rt/base/result.hpp"

/// Errors between Python and us, each way.
namespace horus::py {

/// Sets the Python exception that `error` stands for: ValueError, TypeError, OSError with its
/// errno (and so PermissionError, FileNotFoundError), MemoryError; both of them, with what to do,
/// where the system was short of something; else RuntimeError. Needs the GIL. Always null, so that
/// `return set_error(error);` reads well.
PyObject* set_error(const Error& error) noexcept;

/// For code that pybind11 calls: the value, or the exception thrown.
template <typename T>
T value_or_raise(Result<T> result) {
  if (!result) {
    set_error(result.error());
    throw pybind11::error_already_set();
  }
  return std::move(result).value();
}

inline void raise_unless(const Status& status) {
  if (status) return;
  set_error(status.error());
  throw pybind11::error_already_set();
}

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

/// The normalised exception that is set, with its traceback attached; takes it from the thread.
/// A new reference.
PyObject* take_exception() noexcept;

}  // namespace horus::py

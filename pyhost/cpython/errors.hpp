// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <exception>
#include <new>
#include <utility>

#include <pybind11/pybind11.h>

#include <horus/result.hpp>

#include "pyhost/cpython/text.hpp"

/// Errors between Python and C++, in both directions. All calls with the GIL.
namespace horus::py {

/// Sets the Python exception for `error`. kInvalidArgument is ValueError. Any other error with an
/// errno is an OSError, which Python turns into PermissionError, FileNotFoundError and so on; where
/// the system was short of something it is a MemoryError as well, and its text says what to do.
/// Without an errno the code decides: TypeError, MemoryError, FileNotFoundError, PermissionError,
/// OSError, or RuntimeError. Always returns null, so that a caller can write
/// `return set_error(error);`.
PyObject* set_error(const Error& error) noexcept;

/// For code that pybind11 calls: returns the value, or throws the error as a Python exception.
template <typename T>
T value_or_raise(Result<T> result) {
  if (!result) {
    set_error(result.error());
    throw pybind11::error_already_set();
  }
  return std::move(result).value();
}

/// Likewise, for a call without a value.
inline void raise_unless(const Status& status) {
  if (status) return;
  set_error(status.error());
  throw pybind11::error_already_set();
}

/// For code that CPython calls, which must not throw: runs `body` and returns its result. If it
/// throws, sets the corresponding Python exception and returns `failed`.
template <typename R, typename Body>
R guarded(R failed, Body&& body) noexcept {
  try {
    // Two levels, because handing an exception over to Python may throw as well.
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

/// Takes the exception that is set off the thread and returns it, normalised and with its traceback
/// attached. A new reference; null where no exception is set.
PyObject* take_exception() noexcept;

}  // namespace horus::py

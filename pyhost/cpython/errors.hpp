// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <utility>

#include <pybind11/pybind11.h>

#include "pyhost/cpython/set_error.hpp"
#include "rt/base/result.hpp"

namespace horus::py {

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

}  // namespace horus::py

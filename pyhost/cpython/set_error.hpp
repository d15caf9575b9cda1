// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include "rt/base/result.hpp"

namespace horus::py {

/// Sets the Python exception that `error` stands for: ValueError, TypeError, OSError with its
/// errno (and so PermissionError, FileNotFoundError), MemoryError; both of them, with what to do,
/// where the system was short of something; else RuntimeError. Needs the GIL. Always null, so that
/// `return set_error(error);` reads well.
PyObject* set_error(const Error& error) noexcept;

}  // namespace horus::py

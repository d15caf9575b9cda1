// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/errors.hpp"

#include <string>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/text.hpp"
#include "rt/base/shortage.hpp"

namespace horus::py {
namespace {

/// horus.Shortage, which is an OSError (it carries the errno) and a MemoryError as well: programs
/// of the HORUS family catch MemoryError here. A borrowed reference; null with an exception set.
PyObject* shortage_error() noexcept {
  static PyObject* error = nullptr;
  if (error != nullptr) return error;
  const Ref kinds{PyTuple_Pack(2, PyExc_OSError, PyExc_MemoryError)};
  if (kinds) error = PyErr_NewException("horus.Shortage", kinds.ptr(), nullptr);
  return error;
}

PyObject* exception_of(Errc code) noexcept {
  switch (code) {
    case Errc::kInvalidArgument: return PyExc_ValueError;
    case Errc::kTypeMismatch: return PyExc_TypeError;
    case Errc::kExhausted: return PyExc_MemoryError;
    case Errc::kNotFound: return PyExc_FileNotFoundError;
    case Errc::kPermission: return PyExc_PermissionError;
    case Errc::kSystem: return PyExc_OSError;
    case Errc::kBusy:
    case Errc::kVersionMismatch:
    case Errc::kCorrupt: break;
  }
  return PyExc_RuntimeError;
}

}  // namespace

PyObject* set_error(const Error& error) noexcept {
  Error told = error;
  // ValueError has no place for an errno.
  if (error.code == Errc::kInvalidArgument) told.os_errno = 0;
  std::string text = describe(told);
  if (told.os_errno == 0) {
    set_exception(exception_of(error.code), text);
    return nullptr;
  }
  const int shortage = shortage_of(error);
  text.append(cure_of(shortage));
  // OSError(errno, text) becomes PermissionError, FileNotFoundError, ... by itself.
  PyObject* const kind = shortage != 0 ? shortage_error() : PyExc_OSError;
  const Ref arguments{Py_BuildValue("(iN)", error.os_errno, str_of(text))};
  if (kind != nullptr && arguments) PyErr_SetObject(kind, arguments.ptr());
  return nullptr;
}

PyObject* take_exception() noexcept {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != nullptr) PyException_SetTraceback(value, trace);
  Py_XDECREF(trace);
  Py_XDECREF(type);
  return value;
}

}  // namespace horus::py

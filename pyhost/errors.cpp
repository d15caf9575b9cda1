// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include "pyhost/set_error.hpp"

namespace horus::py {
namespace {

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
  const std::string_view subject = error.subject.view();
  std::string text = error.what;
  if (!subject.empty()) text.append(": ").append(subject);
  const bool own_class = error.code == Errc::kExhausted || error.code == Errc::kInvalidArgument;
  if (error.os_errno == 0 || own_class) {
    PyErr_SetString(exception_of(error.code), text.c_str());
    return nullptr;
  }
  text.append(": ").append(strerrordesc_np(error.os_errno));
  // OSError(errno, text) becomes PermissionError, FileNotFoundError, ... by itself.
  PyObject* arguments = Py_BuildValue("(is)", error.os_errno, text.c_str());
  if (arguments == nullptr) return nullptr;
  PyErr_SetObject(PyExc_OSError, arguments);
  Py_DECREF(arguments);
  return nullptr;
}

}  // namespace horus::py

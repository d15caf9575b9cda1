// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/forked_child.hpp"

#include <Python.h>
#include <unistd.h>

#include "pyhost/cpython/capi.hpp"
#include "rt/base/fork_watch.hpp"

namespace horus::py {
namespace {

/// The exit code of a SystemExit, by the rules of the interpreter: none is 0, a number is itself,
/// anything else is printed and gives 1.
int exit_code_of(PyObject* exit) noexcept {
  const Ref code{PyObject_GetAttrString(exit, "code")};
  if (!code || code.ptr() == Py_None) return 0;
  if (PyLong_Check(code.ptr()) != 0) return static_cast<int>(PyLong_AsLong(code.ptr()));
  PySys_FormatStderr("%S\n", code.ptr());
  return 1;
}

/// _exit() does not flush Python's streams, so this does.
void flush(const char* stream) noexcept {
  PyObject* const file = PySys_GetObject(stream);
  if (file != nullptr && file != Py_None) Ref{PyObject_CallMethod(file, "flush", nullptr)};
  PyErr_Clear();
}

}  // namespace

void end_child(const char* callback, std::string_view node) noexcept {
  if (PyErr_ExceptionMatches(PyExc_SystemExit) != 0) {
    PyObject* type = nullptr;
    PyObject* exit = nullptr;
    PyObject* trace = nullptr;
    PyErr_Fetch(&type, &exit, &trace);
    PyErr_NormalizeException(&type, &exit, &trace);
    const int code = exit_code_of(exit);
    flush("stdout");
    flush("stderr");
    ::_exit(code);
  }
  if (PyErr_Occurred() != nullptr) PyErr_Print();
  end_forked_child(callback, node);
}

}  // namespace horus::py

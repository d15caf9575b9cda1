// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <span>

#include <pybind11/pybind11.h>

/// What code needs that speaks to CPython's C API.
namespace horus::py {

/// METH_FASTCALL and METH_FASTCALL | METH_KEYWORDS functions as PyMethodDef wants them; the flags
/// tell CPython the true signature.
using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
using FastKeywordFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

inline PyCFunction as_method(FastFunction function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}
inline PyCFunction as_method(FastKeywordFunction function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

/// A function as PyType_Slot wants it.
template <typename R, typename... Args>
void* as_slot(R (*function)(Args...)) noexcept {
  return reinterpret_cast<void*>(function);
}

template <typename T>
PyObject* as_object(T* object) noexcept {
  return reinterpret_cast<PyObject*>(object);
}

/// A strong reference to a Python object, or none; pybind11's, so that either side takes it. With
/// the GIL.
struct Ref : pybind11::object {
  Ref() noexcept = default;
  /// Takes over a new reference; null means that an exception is set.
  explicit Ref(PyObject* made) noexcept : pybind11::object{made, stolen_t{}} {}
};

inline PyObject* new_none() noexcept {
  return Py_NewRef(Py_None);
}

/// A vectorcall's arguments: the positional ones, then the values of the keywords.
struct Given {
  PyObject* const* args;
  Py_ssize_t positional;
  PyObject* keywords;
};

/// A function's arguments by name, in order; the first `required` must be given.
struct Parameters {
  std::span<const char* const> names;
  Py_ssize_t required;
};

/// Puts them in order; what was not given keeps its value, which is null for a required one. False
/// with TypeError set.
inline bool gather(const char* function, const Given& given, const Parameters& parameters,
                   PyObject** values) noexcept {
  const auto [args, positional, keywords] = given;
  const auto& [names, required] = parameters;
  const auto wanted = static_cast<Py_ssize_t>(names.size());
  const Py_ssize_t named = keywords != nullptr ? PyTuple_GET_SIZE(keywords) : 0;
  if (const Py_ssize_t count = positional + named; count < required || count > wanted) {
    if (required == wanted) {
      PyErr_Format(PyExc_TypeError, "%s() takes %zd argument%s, %zd given", function, wanted,
                   wanted == 1 ? "" : "s", count);
    } else {
      PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd arguments, %zd given", function,
                   required, wanted, count);
    }
    return false;
  }
  for (Py_ssize_t i = 0; i < positional; ++i) values[i] = args[i];
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(keywords, i);
    Py_ssize_t place = positional;
    while (place < wanted &&
           PyUnicode_CompareWithASCIIString(name, names[static_cast<std::size_t>(place)]) != 0)
      ++place;
    if (place == wanted) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected argument '%U'", function, name);
      return false;
    }
    values[place] = args[positional + i];
  }
  for (Py_ssize_t i = 0; i < required; ++i) {
    if (values[i] != nullptr) continue;
    PyErr_Format(PyExc_TypeError, "%s() wants its argument '%s'", function,
                 names[static_cast<std::size_t>(i)]);
    return false;
  }
  return true;
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <span>

#include <pybind11/pybind11.h>

/// Helpers for code that calls CPython's C API directly.
namespace horus::py {

/// Signatures of METH_FASTCALL and METH_FASTCALL | METH_KEYWORDS functions. PyMethodDef has one
/// pointer type for all signatures, so as_method() casts; CPython casts back by the flags.
using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
using FastKeywordFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

inline PyCFunction as_method(FastFunction function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}
inline PyCFunction as_method(FastKeywordFunction function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

/// Casts a function for PyType_Slot, which holds every slot as a void*.
template <typename R, typename... Args>
void* as_slot(R (*function)(Args...)) noexcept {
  return reinterpret_cast<void*>(function);
}

template <typename T>
PyObject* as_object(T* object) noexcept {
  return reinterpret_cast<PyObject*>(object);
}

/// A strong reference to a Python object, or none. It is a pybind11::object, so that code of
/// either kind accepts it. Create, copy and destroy it with the GIL.
struct Ref : pybind11::object {
  Ref() noexcept = default;
  /// Takes ownership of a new reference. Null is what a failed C call returns, with an exception
  /// set.
  explicit Ref(PyObject* made) noexcept : pybind11::object{made, stolen_t{}} {}
};

inline PyObject* new_none() noexcept {
  return Py_NewRef(Py_None);
}

/// The arguments of one vectorcall.
struct Given {
  PyObject* const* args;  ///< The positional values, then the values of the keywords.
  Py_ssize_t positional;  ///< How many of them are positional.
  PyObject* keywords;     ///< A tuple of the keywords' names; null: no keywords.
};

/// The names of a function's parameters, in order. The first `required` must be given.
struct Parameters {
  std::span<const char* const> names;
  Py_ssize_t required;
};

/// Sorts the given arguments into `values`, one per name. An argument that was not given leaves
/// its value as the caller initialised it: to the default, or to null for a required one. The
/// references are borrowed. False with TypeError set where too many or too few are given, a name
/// is unknown, or a required one is missing.
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

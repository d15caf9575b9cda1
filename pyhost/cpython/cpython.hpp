// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <utility>

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

/// A strong reference to a Python object, or none. With the GIL.
class Ref {
 public:
  Ref() noexcept = default;
  /// Takes over a new reference; null means that an exception is set.
  explicit Ref(PyObject* object) noexcept : object_{object} {}
  Ref(Ref&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  ~Ref() { Py_XDECREF(object_); }

  explicit operator bool() const noexcept { return object_ != nullptr; }
  PyObject* ptr() const noexcept { return object_; }

 private:
  PyObject* object_ = nullptr;
};

inline PyObject* new_none() noexcept {
  return Py_NewRef(Py_None);
}

}  // namespace horus::py

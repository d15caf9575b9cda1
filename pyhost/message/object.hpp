// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <span>
#include <string>

#include "pyhost/message/field.hpp"

namespace horus::py {

class MessageType;

/// A message as a Python object: its own bytes behind the object's head, or a view of a nested
/// message inside another one.
struct MessageObject {
  PyObject_HEAD MessageType* type;
  std::byte* data;
  PyObject* owner;  ///< The message that `data` lies in; null: this one.
};

inline std::byte* storage_of(MessageObject* message) noexcept {
  return reinterpret_cast<std::byte*>(message + 1);
}
inline MessageObject* as_message(PyObject* object) noexcept {
  return reinterpret_cast<MessageObject*>(object);
}

// The functions of message classes that are the same for every type; each finds its type through
// the object or the closure.

/// PyGetSetDef of a field, which is the closure and must outlive the class.
PyGetSetDef accessor_of(Field& field) noexcept;

PyObject* message_vectorcall(PyObject* python, PyObject* const* values, std::size_t flagged_count,
                             PyObject* names) noexcept;
PyObject* message_new(PyTypeObject* python, PyObject* values, PyObject* names) noexcept;
void message_dealloc(PyObject* self) noexcept;
PyObject* message_repr(PyObject* self) noexcept;
/// A field by its name, as programs read it that expect a dict.
PyObject* message_item(PyObject* self, PyObject* name) noexcept;
/// Whether it has a field of this name. A message that is a list also has the objects in it.
int message_contains(PyObject* self, PyObject* object) noexcept;
PyObject* message_compare(PyObject* self, PyObject* other, int operation) noexcept;
int message_buffer(PyObject* self, Py_buffer* view, int flags) noexcept;

/// get, keys, items: what else programs call that expect a dict.
std::span<const PyMethodDef> mapping_methods() noexcept;
/// from_bytes, __copy__, __deepcopy__, __reduce__, and __bytes__ or, of what is a buffer,
/// __array__.
std::span<const PyMethodDef> message_methods(bool varies) noexcept;

/// The struct of a message as PEP 3118 writes it, for NumPy: "T{<Q:timestamp_ns:<f:linear:}".
std::string buffer_format(const shm::TypeInfo& type);

}  // namespace horus::py

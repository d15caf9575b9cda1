// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <span>
#include <string>

#include "pyhost/message/field.hpp"

namespace horus::py {

class MessageType;

/// A message as a Python object. Its bytes follow the object's head; or it is a view of a nested
/// message inside another object. With the GIL, as everything in this header.
struct MessageObject {
  PyObject_HEAD MessageType* type;
  std::byte* data;  ///< The bytes of the message.
  PyObject* owner;  ///< The message that `data` lies in; null: this one.
};

/// Where an object has room for its own bytes: right behind its head.
inline std::byte* storage_of(MessageObject* message) noexcept {
  return reinterpret_cast<std::byte*>(message + 1);
}
inline MessageObject* as_message(PyObject* object) noexcept {
  return reinterpret_cast<MessageObject*>(object);
}

// The functions below serve every message class. Each finds its type through the object or the
// closure.

/// The getter and setter of a field. The field is their closure and must outlive the class.
PyGetSetDef accessor_of(Field& field) noexcept;

PyObject* message_vectorcall(PyObject* python, PyObject* const* values, std::size_t flagged_count,
                             PyObject* names) noexcept;
PyObject* message_new(PyTypeObject* python, PyObject* values, PyObject* names) noexcept;
void message_dealloc(PyObject* self) noexcept;
PyObject* message_repr(PyObject* self) noexcept;
/// message["linear"], for programs that expect a dict. KeyError for an unknown field.
PyObject* message_item(PyObject* self, PyObject* name) noexcept;
/// `object in message`: whether there is a field of this name. A message that is a list also
/// contains its elements.
int message_contains(PyObject* self, PyObject* object) noexcept;
/// == and !=, field by field, for messages of one class.
PyObject* message_compare(PyObject* self, PyObject* other, int operation) noexcept;
/// The buffer protocol: the bytes of the message, or with a format one struct.
int message_buffer(PyObject* self, Py_buffer* view, int flags) noexcept;

/// get(), keys() and items(), for programs that expect a dict.
std::span<const PyMethodDef> mapping_methods() noexcept;
/// from_bytes, __copy__, __deepcopy__ and __reduce__. Also __bytes__ where the size varies, else
/// __array__.
std::span<const PyMethodDef> message_methods(bool varies) noexcept;

/// The format of a message's struct by PEP 3118, for NumPy: "T{<Q:timestamp_ns:<f:linear:}".
std::string buffer_format(const shm::TypeInfo& type);

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
// Messages whose size varies, from and to bytes, and what their classes have of their own.
#include <array>
#include <cstring>
#include <string>

#include "pyhost/cpython/cpython.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/message/object.hpp"
#include "pyhost/message/varying.hpp"
#include "shm/varying.hpp"

namespace horus::py {

Py_ssize_t pack_message(MessageObject* message, std::span<std::byte> out) noexcept {
  if (fill_tails(message) < 0) return -1;
  const shm::TypeInfo& type = message->type->info();
  const auto layout = shm::TailLayout::of(type, {message->data, type.size});
  if (!layout) {
    PyErr_Format(PyExc_ValueError, "%s: a message has at most %u bytes",
                 message->type->python()->tp_name, shm::kMaxMessage);
    return -1;
  }
  if (layout->size() > out.size()) {
    PyErr_Format(PyExc_ValueError, "a message of %zu bytes is larger than the topic's limit of %zu",
                 layout->size(), out.size());
    return -1;
  }
  std::memcpy(out.data(), message->data, type.size);
  std::size_t end = type.size;
  for (std::size_t i = 0; i < type.tails.size(); ++i) {
    const shm::TailInfo& tail = type.tails[i];
    const auto bytes = elements_of(arrays_of(message)[i], tail.kind);
    if (!bytes || bytes->size() != layout->count(i) * tail.size) {
      PyErr_Format(PyExc_ValueError, "%s.%s: the array was given another shape or type",
                   message->type->python()->tp_name, std::string(tail.name).c_str());
      return -1;
    }
    std::memset(&out[0] + end, 0, layout->offset(i) - end);
    if (!bytes->empty()) std::memcpy(&out[0] + layout->offset(i), bytes->data(), bytes->size());
    end = layout->offset(i) + bytes->size();
  }
  return static_cast<Py_ssize_t>(layout->size());
}

MessageObject* unpack_message(MessageType& type, std::span<const std::byte> bytes) noexcept {
  const auto layout = shm::TailLayout::of_message(type.info(), bytes);
  if (!layout) {
    PyErr_Format(PyExc_ValueError, "%s: the arrays do not end where its %zu bytes do",
                 type.python()->tp_name, bytes.size());
    return nullptr;
  }
  MessageObject* const message = blank_message(type);
  if (message == nullptr) return nullptr;
  std::memcpy(message->data, bytes.data(), type.info().size);
  for (std::size_t i = 0; i < type.info().tails.size(); ++i) {
    const shm::TailInfo& tail = type.info().tails[i];
    const std::array<Py_ssize_t, 1> shape{static_cast<Py_ssize_t>(layout->count(i))};
    const std::size_t size = layout->count(i) * tail.size;
    const auto from = bytes.subspan(layout->offset(i), size);
    arrays_of(message)[i] = new_array(from, dtype_of(tail.kind), shape);
    if (arrays_of(message)[i] != nullptr) continue;
    Py_DECREF(message);
    return nullptr;
  }
  return message;
}

namespace {

PyObject* copy_varying(PyObject* self, PyObject*) noexcept {
  MessageObject* const from = as_message(self);
  if (fill_tails(from) < 0) return nullptr;
  MessageObject* const to = blank_message(*from->type);
  if (to == nullptr) return nullptr;
  std::memcpy(to->data, from->data, from->type->info().size);
  for (std::size_t i = 0; i < arrays_of(from).size(); ++i) {
    arrays_of(to)[i] = copy_tail(arrays_of(from)[i], from->type->info().tails[i]);
    if (arrays_of(to)[i] != nullptr) continue;
    Py_DECREF(to);
    return nullptr;
  }
  return as_object(to);
}

PyObject* bytes_of(PyObject* self, PyObject*) noexcept {
  MessageObject* const message = as_message(self);
  const auto layout =
      shm::TailLayout::of(message->type->info(), {message->data, message->type->size()});
  const std::size_t size = layout ? layout->size() : 0;
  PyObject* const bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size));
  if (bytes == nullptr) return nullptr;
  auto* const to = reinterpret_cast<std::byte*>(PyBytes_AS_STRING(bytes));
  if (pack_message(message, {to, size}) >= 0) return bytes;
  Py_DECREF(bytes);
  return nullptr;
}

PyObject* from_bytes(PyObject* python, PyObject* bytes) noexcept {
  Py_buffer buffer;
  if (PyObject_GetBuffer(bytes, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  MessageObject* const message = unpack_message(
      *find_message_type(reinterpret_cast<PyTypeObject*>(python)),
      {static_cast<const std::byte*>(buffer.buf), static_cast<std::size_t>(buffer.len)});
  PyBuffer_Release(&buffer);
  return as_object(message);
}

PyObject* reduce(PyObject* self, PyObject*) noexcept {
  const Ref build{PyObject_GetAttrString(as_object(Py_TYPE(self)), "from_bytes")};
  const Ref bytes{build ? bytes_of(self, nullptr) : nullptr};
  return bytes ? Py_BuildValue("O(O)", build.ptr(), bytes.ptr()) : nullptr;
}

}  // namespace

PyObject* varying_vectorcall(PyObject* python, PyObject* const* values, std::size_t flagged_count,
                             PyObject* names) noexcept {
  PyObject* const made = message_vectorcall(python, values, flagged_count, names);
  if (made == nullptr || fill_tails(as_message(made)) == 0) return made;
  Py_DECREF(made);
  return nullptr;
}

void varying_dealloc(PyObject* self) noexcept {
  for (PyObject*& array : arrays_of(as_message(self))) Py_CLEAR(array);
  message_dealloc(self);
}

PyMethodDef* varying_methods() noexcept {
  static PyMethodDef methods[] = {
      {"from_bytes", from_bytes, METH_O | METH_CLASS,
       "from_bytes(data)\n--\n\nA message from its bytes, as bytes(message) gives them."},
      {"__bytes__", bytes_of, METH_NOARGS, nullptr},
      {"__copy__", copy_varying, METH_NOARGS, nullptr},
      {"__deepcopy__", copy_varying, METH_O, nullptr},
      {"__reduce__", reduce, METH_NOARGS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  return methods;
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
// The values of a message that are more than a number: text, arrays, nested messages.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>

#include "pyhost/cpython/cpython.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/message/field.hpp"
#include "pyhost/message/type.hpp"
#include "pyhost/message/varying.hpp"

namespace horus::py {
namespace {

int too_long(const Place& place, Py_ssize_t length, std::uint32_t capacity, const char* of) {
  PyErr_Format(PyExc_ValueError, "%s: %zd %s, the capacity is %u", place.full_name.c_str(), length,
               of, capacity);
  return -1;
}

int store_text(std::byte* at, const Place& place, PyObject* value) noexcept {
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "%s must be str, not %s", place.full_name.c_str(),
                 Py_TYPE(value)->tp_name);
    return -1;
  }
  Py_ssize_t length = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value, &length);
  if (text == nullptr) return -1;
  if (std::memchr(text, 0, static_cast<std::size_t>(length)) != nullptr) {
    PyErr_Format(PyExc_ValueError, "%s: a text may not contain zero bytes",
                 place.full_name.c_str());
    return -1;
  }
  const std::uint32_t capacity = place.size - 1;
  if (length > capacity) return too_long(place, length, capacity, "bytes");
  std::memset(at, 0, place.size);
  std::memcpy(at, text, static_cast<std::size_t>(length));
  return 0;
}

PyObject* load_text(const std::byte* at, std::uint32_t size) noexcept {
  const char* const text = reinterpret_cast<const char*>(at);
  // What another process wrote may be no UTF-8.
  return PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(strnlen(text, size)), "replace");
}

int store_message(std::byte* at, const Place& place, PyObject* value) noexcept {
  MessageType* const type = find_message_type(*place.nested);
  if (PyDict_Check(value)) {
    MessageObject* const made = type->from_dict(value);
    if (made == nullptr) return -1;
    std::memcpy(at, made->data, place.size);
    Py_DECREF(made);
    return 0;
  }
  if (Py_TYPE(value) != type->python()) {
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %s", place.full_name.c_str(),
                 type->python()->tp_name, Py_TYPE(value)->tp_name);
    return -1;
  }
  std::memmove(at, as_message(value)->data, place.size);
  return 0;
}

int store_element(std::byte* at, const Place& place, PyObject* value) noexcept {
  if (place.kind == shm::Kind::kText) return store_text(at, place, value);
  if (place.kind == shm::Kind::kMessage) return store_message(at, place, value);
  return store_scalar(at, place, value);
}

/// Arrays that share a count ("joint_count") have one length; an empty one says nothing.
int check_count(const std::byte* message, const Place& place, Py_ssize_t length) noexcept {
  const std::uint32_t others = place.counter_shared ? used(message, place) : 0;
  if (others == 0 || length == 0 || length == others) return 0;
  PyErr_Format(PyExc_ValueError,
               "%s: %zd values, where the message has %u; arrays that belong together have one "
               "length (set %s to change it)",
               place.full_name.c_str(), length, others, std::string{place.counter_name}.c_str());
  return -1;
}

void set_count(std::byte* message, const Place& place, Py_ssize_t length) noexcept {
  if (place.counter_shared && length == 0) return;
  const auto count = static_cast<std::uint32_t>(length);
  std::memcpy(message + place.counter_offset, &count, place.counter_size);  // Little-endian.
}

bool numbers(const Place& place) noexcept {
  return place.kind != shm::Kind::kText && place.kind != shm::Kind::kMessage;
}

PyObject* numbers_view(std::byte* at, const Place& place, Py_ssize_t length,
                       PyObject* owner) noexcept {
  const std::array<Py_ssize_t, 1> shape{length};
  return array_view(at, dtype_of(place.kind), {.shape = shape}, owner, true);
}

/// 1: copied by NumPy; 0: not a NumPy array, or not one that fits by itself; -1: error.
int store_from_array(std::byte* at, const Place& place, PyObject* value, Py_ssize_t length) {
  if (!numbers(place) || !is_array(value)) return 0;
  const Ref view{numbers_view(at, place, length, Py_None)};
  return view ? copy_array(view.ptr(), value) : -1;
}

int store_each(std::byte* at, const Place& place, PyObject* value, Py_ssize_t length) noexcept {
  // A copy: its elements may run Python code, and a list change meanwhile.
  const Ref values{PySequence_Tuple(value)};
  if (!values) return -1;
  // Making it may have run Python code of the value.
  if (PyTuple_GET_SIZE(values.ptr()) != length) {
    PyErr_Format(PyExc_ValueError, "%s: %zd values, where their number is said to be %zd",
                 place.full_name.c_str(), PyTuple_GET_SIZE(values.ptr()), length);
    return -1;
  }
  for (Py_ssize_t i = 0; i < length; ++i) {
    if (store_element(at + i * place.size, place, PyTuple_GET_ITEM(values.ptr(), i)) < 0) return -1;
  }
  return 0;
}

/// The messages may be views of this very array, in another order: they are copied out first.
int store_messages(std::byte* at, const Place& place, PyObject* value, Py_ssize_t length) noexcept {
  const auto bytes = static_cast<std::size_t>(length) * place.size;
  auto* const copy = static_cast<std::byte*>(PyMem_Calloc(1, bytes));
  if (copy == nullptr) {
    PyErr_NoMemory();
    return -1;
  }
  const int stored = store_each(copy, place, value, length);
  if (stored == 0) std::memcpy(at, copy, bytes);
  PyMem_Free(copy);
  return stored;
}

int store_array(std::byte* message, const Place& place, PyObject* value) noexcept {
  const Py_ssize_t length = length_of_values(place, value);
  if (length < 0) return -1;
  if (length > place.count) return too_long(place, length, place.count, "values");
  if (place.whole && length != place.count) {
    PyErr_Format(PyExc_ValueError, "%s: %zd values, it takes %u", place.full_name.c_str(), length,
                 place.count);
    return -1;
  }
  if (place.counter_size != 0 && check_count(message, place, length) < 0) return -1;
  std::byte* const at = message + place.offset;
  const int copied = store_from_array(at, place, value, length);
  if (copied < 0) return -1;
  if (copied == 0) {
    const int stored = place.kind == shm::Kind::kMessage ? store_messages(at, place, value, length)
                                                         : store_each(at, place, value, length);
    if (stored < 0) return -1;
  }
  const auto unused = static_cast<std::size_t>(place.count - length) * place.size;
  std::memset(at + length * place.size, 0, unused);
  if (place.counter_size != 0) set_count(message, place, length);
  return 0;
}

PyObject* load_element(std::byte* at, const Place& place, PyObject* owner) noexcept {
  if (place.kind == shm::Kind::kText) return load_text(at, place.size);
  return find_message_type(*place.nested)->view(at, owner);
}

}  // namespace

shm::Dtype dtype_of(shm::Kind kind) noexcept {
  switch (kind) {
    case shm::Kind::kI8: return shm::Dtype::kI8;
    case shm::Kind::kU16: return shm::Dtype::kU16;
    case shm::Kind::kI16: return shm::Dtype::kI16;
    case shm::Kind::kU32: return shm::Dtype::kU32;
    case shm::Kind::kI32: return shm::Dtype::kI32;
    case shm::Kind::kU64: return shm::Dtype::kU64;
    case shm::Kind::kI64: return shm::Dtype::kI64;
    case shm::Kind::kF32: return shm::Dtype::kF32;
    case shm::Kind::kF64: return shm::Dtype::kF64;
    case shm::Kind::kBool: return shm::Dtype::kBool;
    default: return shm::Dtype::kU8;
  }
}

Py_ssize_t length_of_values(const Place& place, PyObject* value) noexcept {
  // Who takes the keys of a dict, or what a set gives first, takes other values than were meant.
  const bool ordered = PyDict_Check(value) == 0 && PyAnySet_Check(value) == 0;
  const bool text = PyUnicode_Check(value) || (place.size != 1 && PyBytes_Check(value)) ||
                    (place.size != 1 && PyByteArray_Check(value));
  const Py_ssize_t length = ordered && !text ? PyObject_Size(value) : -1;
  if (length < 0) {
    PyErr_Format(PyExc_TypeError, "%s must be a sequence, not %s", place.full_name.c_str(),
                 Py_TYPE(value)->tp_name);
  }
  return length;
}

int store(std::byte* message, const Place& place, PyObject* value) noexcept {
  if (place.tail != nullptr || place.base != nullptr) return store_part(message, place, value);
  if (place.array) return store_array(message, place, value);
  return store_element(message + place.offset, place, value);
}

PyObject* load(MessageObject* message, const Place& place) noexcept {
  if (place.tail != nullptr || place.base != nullptr) return load_part(message, place);
  std::byte* const at = message->data + place.offset;
  auto* const owner = as_object(message);
  if (!place.array) {
    return numbers(place) ? load_scalar(at, place.kind) : load_element(at, place, owner);
  }
  const auto length = static_cast<Py_ssize_t>(used(message->data, place));
  if (numbers(place)) return numbers_view(at, place, length, owner);
  PyObject* const list = PyList_New(length);
  for (Py_ssize_t i = 0; list != nullptr && i < length; ++i) {
    PyObject* const element = load_element(at + i * place.size, place, owner);
    if (element == nullptr) {
      Py_DECREF(list);
      return nullptr;
    }
    PyList_SET_ITEM(list, i, element);
  }
  return list;
}

}  // namespace horus::py

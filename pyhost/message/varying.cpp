// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/varying.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "pyhost/cpython/cpython.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/message/object.hpp"
#include "shm/varying.hpp"

namespace horus::py {
namespace {

std::size_t head_size(const shm::TypeInfo& type) noexcept {
  return (type.size + sizeof(PyObject*) - 1) / sizeof(PyObject*) * sizeof(PyObject*);
}

PyObject*& array_at(std::byte* message, const Place& place) noexcept {
  return *reinterpret_cast<PyObject**>(message + place.offset);
}
PyObject* array_at(const std::byte* message, const Place& place) noexcept {
  return *reinterpret_cast<PyObject* const*>(message + place.offset);
}

std::span<const std::byte> head_of(const std::byte* message, const shm::TypeInfo& type) noexcept {
  return {message, type.size};
}

int too_large(const std::string& name, std::uint64_t values) noexcept {
  PyErr_Format(PyExc_ValueError, "%s: %llu values; a message has at most %u bytes", name.c_str(),
               static_cast<unsigned long long>(values), shm::kMaxMessage);
  return -1;
}

/// A flat array of `count` elements, zeros that `set` writes over; it returns -1 to give up.
template <typename Set>
PyObject* make_array(const Place& place, std::size_t count, Set set) noexcept {
  const std::size_t size = count * place.size;
  const std::unique_ptr<std::byte[]> bytes{new (std::nothrow) std::byte[size + 1]()};
  if (bytes == nullptr) return PyErr_NoMemory();
  if (set(bytes.get()) < 0) return nullptr;
  const std::array<Py_ssize_t, 1> shape{static_cast<Py_ssize_t>(count)};
  return new_array({bytes.get(), size}, dtype_of(place.kind), shape);
}

/// A flat array of its own with the values of a sequence, an array of any shape, or bytes.
PyObject* array_of(const Place& place, PyObject* value) noexcept {
  if (place.kind == shm::Kind::kU8 && (PyBytes_Check(value) || PyByteArray_Check(value))) {
    Py_buffer buffer;
    if (PyObject_GetBuffer(value, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
    const auto size = static_cast<std::size_t>(buffer.len);
    PyObject* array = nullptr;
    if (size <= shm::kMaxMessage) {
      array = make_array(place, size, [&](std::byte* to) {
        std::memcpy(to, buffer.buf, size);
        return 0;
      });
    } else {
      too_large(place.full_name, size);
    }
    PyBuffer_Release(&buffer);
    return array;
  }
  const Ref flat{is_array(value) ? PyObject_CallMethod(value, "ravel", nullptr) : Py_NewRef(value)};
  if (!flat) return nullptr;
  const Py_ssize_t length = length_of_values(place, flat.ptr());
  if (length < 0) return nullptr;
  const auto count = static_cast<std::size_t>(length);
  if (count > shm::kMaxMessage / place.size) {
    too_large(place.full_name, count);
    return nullptr;
  }
  if (count == 0) return make_array(place, 0, [](std::byte*) { return 0; });
  Place array = place;
  array.tail = nullptr;
  array.offset = 0;
  array.count = static_cast<std::uint32_t>(count);
  return make_array(place, count, [&](std::byte* to) { return store(to, array, flat.ptr()); });
}

int store_tail(std::byte* message, const Place& place, PyObject* value) noexcept {
  Ref array{array_of(place, value)};
  if (!array) return -1;
  const shm::TypeInfo& type = *place.holder;
  const auto bytes = elements_of(array.ptr(), place.kind);
  const std::uint64_t count = bytes ? bytes->size() / place.size : 0;
  if (place.tail->counted_by[1].empty()) {
    const shm::FieldInfo& by = *shm::find_field(type, place.tail->counted_by[0]);
    if (count >> (8 * by.size) != 0) return too_large(place.full_name, count);
    std::memcpy(message + by.offset, &count, by.size);  // Little-endian.
  } else if (const auto wanted = shm::tail_count(type, *place.tail, head_of(message, type));
             count != wanted) {
    PyErr_Format(
        PyExc_ValueError, "%s: %llu values; %s x %s is %llu", place.full_name.c_str(),
        static_cast<unsigned long long>(count), std::string(place.tail->counted_by[0]).c_str(),
        std::string(place.tail->counted_by[1]).c_str(), static_cast<unsigned long long>(wanted));
    return -1;
  }
  PyObject* const old = array_at(message, place);
  array_at(message, place) = Py_NewRef(array.ptr());
  Py_XDECREF(old);
  return 0;
}

/// The array of one tail as it is before anything is set.
PyObject* filled_array(const shm::TailInfo& tail, const Place& place, std::uint64_t count) {
  return make_array(place, count, [&](std::byte* to) {
    if (tail.fill != 0) std::memset(to, tail.fill, count * tail.size);
    return 0;
  });
}

int store_base(std::byte* bytes, const Place& place, PyObject* value) noexcept {
  MessageType* const type = find_message_type(*place.base);
  Ref made;
  if (PyDict_Check(value)) {
    made = Ref{as_object(type->from_dict(value))};
    if (!made) return -1;
    value = made.ptr();
  }
  if (Py_TYPE(value) != type->python()) {
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %s", place.full_name.c_str(),
                 type->python()->tp_name, Py_TYPE(value)->tp_name);
    return -1;
  }
  MessageObject* const from = as_message(value);
  if (fill_tails(from) < 0) return -1;
  std::array<Ref, shm::kMaxTails> arrays;
  const auto theirs = arrays_of(from);
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    arrays[i] = Ref{copy_tail(theirs[i], place.base->tails[i])};
    if (!arrays[i]) return -1;
  }
  // Arrays beyond the base's are made anew by fill_tails(), of the new length.
  auto* const ours = reinterpret_cast<PyObject**>(bytes + head_size(*place.holder));
  std::memcpy(bytes, from->data, place.base->size);
  for (std::size_t i = 0; i < place.holder->tails.size(); ++i) {
    PyObject* const array = i < theirs.size() ? Py_NewRef(arrays[i].ptr()) : nullptr;
    Py_XDECREF(std::exchange(ours[i], array));
  }
  return 0;
}

/// A message over arrays that it shares with this one: setting their elements sets them here.
PyObject* load_base(MessageObject* message, const Place& place) noexcept {
  MessageObject* const part = blank_message(*find_message_type(*place.base));
  if (part == nullptr) return nullptr;
  std::memcpy(part->data, message->data, place.base->size);
  const auto arrays = arrays_of(part);
  for (std::size_t i = 0; i < arrays.size(); ++i) arrays[i] = Py_NewRef(arrays_of(message)[i]);
  return as_object(part);
}

}  // namespace

std::span<PyObject*> arrays_of(MessageObject* message) noexcept {
  const shm::TypeInfo& type = message->type->info();
  auto* const first = reinterpret_cast<PyObject**>(message->data + head_size(type));
  return {first, type.tails.size()};
}

std::optional<std::span<const std::byte>> elements_of(PyObject* array, shm::Kind kind) noexcept {
  if (array == nullptr) return std::nullopt;
  const auto info = describe_array(array);
  if (!info || info->dtype != dtype_of(kind) || !info->contiguous) return std::nullopt;
  return std::span<const std::byte>{info->data, info->bytes};
}

PyObject* copy_tail(PyObject* array, const shm::TailInfo& tail) noexcept {
  const auto bytes = elements_of(array, tail.kind);
  if (!bytes) {
    PyErr_Format(PyExc_ValueError, "%s: the array was given another shape or type",
                 std::string(tail.name).c_str());
    return nullptr;
  }
  const std::array<Py_ssize_t, 1> shape{static_cast<Py_ssize_t>(bytes->size() / tail.size)};
  return new_array(*bytes, dtype_of(tail.kind), shape);
}

MessageObject* blank_message(MessageType& type) noexcept {
  MessageObject* const message = type.allocate();
  if (message != nullptr) std::memset(message->data, 0, type.size());
  return message;
}

std::size_t object_size(const shm::TypeInfo& type) noexcept {
  return type.tails.empty() ? type.size : head_size(type) + type.tails.size() * sizeof(PyObject*);
}

Place tail_place(const shm::TypeInfo& type, const shm::TailInfo& tail) {
  const auto index = static_cast<std::size_t>(&tail - type.tails.data());
  Place place;
  place.name = tail.name;
  place.full_name = std::string(type.name) + "." + place.name;
  place.kind = tail.kind;
  place.offset = static_cast<std::uint32_t>(head_size(type) + index * sizeof(PyObject*));
  place.size = tail.size;
  place.array = true;
  place.holder = &type;
  place.tail = &tail;
  return place;
}

bool find_argument_place(const shm::TypeInfo& type, const shm::ArgInfo& arg, Place& found) {
  if (arg.base != nullptr) {
    found.kind = shm::Kind::kMessage;
    found.size = arg.base->size;
    found.nested = found.base = arg.base;
    found.holder = &type;
    return true;
  }
  const auto tail = std::ranges::find(type.tails, arg.path, &shm::TailInfo::name);
  if (tail == type.tails.end()) return find_place(type, arg.path, found);
  found = tail_place(type, *tail);
  return true;
}

int store_part(std::byte* message, const Place& place, PyObject* value) noexcept {
  return place.tail != nullptr ? store_tail(message, place, value)
                               : store_base(message, place, value);
}

PyObject* load_part(MessageObject* message, const Place& place) noexcept {
  if (fill_tails(message) < 0) return nullptr;
  if (place.base != nullptr) return load_base(message, place);
  return Py_NewRef(array_at(message->data, place));
}

std::span<const std::byte> tail_elements(const std::byte* message, const Place& place) noexcept {
  return elements_of(array_at(message, place), place.kind).value_or(std::span<const std::byte>{});
}

int fill_tails(MessageObject* message) noexcept {
  const shm::TypeInfo& type = message->type->info();
  const auto arrays = arrays_of(message);
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (arrays[i] != nullptr) continue;
    const Place place = tail_place(type, type.tails[i]);
    const std::uint64_t count = shm::tail_count(type, type.tails[i], head_of(message->data, type));
    if (count > shm::kMaxMessage / place.size) return too_large(place.full_name, count);
    arrays[i] = filled_array(type.tails[i], place, count);
    if (arrays[i] == nullptr) return -1;
  }
  return 0;
}

}  // namespace horus::py

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

#include <horus/message.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/message/field_values.hpp"
#include "pyhost/message/object.hpp"
#include "pyhost/message/registry.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

std::size_t head_size(const shm::TypeInfo& type) noexcept {
  return (type.size + sizeof(PyObject*) - 1) / sizeof(PyObject*) * sizeof(PyObject*);
}

PyObject*& array_at(std::byte* message, const Field& field) noexcept {
  return *reinterpret_cast<PyObject**>(message + field.offset);
}
PyObject* array_at(const std::byte* message, const Field& field) noexcept {
  return *reinterpret_cast<PyObject* const*>(message + field.offset);
}

std::span<const std::byte> head_of(const std::byte* message, const shm::TypeInfo& type) noexcept {
  return {message, type.size};
}

int too_large(const std::string& name, std::uint64_t values) noexcept {
  PyErr_Format(PyExc_ValueError, "%s: %llu values; a message has at most %u bytes", name.c_str(),
               static_cast<unsigned long long>(values), shm::kMaxMessage);
  return -1;
}

/// A flat array of `count` elements. `set` is given `count` zeroed elements to write to; it returns
/// -1 with an exception set to give up. A new reference; null with an exception set.
template <typename Set>
PyObject* make_array(const Field& field, std::size_t count, Set set) noexcept {
  const std::size_t size = count * field.size;
  const std::unique_ptr<std::byte[]> bytes{new (std::nothrow) std::byte[size + 1]()};
  if (bytes == nullptr) return PyErr_NoMemory();
  if (set(bytes.get()) < 0) return nullptr;
  const std::array<Py_ssize_t, 1> shape{static_cast<Py_ssize_t>(count)};
  return new_array({bytes.get(), size}, shm::dtype_of(field.kind), shape);
}

/// A new flat array with the values of a sequence, of an array of any shape, or of bytes.
PyObject* array_of(const Field& field, PyObject* value) noexcept {
  if (field.kind == shm::Kind::kU8 && (PyBytes_Check(value) || PyByteArray_Check(value))) {
    Py_buffer buffer;
    if (PyObject_GetBuffer(value, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
    const auto size = static_cast<std::size_t>(buffer.len);
    PyObject* array = nullptr;
    if (size <= shm::kMaxMessage) {
      array = make_array(field, size, [&](std::byte* to) {
        std::memcpy(to, buffer.buf, size);
        return 0;
      });
    } else {
      too_large(field.full_name, size);
    }
    PyBuffer_Release(&buffer);
    return array;
  }
  const Ref flat{is_array(value) ? PyObject_CallMethod(value, "ravel", nullptr) : Py_NewRef(value)};
  if (!flat) return nullptr;
  const Py_ssize_t length = length_of_values(field, flat.ptr());
  if (length < 0) return nullptr;
  const auto count = static_cast<std::size_t>(length);
  if (count > shm::kMaxMessage / field.size) {
    too_large(field.full_name, count);
    return nullptr;
  }
  if (count == 0) return make_array(field, 0, [](std::byte*) { return 0; });
  Field array = field;
  array.tail = nullptr;
  array.offset = 0;
  array.count = static_cast<std::uint32_t>(count);
  return make_array(field, count, [&](std::byte* to) { return store(to, array, flat.ptr()); });
}

int store_tail(std::byte* message, const Field& field, PyObject* value) noexcept {
  Ref array{array_of(field, value)};
  if (!array) return -1;
  const shm::TypeInfo& type = *field.holder;
  const auto bytes = elements_of(array.ptr(), field.kind);
  const std::uint64_t count = bytes ? bytes->size() / field.size : 0;
  if (field.tail->counted_by[1].empty()) {
    const shm::FieldInfo& by = *shm::find_field(type, field.tail->counted_by[0]);
    if (count >> (8 * by.size) != 0) return too_large(field.full_name, count);
    std::memcpy(message + by.offset, &count, by.size);  // Little-endian.
  } else if (const auto wanted = shm::tail_count(type, *field.tail, head_of(message, type));
             count != wanted) {
    PyErr_Format(
        PyExc_ValueError, "%s: %llu values; %s x %s is %llu", field.full_name.c_str(),
        static_cast<unsigned long long>(count), std::string(field.tail->counted_by[0]).c_str(),
        std::string(field.tail->counted_by[1]).c_str(), static_cast<unsigned long long>(wanted));
    return -1;
  }
  PyObject* const old = array_at(message, field);
  array_at(message, field) = Py_NewRef(array.ptr());
  Py_XDECREF(old);
  return 0;
}

/// The array of one tail before anything is set: `count` elements of the tail's fill value.
PyObject* filled_array(const shm::TailInfo& tail, const Field& field, std::uint64_t count) {
  return make_array(field, count, [&](std::byte* to) {
    if (tail.fill != 0) std::memset(to, tail.fill, count * tail.size);
    return 0;
  });
}

int store_base(std::byte* bytes, const Field& field, PyObject* value) noexcept {
  MessageType* const type = find_message_type(*field.base);
  Ref made;
  if (PyDict_Check(value)) {
    made = Ref{as_object(type->from_dict(value))};
    if (!made) return -1;
    value = made.ptr();
  }
  if (Py_TYPE(value) != type->python()) {
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %s", field.full_name.c_str(),
                 type->python()->tp_name, Py_TYPE(value)->tp_name);
    return -1;
  }
  MessageObject* const from = as_message(value);
  if (fill_tails(from) < 0) return -1;
  std::array<Ref, shm::kMaxTails> arrays;
  const auto theirs = arrays_of(from);
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    arrays[i] = Ref{copy_tail(theirs[i], field.base->tails[i])};
    if (!arrays[i]) return -1;
  }
  // The arrays that the base has not are dropped; fill_tails() makes them again, with the length
  // that the new head says.
  auto* const ours = reinterpret_cast<PyObject**>(bytes + head_size(*field.holder));
  std::memcpy(bytes, from->data, field.base->size);
  for (std::size_t i = 0; i < field.holder->tails.size(); ++i) {
    PyObject* const array = i < theirs.size() ? Py_NewRef(arrays[i].ptr()) : nullptr;
    Py_XDECREF(std::exchange(ours[i], array));
  }
  return 0;
}

/// A message of the base type that shares its arrays with `message`: setting an element of one sets
/// it in both.
PyObject* load_base(MessageObject* message, const Field& field) noexcept {
  MessageObject* const part = blank_message(*find_message_type(*field.base));
  if (part == nullptr) return nullptr;
  std::memcpy(part->data, message->data, field.base->size);
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
  if (!info || info->dtype != shm::dtype_of(kind) || !info->contiguous) return std::nullopt;
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
  return new_array(*bytes, shm::dtype_of(tail.kind), shape);
}

MessageObject* blank_message(MessageType& type) noexcept {
  MessageObject* const message = type.allocate();
  if (message != nullptr) std::memset(message->data, 0, type.size());
  return message;
}

std::size_t object_size(const shm::TypeInfo& type) noexcept {
  return type.tails.empty() ? type.size : head_size(type) + type.tails.size() * sizeof(PyObject*);
}

Field tail_field(const shm::TypeInfo& type, const shm::TailInfo& tail) {
  const auto index = static_cast<std::size_t>(&tail - type.tails.data());
  Field field;
  field.name = tail.name;
  field.full_name = std::string(type.name) + "." + field.name;
  field.kind = tail.kind;
  field.offset = static_cast<std::uint32_t>(head_size(type) + index * sizeof(PyObject*));
  field.size = tail.size;
  field.array = true;
  field.holder = &type;
  field.tail = &tail;
  return field;
}

bool find_argument_field(const shm::TypeInfo& type, const shm::ArgInfo& arg, Field& found) {
  if (arg.base != nullptr) {
    found.kind = shm::Kind::kMessage;
    found.size = arg.base->size;
    found.nested = found.base = arg.base;
    found.holder = &type;
    return true;
  }
  const auto tail = std::ranges::find(type.tails, arg.path, &shm::TailInfo::name);
  if (tail == type.tails.end()) return find_field(type, arg.path, found);
  found = tail_field(type, *tail);
  return true;
}

int store_part(std::byte* message, const Field& field, PyObject* value) noexcept {
  return field.tail != nullptr ? store_tail(message, field, value)
                               : store_base(message, field, value);
}

PyObject* load_part(MessageObject* message, const Field& field) noexcept {
  if (fill_tails(message) < 0) return nullptr;
  if (field.base != nullptr) return load_base(message, field);
  return Py_NewRef(array_at(message->data, field));
}

std::span<const std::byte> tail_elements(const std::byte* message, const Field& field) noexcept {
  return elements_of(array_at(message, field), field.kind).value_or(std::span<const std::byte>{});
}

int fill_tails(MessageObject* message) noexcept {
  const shm::TypeInfo& type = message->type->info();
  const auto arrays = arrays_of(message);
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (arrays[i] != nullptr) continue;
    const Field field = tail_field(type, type.tails[i]);
    const std::uint64_t count = shm::tail_count(type, type.tails[i], head_of(message->data, type));
    if (count > shm::kMaxMessage / field.size) return too_large(field.full_name, count);
    arrays[i] = filled_array(type.tails[i], field, count);
    if (arrays[i] == nullptr) return -1;
  }
  return 0;
}

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
    arrays_of(message)[i] = new_array(from, shm::dtype_of(tail.kind), shape);
    if (arrays_of(message)[i] != nullptr) continue;
    Py_DECREF(message);
    return nullptr;
  }
  return message;
}

MessageObject* copy_varying(MessageObject* from) noexcept {
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
  return to;
}

PyObject* varying_bytes(PyObject* self, PyObject*) noexcept {
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

}  // namespace horus::py

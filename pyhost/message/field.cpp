// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/field.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "pyhost/cpython/cpython.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/message/type.hpp"
#include "pyhost/message/varying.hpp"

namespace horus::py {
namespace {

template <typename T>
T read(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <typename T>
void write(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

int type_error(const Place& place, const char* wanted, PyObject* value) noexcept {
  PyErr_Format(PyExc_TypeError, "%s must be %s, not %s", place.full_name.c_str(), wanted,
               Py_TYPE(value)->tp_name);
  return -1;
}

int range_error(const Place& place, PyObject* value) noexcept {
  PyErr_Format(PyExc_ValueError, "%s: %S does not fit into %u bits", place.full_name.c_str(), value,
               place.size * 8);
  return -1;
}

/// Whether the value is infinite, and not just more than a double holds, as a longdouble may be.
bool is_infinite(PyObject* value, double number) noexcept {
  const Ref infinity{PyFloat_FromDouble(number)};
  const int same = infinity ? PyObject_RichCompareBool(value, infinity.ptr(), Py_EQ) : -1;
  if (same < 0) PyErr_Clear();
  return same != 0;
}

int store_float(std::byte* at, const Place& place, PyObject* value) noexcept {
  double number = 0;
  if (PyFloat_CheckExact(value)) {
    number = PyFloat_AS_DOUBLE(value);
  } else {
    if (is_numpy_complex(value)) return type_error(place, "a number", value);
    number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
      if (PyErr_ExceptionMatches(PyExc_TypeError)) return type_error(place, "a number", value);
      if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) return -1;
      PyErr_Format(PyExc_ValueError, "%s: the number does not fit into %u bits",
                   place.full_name.c_str(), place.size * 8);
      return -1;
    }
    if (std::isinf(number) && !is_infinite(value, number)) return range_error(place, value);
  }
  if (place.kind == shm::Kind::kF64) {
    write(at, number);
    return 0;
  }
  const auto narrow = static_cast<float>(number);
  if (std::isinf(narrow) && !std::isinf(number)) return range_error(place, value);
  write(at, narrow);
  return 0;
}

template <typename T>
int store_integer(std::byte* at, const Place& place, PyObject* value) noexcept {
  PyObject* const number = PyNumber_Index(value);
  if (number == nullptr) {
    return PyErr_ExceptionMatches(PyExc_TypeError) ? type_error(place, "an integer", value) : -1;
  }
  bool fits = false;
  if constexpr (std::is_signed_v<T>) {
    int overflow = 0;
    const long long wide = PyLong_AsLongLongAndOverflow(number, &overflow);
    fits = overflow == 0 && wide >= std::numeric_limits<T>::min() &&
           wide <= std::numeric_limits<T>::max();
    if (fits) write(at, static_cast<T>(wide));
  } else {
    const unsigned long long wide = PyLong_AsUnsignedLongLong(number);
    fits = !(wide == ~0ULL && PyErr_Occurred()) && wide <= std::numeric_limits<T>::max();
    if (fits) write(at, static_cast<T>(wide));
  }
  Py_DECREF(number);
  if (fits) return 0;
  PyErr_Clear();
  return range_error(place, value);
}

/// Nothing else: "false" would be true.
int store_bool(std::byte* at, const Place& place, PyObject* value) noexcept {
  if (!PyBool_Check(value) && !is_numpy_bool(value)) {
    return type_error(place, "True or False", value);
  }
  write(at, static_cast<std::uint8_t>(PyObject_IsTrue(value)));
  return 0;
}

template <typename T>
std::string shortest(T value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  std::string result(text.data(), end);
  if (result.find_first_not_of("-0123456789") == std::string::npos) result += ".0";
  return result;
}

/// Of a value that was just loaded.
std::string shown(const Ref& value) {
  if (value) return repr_of(value.ptr());
  PyErr_Clear();
  return "?";
}

template <typename T>
bool same(const std::byte* a, const std::byte* b) noexcept {
  return read<T>(a) == read<T>(b);
}

bool equal_element(const std::byte* a, const std::byte* b, const Place& place) noexcept {
  switch (place.kind) {
    case shm::Kind::kF32: return same<float>(a, b);
    case shm::Kind::kF64: return same<double>(a, b);
    case shm::Kind::kBool: return (read<std::uint8_t>(a) != 0) == (read<std::uint8_t>(b) != 0);
    case shm::Kind::kText:
      return std::strncmp(reinterpret_cast<const char*>(a), reinterpret_cast<const char*>(b),
                          place.size) == 0;
    case shm::Kind::kMessage:
      for (const shm::FieldInfo& field : place.nested->fields) {
        Place inner;
        if (field.kind == shm::Kind::kPadding) continue;
        if (!find_place(*place.nested, field.name, inner) || !same_value(a, b, inner)) return false;
      }
      return true;
    default: return std::memcmp(a, b, place.size) == 0;
  }
}

}  // namespace

bool find_place(const shm::TypeInfo& type, std::string_view path, Place& found) {
  const auto member = shm::find_member(type, path);
  if (!member) return false;
  const shm::FieldInfo& field = *member->field;
  found.kind = field.kind;
  found.offset = member->offset;
  found.size = field.size;
  found.array = field.array && !member->element;
  found.count = found.array ? field.count : 1;
  found.nested = field.nested;
  const shm::FieldInfo* const counter = shm::find_field(*member->holder, field.counted_by);
  found.whole = found.array && field.is_whole();
  if (found.array && counter != nullptr) {
    found.counter_offset = member->offset - field.offset + counter->offset;
    found.counter_size = counter->size;
    found.counter_name = counter->name;
    found.counter_shared = std::ranges::count(member->holder->fields, field.counted_by,
                                              &shm::FieldInfo::counted_by) > 1;
  }
  return true;
}

int store_scalar(std::byte* at, const Place& place, PyObject* value) noexcept {
  switch (place.kind) {
    case shm::Kind::kF64:
    case shm::Kind::kF32: return store_float(at, place, value);
    case shm::Kind::kU8: return store_integer<std::uint8_t>(at, place, value);
    case shm::Kind::kI8: return store_integer<std::int8_t>(at, place, value);
    case shm::Kind::kU16: return store_integer<std::uint16_t>(at, place, value);
    case shm::Kind::kI16: return store_integer<std::int16_t>(at, place, value);
    case shm::Kind::kU32: return store_integer<std::uint32_t>(at, place, value);
    case shm::Kind::kI32: return store_integer<std::int32_t>(at, place, value);
    case shm::Kind::kU64: return store_integer<std::uint64_t>(at, place, value);
    case shm::Kind::kI64: return store_integer<std::int64_t>(at, place, value);
    case shm::Kind::kBool: return store_bool(at, place, value);
    case shm::Kind::kText:
    case shm::Kind::kMessage:
    case shm::Kind::kPadding: break;
  }
  return type_error(place, "a scalar", value);
}

PyObject* load_scalar(const std::byte* at, shm::Kind kind) noexcept {
  switch (kind) {
    case shm::Kind::kF64: return PyFloat_FromDouble(read<double>(at));
    case shm::Kind::kF32: return PyFloat_FromDouble(static_cast<double>(read<float>(at)));
    case shm::Kind::kU8: return PyLong_FromLong(read<std::uint8_t>(at));
    case shm::Kind::kI8: return PyLong_FromLong(read<std::int8_t>(at));
    case shm::Kind::kU16: return PyLong_FromLong(read<std::uint16_t>(at));
    case shm::Kind::kI16: return PyLong_FromLong(read<std::int16_t>(at));
    case shm::Kind::kU32: return PyLong_FromUnsignedLong(read<std::uint32_t>(at));
    case shm::Kind::kI32: return PyLong_FromLong(read<std::int32_t>(at));
    case shm::Kind::kU64: return PyLong_FromUnsignedLongLong(read<std::uint64_t>(at));
    case shm::Kind::kI64: return PyLong_FromLongLong(read<std::int64_t>(at));
    case shm::Kind::kBool: return PyBool_FromLong(read<std::uint8_t>(at));
    case shm::Kind::kText:
    case shm::Kind::kMessage:
    case shm::Kind::kPadding: break;
  }
  Py_UNREACHABLE();
}

std::uint32_t used(const std::byte* message, const Place& place) noexcept {
  std::uint64_t count = place.count;
  if (place.counter_size == 1) count = read<std::uint8_t>(message + place.counter_offset);
  if (place.counter_size == 2) count = read<std::uint16_t>(message + place.counter_offset);
  if (place.counter_size == 4) count = read<std::uint32_t>(message + place.counter_offset);
  // The bytes may come from another process: its count is not to be trusted.
  return count < place.count ? static_cast<std::uint32_t>(count) : place.count;
}

bool same_value(const std::byte* a, const std::byte* b, const Place& place) noexcept {
  if (place.tail != nullptr) {
    const auto left = tail_elements(a, place);
    const auto right = tail_elements(b, place);
    bool same = left.size() == right.size();
    for (std::size_t at = 0; same && at < left.size(); at += place.size) {
      same = equal_element(&left[at], &right[at], place);
    }
    return same;
  }
  const std::uint32_t count = used(a, place);
  if (count != used(b, place)) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = place.offset + std::size_t{i} * place.size;
    if (!equal_element(a + at, b + at, place)) return false;
  }
  return true;
}

std::string describe_scalar(const std::byte* at, shm::Kind kind) {
  return kind == shm::Kind::kF32 ? shortest(read<float>(at)) : shown(Ref{load_scalar(at, kind)});
}

std::string describe(MessageObject* message, const Place& place) {
  constexpr std::uint32_t kShown = 8;
  const std::byte* const data = message->data;
  if (place.array) {
    const std::size_t count =
        place.tail != nullptr ? tail_elements(data, place).size() / place.size : used(data, place);
    if (count > kShown) return "<" + std::to_string(count) + " values>";
    if (place.kind <= shm::Kind::kBool) {
      // Not as NumPy shows its numbers: since its version 2 that is np.float64(1.5).
      const std::byte* const first =
          place.tail != nullptr ? tail_elements(data, place).data() : data + place.offset;
      std::string text;
      for (std::size_t i = 0; i < count; ++i) {
        text += (i == 0 ? "" : ", ") + describe_scalar(first + i * place.size, place.kind);
      }
      return "[" + text + "]";
    }
    const Ref values{load(message, place)};
    return shown(Ref{values ? PySequence_List(values.ptr()) : nullptr});
  }
  if (place.kind <= shm::Kind::kBool) return describe_scalar(data + place.offset, place.kind);
  return shown(Ref{load(message, place)});
}

}  // namespace horus::py

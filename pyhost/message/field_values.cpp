// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/field_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/cpython/text.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/message/type.hpp"
#include "pyhost/message/varying.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

template <typename T>
void write(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

int type_error(const Field& field, const char* wanted, PyObject* value) noexcept {
  PyErr_Format(PyExc_TypeError, "%s must be %s, not %s", field.full_name.c_str(), wanted,
               Py_TYPE(value)->tp_name);
  return -1;
}

int range_error(const Field& field, PyObject* value) noexcept {
  PyErr_Format(PyExc_ValueError, "%s: %S does not fit into %u bits", field.full_name.c_str(), value,
               field.size * 8);
  return -1;
}

/// Whether `value` is infinite itself. A longdouble may become infinite only as a double.
bool is_infinite(PyObject* value, double number) noexcept {
  const Ref infinity{PyFloat_FromDouble(number)};
  const int same = infinity ? PyObject_RichCompareBool(value, infinity.ptr(), Py_EQ) : -1;
  if (same < 0) PyErr_Clear();
  return same != 0;
}

template <typename T>
int store_float(std::byte* at, const Field& field, PyObject* value) noexcept {
  double number = 0;
  if (PyFloat_CheckExact(value)) {
    number = PyFloat_AS_DOUBLE(value);
  } else {
    if (is_numpy_complex(value)) return type_error(field, "a number", value);
    number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
      if (PyErr_ExceptionMatches(PyExc_TypeError)) return type_error(field, "a number", value);
      if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) return -1;
      PyErr_Format(PyExc_ValueError, "%s: the number does not fit into %u bits",
                   field.full_name.c_str(), field.size * 8);
      return -1;
    }
    if (std::isinf(number) && !is_infinite(value, number)) return range_error(field, value);
  }
  const auto narrow = static_cast<T>(number);
  if (std::isinf(narrow) && !std::isinf(number)) return range_error(field, value);
  write(at, narrow);
  return 0;
}

template <typename T>
int store_integer(std::byte* at, const Field& field, PyObject* value) noexcept {
  PyObject* const number = PyNumber_Index(value);
  if (number == nullptr) {
    return PyErr_ExceptionMatches(PyExc_TypeError) ? type_error(field, "an integer", value) : -1;
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
  return range_error(field, value);
}

/// Takes True and False only: by Python's rules the text "false" would be true.
int store_bool(std::byte* at, const Field& field, PyObject* value) noexcept {
  if (!PyBool_Check(value) && !is_numpy_bool(value)) {
    return type_error(field, "True or False", value);
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

/// The repr of a value that was just loaded; "?" where loading has failed.
std::string shown(const Ref& value) {
  if (value) return repr_of(value.ptr());
  PyErr_Clear();
  return "?";
}

bool equal_element(const std::byte* a, const std::byte* b, const Field& field) noexcept {
  if (field.kind == shm::Kind::kText) {
    return std::strncmp(reinterpret_cast<const char*>(a), reinterpret_cast<const char*>(b),
                        field.size) == 0;
  }
  if (field.kind != shm::Kind::kMessage) {
    return shm::with_number(field.kind, [a, b]<typename T>(T) {
      return shm::element_at<T>(a) == shm::element_at<T>(b);
    });
  }
  for (const shm::FieldInfo& row : field.nested->fields) {
    Field inner;
    if (row.kind == shm::Kind::kPadding) continue;
    if (!find_field(*field.nested, row.name, inner) || !same_value(a, b, inner)) return false;
  }
  return true;
}

}  // namespace

int store_scalar(std::byte* at, const Field& field, PyObject* value) noexcept {
  return shm::with_number(field.kind, [&]<typename T>(T) {
    if constexpr (std::is_same_v<T, bool>) {
      return store_bool(at, field, value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return store_float<T>(at, field, value);
    } else {
      return store_integer<T>(at, field, value);
    }
  });
}

PyObject* load_scalar(const std::byte* at, shm::Kind kind) noexcept {
  return shm::with_number(kind, [at]<typename T>(T) {
    const T value = shm::element_at<T>(at);
    if constexpr (std::is_same_v<T, bool>) {
      return PyBool_FromLong(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return PyFloat_FromDouble(static_cast<double>(value));
    } else if constexpr (std::is_signed_v<T>) {
      return PyLong_FromLong(value);
    } else {
      return PyLong_FromUnsignedLong(value);
    }
  });
}

std::uint32_t used(const std::byte* message, const Field& field) noexcept {
  std::uint64_t count = field.count;
  if (field.counter_size == 1)
    count = shm::element_at<std::uint8_t>(message + field.counter_offset);
  if (field.counter_size == 2)
    count = shm::element_at<std::uint16_t>(message + field.counter_offset);
  if (field.counter_size == 4)
    count = shm::element_at<std::uint32_t>(message + field.counter_offset);
  // The bytes may come from another process, so the count may be anything.
  return count < field.count ? static_cast<std::uint32_t>(count) : field.count;
}

bool same_value(const std::byte* a, const std::byte* b, const Field& field) noexcept {
  if (field.tail != nullptr) {
    const auto left = tail_elements(a, field);
    const auto right = tail_elements(b, field);
    bool same = left.size() == right.size();
    for (std::size_t at = 0; same && at < left.size(); at += field.size) {
      same = equal_element(&left[at], &right[at], field);
    }
    return same;
  }
  const std::uint32_t count = used(a, field);
  if (count != used(b, field)) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = field.offset + std::size_t{i} * field.size;
    if (!equal_element(a + at, b + at, field)) return false;
  }
  return true;
}

std::string describe_scalar(const std::byte* at, shm::Kind kind) {
  return kind == shm::Kind::kF32 ? shortest(shm::element_at<float>(at))
                                 : shown(Ref{load_scalar(at, kind)});
}

std::string describe(MessageObject* message, const Field& field) {
  constexpr std::uint32_t kShown = 8;
  const std::byte* const data = message->data;
  if (field.array) {
    const std::size_t count =
        field.tail != nullptr ? tail_elements(data, field).size() / field.size : used(data, field);
    if (count > kShown) return "<" + std::to_string(count) + " values>";
    if (shm::is_number(field.kind)) {
      // Not by NumPy's repr, which since version 2 writes np.float64(1.5).
      const std::byte* const first =
          field.tail != nullptr ? tail_elements(data, field).data() : data + field.offset;
      std::string text;
      for (std::size_t i = 0; i < count; ++i) {
        text += (i == 0 ? "" : ", ") + describe_scalar(first + i * field.size, field.kind);
      }
      return "[" + text + "]";
    }
    const Ref values{load(message, field)};
    return shown(Ref{values ? PySequence_List(values.ptr()) : nullptr});
  }
  if (shm::is_number(field.kind)) return describe_scalar(data + field.offset, field.kind);
  return shown(Ref{load(message, field)});
}

namespace {

int too_long(const Field& field, Py_ssize_t length, std::uint32_t capacity, const char* of) {
  PyErr_Format(PyExc_ValueError, "%s: %zd %s, the capacity is %u", field.full_name.c_str(), length,
               of, capacity);
  return -1;
}

int store_text(std::byte* at, const Field& field, PyObject* value) noexcept {
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "%s must be str, not %s", field.full_name.c_str(),
                 Py_TYPE(value)->tp_name);
    return -1;
  }
  Py_ssize_t length = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value, &length);
  if (text == nullptr) return -1;
  if (std::memchr(text, 0, static_cast<std::size_t>(length)) != nullptr) {
    PyErr_Format(PyExc_ValueError, "%s: a text may not contain zero bytes",
                 field.full_name.c_str());
    return -1;
  }
  const std::uint32_t capacity = field.size - 1;
  if (length > capacity) return too_long(field, length, capacity, "bytes");
  std::memset(at, 0, field.size);
  std::memcpy(at, text, static_cast<std::size_t>(length));
  return 0;
}

PyObject* load_text(const std::byte* at, std::uint32_t size) noexcept {
  const char* const text = reinterpret_cast<const char*>(at);
  // Another process may have written bytes that are no UTF-8.
  return PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(strnlen(text, size)), "replace");
}

int store_message(std::byte* at, const Field& field, PyObject* value) noexcept {
  MessageType* const type = find_message_type(*field.nested);
  if (PyDict_Check(value)) {
    MessageObject* const made = type->from_dict(value);
    if (made == nullptr) return -1;
    std::memcpy(at, made->data, field.size);
    Py_DECREF(made);
    return 0;
  }
  if (Py_TYPE(value) != type->python()) {
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %s", field.full_name.c_str(),
                 type->python()->tp_name, Py_TYPE(value)->tp_name);
    return -1;
  }
  std::memmove(at, as_message(value)->data, field.size);
  return 0;
}

int store_element(std::byte* at, const Field& field, PyObject* value) noexcept {
  if (field.kind == shm::Kind::kText) return store_text(at, field, value);
  if (field.kind == shm::Kind::kMessage) return store_message(at, field, value);
  return store_scalar(at, field, value);
}

/// Arrays that share a counting field ("joint_count") must have one length. An empty one is always
/// accepted. 0; or -1 with ValueError set.
int check_count(const std::byte* message, const Field& field, Py_ssize_t length) noexcept {
  const std::uint32_t others = field.counter_shared ? used(message, field) : 0;
  if (others == 0 || length == 0 || length == others) return 0;
  PyErr_Format(PyExc_ValueError,
               "%s: %zd values, where the message has %u; arrays that belong together have one "
               "length (set %s to change it)",
               field.full_name.c_str(), length, others, std::string{field.counter_name}.c_str());
  return -1;
}

void set_count(std::byte* message, const Field& field, Py_ssize_t length) noexcept {
  if (field.counter_shared && length == 0) return;
  const auto count = static_cast<std::uint32_t>(length);
  std::memcpy(message + field.counter_offset, &count, field.counter_size);  // Little-endian.
}

PyObject* numbers_view(std::byte* at, const Field& field, Py_ssize_t length,
                       PyObject* owner) noexcept {
  const std::array<Py_ssize_t, 1> shape{length};
  return array_view(at, shm::dtype_of(field.kind), {.shape = shape}, owner, true);
}

/// Copies a NumPy array of numbers. 1: copied; 0: no NumPy array, or one that copy_array() does not
/// convert; -1: an exception is set.
int store_from_array(std::byte* at, const Field& field, PyObject* value, Py_ssize_t length) {
  if (!shm::is_number(field.kind) || !is_array(value)) return 0;
  const Ref view{numbers_view(at, field, length, Py_None)};
  return view ? copy_array(view.ptr(), value) : -1;
}

int store_each(std::byte* at, const Field& field, PyObject* value, Py_ssize_t length) noexcept {
  // A tuple of its own: storing the elements may run Python code, which may change a list.
  const Ref values{PySequence_Tuple(value)};
  if (!values) return -1;
  // Making the tuple may have run Python code of `value`, so check the length again.
  if (PyTuple_GET_SIZE(values.ptr()) != length) {
    PyErr_Format(PyExc_ValueError, "%s: %zd values, where their number is said to be %zd",
                 field.full_name.c_str(), PyTuple_GET_SIZE(values.ptr()), length);
    return -1;
  }
  for (Py_ssize_t i = 0; i < length; ++i) {
    if (store_element(at + i * field.size, field, PyTuple_GET_ITEM(values.ptr(), i)) < 0) return -1;
  }
  return 0;
}

/// The values may be views of this same array in another order, so they are collected in a copy
/// first.
int store_messages(std::byte* at, const Field& field, PyObject* value, Py_ssize_t length) noexcept {
  const auto bytes = static_cast<std::size_t>(length) * field.size;
  auto* const copy = static_cast<std::byte*>(PyMem_Calloc(1, bytes));
  if (copy == nullptr) {
    PyErr_NoMemory();
    return -1;
  }
  const int stored = store_each(copy, field, value, length);
  if (stored == 0) std::memcpy(at, copy, bytes);
  PyMem_Free(copy);
  return stored;
}

int store_array(std::byte* message, const Field& field, PyObject* value) noexcept {
  const Py_ssize_t length = length_of_values(field, value);
  if (length < 0) return -1;
  if (length > field.count) return too_long(field, length, field.count, "values");
  if (field.whole && length != field.count) {
    PyErr_Format(PyExc_ValueError, "%s: %zd values, it takes %u", field.full_name.c_str(), length,
                 field.count);
    return -1;
  }
  if (field.counter_size != 0 && check_count(message, field, length) < 0) return -1;
  std::byte* const at = message + field.offset;
  const int copied = store_from_array(at, field, value, length);
  if (copied < 0) return -1;
  if (copied == 0) {
    const int stored = field.kind == shm::Kind::kMessage ? store_messages(at, field, value, length)
                                                         : store_each(at, field, value, length);
    if (stored < 0) return -1;
  }
  const auto unused = static_cast<std::size_t>(field.count - length) * field.size;
  std::memset(at + length * field.size, 0, unused);
  if (field.counter_size != 0) set_count(message, field, length);
  return 0;
}

PyObject* load_element(std::byte* at, const Field& field, PyObject* owner) noexcept {
  if (field.kind == shm::Kind::kText) return load_text(at, field.size);
  return find_message_type(*field.nested)->view(at, owner);
}

}  // namespace

Py_ssize_t length_of_values(const Field& field, PyObject* value) noexcept {
  // A dict or a set has a length, but its iteration gives keys, or values in no order: not what was
  // meant.
  const bool ordered = PyDict_Check(value) == 0 && PyAnySet_Check(value) == 0;
  const bool text = PyUnicode_Check(value) || (field.size != 1 && PyBytes_Check(value)) ||
                    (field.size != 1 && PyByteArray_Check(value));
  const Py_ssize_t length = ordered && !text ? PyObject_Size(value) : -1;
  if (length < 0) {
    PyErr_Format(PyExc_TypeError, "%s must be a sequence, not %s", field.full_name.c_str(),
                 Py_TYPE(value)->tp_name);
  }
  return length;
}

int store(std::byte* message, const Field& field, PyObject* value) noexcept {
  if (field.tail != nullptr || field.base != nullptr) return store_part(message, field, value);
  if (field.array) return store_array(message, field, value);
  return store_element(message + field.offset, field, value);
}

PyObject* load(MessageObject* message, const Field& field) noexcept {
  if (field.tail != nullptr || field.base != nullptr) return load_part(message, field);
  std::byte* const at = message->data + field.offset;
  auto* const owner = as_object(message);
  if (!field.array) {
    return shm::is_number(field.kind) ? load_scalar(at, field.kind)
                                      : load_element(at, field, owner);
  }
  const auto length = static_cast<Py_ssize_t>(used(message->data, field));
  if (shm::is_number(field.kind)) return numbers_view(at, field, length, owner);
  PyObject* const list = PyList_New(length);
  for (Py_ssize_t i = 0; list != nullptr && i < length; ++i) {
    PyObject* const element = load_element(at + i * field.size, field, owner);
    if (element == nullptr) {
      Py_DECREF(list);
      return nullptr;
    }
    PyList_SET_ITEM(list, i, element);
  }
  return list;
}

}  // namespace horus::py

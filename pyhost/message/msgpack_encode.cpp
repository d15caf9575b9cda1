// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/message/msgpack.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/message/type.hpp"

namespace horus::py {
namespace {

static_assert(std::endian::native == std::endian::little);

std::uint16_t big_endian(std::uint16_t value) noexcept {
  return __builtin_bswap16(value);
}
std::uint32_t big_endian(std::uint32_t value) noexcept {
  return __builtin_bswap32(value);
}
std::uint64_t big_endian(std::uint64_t value) noexcept {
  return __builtin_bswap64(value);
}

/// Writes while there is room. After that it only counts, so that the error can tell the size that
/// is needed.
class Writer {
 public:
  explicit Writer(std::span<std::byte> buffer) noexcept
      : begin_{buffer.data()}, at_{begin_}, end_{begin_ + buffer.size()} {}

  bool fits() const noexcept { return excess_ == 0; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_) + excess_; }
  void note_array() noexcept { has_array_ = true; }
  bool has_array() const noexcept { return has_array_; }

  void byte(unsigned value) noexcept {
    if (room(1)) *at_++ = static_cast<std::byte>(value);
  }
  template <typename T>
  void number(unsigned head, T value) noexcept {
    if (!room(1 + sizeof value)) return;
    *at_ = static_cast<std::byte>(head);
    if constexpr (sizeof value == 1) {
      at_[1] = static_cast<std::byte>(value);
    } else {
      const T swapped = big_endian(value);
      std::memcpy(at_ + 1, &swapped, sizeof swapped);
    }
    at_ += 1 + sizeof value;
  }
  void bytes(const void* data, std::size_t size) noexcept {
    if (!room(size)) return;
    std::memcpy(at_, data, size);
    at_ += size;
  }
  /// Writes the floats at the start of `items`, as many as there is room for, and returns how many
  /// it wrote. A fast path: in robots' messages, long lists are lists of floats.
  Py_ssize_t floats(PyObject* const* items, Py_ssize_t count) noexcept {
    constexpr Py_ssize_t kSize = 9;
    const Py_ssize_t bounded = std::min(count, (end_ - at_) / kSize);
    std::byte* at = at_;  // A local, as to the compiler a store of bytes may change any member.
    Py_ssize_t i = 0;
    for (; i < bounded && PyFloat_CheckExact(items[i]); ++i, at += kSize) {
      const auto bits = big_endian(std::bit_cast<std::uint64_t>(PyFloat_AS_DOUBLE(items[i])));
      *at = std::byte{0xcb};
      std::memcpy(at + 1, &bits, sizeof bits);
    }
    at_ = at;
    return i;
  }
  /// The head bytes of a family for lengths of 1, 2 and 4 bytes; 0: the family has no such head.
  struct Heads {
    unsigned one, two, four;
  };
  /// Writes the shortest head that holds the length.
  void length(Heads heads, std::size_t length) noexcept {
    if (heads.one != 0 && length <= 0xff) {
      number(heads.one, static_cast<std::uint8_t>(length));
    } else if (length <= 0xffff) {
      number(heads.two, static_cast<std::uint16_t>(length));
    } else {
      number(heads.four, static_cast<std::uint32_t>(length));
    }
  }

 private:
  bool room(std::size_t size) noexcept {
    if (static_cast<std::size_t>(end_ - at_) >= size) [[likely]]
      return true;
    excess_ += size;
    return false;
  }
  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  std::size_t excess_ = 0;
  bool has_array_ = false;
};

int encode(Writer& out, PyObject* value, int depth) noexcept;

int encode_int(Writer& out, PyObject* value) noexcept {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow > 0) {
    const unsigned long long large = PyLong_AsUnsignedLongLong(value);
    if (!PyErr_Occurred()) {
      out.number(0xcf, std::uint64_t{large});
      return 0;
    }
    PyErr_Clear();
  }
  if (overflow != 0) {
    PyErr_SetString(PyExc_ValueError, "an int to send must fit into 64 bits");
    return -1;
  }
  const auto bits = static_cast<std::uint64_t>(number);
  if (number >= 0) {
    if (number < 0x80) {
      out.byte(static_cast<unsigned>(number));
    } else if (number <= 0xff) {
      out.number(0xcc, static_cast<std::uint8_t>(bits));
    } else if (number <= 0xffff) {
      out.number(0xcd, static_cast<std::uint16_t>(bits));
    } else if (number <= 0xffffffffLL) {
      out.number(0xce, static_cast<std::uint32_t>(bits));
    } else {
      out.number(0xcf, bits);
    }
    return 0;
  }
  if (number >= -32) {
    out.byte(static_cast<std::uint8_t>(bits));
  } else if (number >= std::numeric_limits<std::int8_t>::min()) {
    out.number(0xd0, static_cast<std::uint8_t>(bits));
  } else if (number >= std::numeric_limits<std::int16_t>::min()) {
    out.number(0xd1, static_cast<std::uint16_t>(bits));
  } else if (number >= std::numeric_limits<std::int32_t>::min()) {
    out.number(0xd2, static_cast<std::uint32_t>(bits));
  } else {
    out.number(0xd3, bits);
  }
  return 0;
}

int encode_str(Writer& out, PyObject* value) noexcept {
  const char* text = nullptr;
  Py_ssize_t length = 0;
  if (PyUnicode_IS_COMPACT_ASCII(value)) [[likely]] {
    text = static_cast<const char*>(PyUnicode_DATA(value));
    length = PyUnicode_GET_LENGTH(value);
  } else {
    text = PyUnicode_AsUTF8AndSize(value, &length);
    if (text == nullptr) return -1;
  }
  const auto size = static_cast<std::size_t>(length);
  if (size < 32) {
    out.byte(0xa0U | static_cast<unsigned>(size));
  } else {
    out.length({0xd9, 0xda, 0xdb}, size);
  }
  out.bytes(text, size);
  return 0;
}

int encode_items(Writer& out, PyObject* const* items, Py_ssize_t count, int depth) noexcept {
  if (count < 16) {
    out.byte(0x90U | static_cast<unsigned>(count));
  } else {
    out.length({0, 0xdc, 0xdd}, static_cast<std::size_t>(count));
  }
  Py_ssize_t i = 0;
  while (i < count) {
    i += out.floats(items + i, count - i);
    if (i < count && encode(out, items[i++], depth) < 0) return -1;
  }
  return 0;
}

int encode_key(Writer& out, PyObject* key) noexcept {
  if (PyUnicode_Check(key)) [[likely]]
    return encode_str(out, key);
  const bool hashable =
      PyLong_Check(key) || PyFloat_Check(key) || PyBytes_CheckExact(key) || key == Py_None;
  if (hashable) return encode(out, key, kMaxDepth);
  PyErr_Format(PyExc_TypeError, "cannot send a dict with a key of type %s", Py_TYPE(key)->tp_name);
  return -1;
}

int encode_dict(Writer& out, PyObject* dict, int depth) noexcept {
  const auto size = static_cast<std::size_t>(PyDict_GET_SIZE(dict));
  if (size < 16) {
    out.byte(0x80U | static_cast<unsigned>(size));
  } else {
    out.length({0, 0xde, 0xdf}, size);
  }
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &position, &key, &value)) {
    if (encode_key(out, key) < 0 || encode(out, value, depth) < 0) return -1;
  }
  return 0;
}

int encode_bytes(Writer& out, const void* data, Py_ssize_t length) noexcept {
  out.length({0xc4, 0xc5, 0xc6}, static_cast<std::size_t>(length));
  out.bytes(data, static_cast<std::size_t>(length));
  return 0;
}

int encode_array(Writer& out, PyObject* array) noexcept {
  const Ref copy{contiguous_copy(array)};
  if (!copy) return -1;
  const auto info = describe_array(copy.ptr());
  if (!info) {
    const Ref name{dtype_name(array)};
    if (name) PyErr_Format(PyExc_TypeError, "cannot send an array of dtype %U", name.ptr());
    return -1;
  }
  const std::size_t dimensions = info->shape.size();
  if (dimensions > 8) {
    PyErr_SetString(PyExc_ValueError, "an array to send has at most 8 dimensions");
    return -1;
  }
  out.note_array();
  out.length({0xc7, 0xc8, 0xc9}, 2 + 4 * dimensions + info->bytes);
  out.byte(static_cast<std::uint8_t>(kArrayExtension));
  out.byte(static_cast<unsigned>(info->dtype));
  out.byte(static_cast<unsigned>(dimensions));
  for (const Py_ssize_t extent : info->shape) {
    const auto length = static_cast<std::uint32_t>(extent);
    out.bytes(&length, sizeof length);
  }
  out.bytes(info->data, info->bytes);
  return 0;
}

int encode_message(Writer& out, PyObject* value, const MessageType& type) noexcept {
  const std::string_view name = type.info().name;
  const std::size_t before = sizeof(std::uint64_t) + 1 + name.size();
  std::size_t size = type.info().size;
  Ref packed;
  if (type.varies()) {
    packed = Ref{PyObject_Bytes(value)};
    if (!packed) return -1;
    size = static_cast<std::size_t>(PyBytes_GET_SIZE(packed.ptr()));
  }
  out.length({0xc7, 0xc8, 0xc9}, before + size);
  out.byte(static_cast<std::uint8_t>(kMessageExtension));
  const std::uint64_t hash = type.info().hash;
  out.bytes(&hash, sizeof hash);
  out.byte(static_cast<unsigned>(name.size()));
  out.bytes(name.data(), name.size());
  out.bytes(packed ? PyBytes_AS_STRING(packed.ptr())
                   : reinterpret_cast<const char*>(as_message(value)->data),
            size);
  return 0;
}

/// Encodes values that are not exactly of a built-in type: messages, NumPy arrays and scalars,
/// instances of subclasses, bytearrays.
int encode_other(Writer& out, PyObject* value, int depth) noexcept {
  if (const MessageType* const type = find_message_type(Py_TYPE(value))) {
    return encode_message(out, value, *type);
  }
  if (is_array(value)) return encode_array(out, value);
  if (PyFloat_Check(value)) {  // numpy.float64 is one.
    out.number(0xcb, std::bit_cast<std::uint64_t>(PyFloat_AS_DOUBLE(value)));
    return 0;
  }
  if (PyLong_Check(value)) return encode_int(out, value);
  if (PyUnicode_Check(value)) return encode_str(out, value);
  if (PyDict_Check(value)) return encode_dict(out, value, depth);
  if (PyList_Check(value) || PyTuple_Check(value)) {
    return encode_items(out, PySequence_Fast_ITEMS(value), Py_SIZE(value), depth);
  }
  if (PyBytes_Check(value)) return encode_bytes(out, PyBytes_AS_STRING(value), Py_SIZE(value));
  if (PyByteArray_Check(value)) {
    return encode_bytes(out, PyByteArray_AS_STRING(value), Py_SIZE(value));
  }
  const Ref number{scalar_to_python(value)};
  if (number) return encode(out, number.ptr(), depth);
  if (!PyErr_Occurred()) {
    PyErr_Format(PyExc_TypeError, "cannot send an object of type %s", Py_TYPE(value)->tp_name);
  }
  return -1;
}

int encode(Writer& out, PyObject* value, int depth) noexcept {
  PyTypeObject* const type = Py_TYPE(value);
  if (type == &PyFloat_Type) {
    out.number(0xcb, std::bit_cast<std::uint64_t>(PyFloat_AS_DOUBLE(value)));
    return 0;
  }
  if (type == &PyLong_Type) return encode_int(out, value);
  if (type == &PyUnicode_Type) return encode_str(out, value);
  if (type == &PyBool_Type) {
    out.byte(value == Py_True ? 0xc3 : 0xc2);
    return 0;
  }
  if (value == Py_None) {
    out.byte(0xc0);
    return 0;
  }
  if (type == &PyBytes_Type) return encode_bytes(out, PyBytes_AS_STRING(value), Py_SIZE(value));
  if (depth >= kMaxDepth && !PyLong_Check(value) && !PyFloat_Check(value)) {
    PyErr_Format(PyExc_ValueError, "a value to send nests at most %d levels", kMaxDepth);
    return -1;
  }
  if (type == &PyDict_Type) return encode_dict(out, value, depth + 1);
  if (type == &PyList_Type || type == &PyTuple_Type) {
    return encode_items(out, PySequence_Fast_ITEMS(value), Py_SIZE(value), depth + 1);
  }
  return encode_other(out, value, depth + 1);
}

}  // namespace

Py_ssize_t pack(PyObject* value, std::span<std::byte> buffer) noexcept {
  Writer out{buffer};
  if (encode(out, value, 0) < 0) return -1;
  if (out.fits()) [[likely]]
    return static_cast<Py_ssize_t>(out.size());
  PyErr_Format(
      PyExc_ValueError,
      "a message of %zu bytes is larger than the topic's limit of %zu; where it is "
      "declared, say max_size=%zu or more%s",
      out.size(), buffer.size(), out.size(),
      out.has_array() ? ", or send its arrays as Tensor or Image, which copy nothing" : "");
  return -1;
}

}  // namespace horus::py

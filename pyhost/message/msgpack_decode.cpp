// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/message/msgpack.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/message/type.hpp"
#include "pyhost/message/varying.hpp"

namespace horus::py {
namespace {

/// The str objects of recent keys, since a topic's keys repeat with every message. With the GIL.
class KeyCache {
 public:
  PyObject* get(std::string_view text) noexcept {
    if (text.empty() || text.size() > kMaxLength) return decode(text);
    PyObject*& slot = slots_[slot_of(text)];
    if (slot != nullptr && holds(slot, text)) [[likely]]
      return Py_NewRef(slot);
    PyObject* key = decode(text);
    if (key == nullptr) return nullptr;
    PyUnicode_InternInPlace(&key);
    if (PyUnicode_IS_COMPACT_ASCII(key)) Py_XSETREF(slot, Py_NewRef(key));
    return key;
  }

 private:
  static constexpr std::size_t kMaxLength = 32;
  static constexpr std::size_t kSlots = 256;

  static PyObject* decode(std::string_view text) noexcept {
    return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
  }
  static bool holds(PyObject* key, std::string_view text) noexcept {
    return static_cast<std::size_t>(PyUnicode_GET_LENGTH(key)) == text.size() &&
           std::memcmp(PyUnicode_1BYTE_DATA(key), text.data(), text.size()) == 0;
  }
  static std::size_t slot_of(std::string_view text) noexcept {
    // The first, middle and last letter and the length are enough to tell a dict's keys apart.
    const auto letter = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::uint32_t mixed = letter(0) + 256U * letter(text.size() / 2) +
                                65536U * letter(text.size() - 1) +
                                16777216U * static_cast<std::uint32_t>(text.size());
    return (mixed * 0x9E3779B1U) >> 24;
  }
  std::array<PyObject*, kSlots> slots_{};  // ASCII only, which holds() can compare as bytes.
};
constinit KeyCache key_cache;

PyObject* malformed() noexcept {
  PyErr_SetString(PyExc_ValueError, "the message is not valid MessagePack");
  return nullptr;
}

/// Reads MessagePack from bytes that need not be trusted: each length is checked against the bytes
/// that are left. Functions that return a PyObject* return a new reference, or null with an
/// exception set.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept
      : at_{bytes.data()}, end_{bytes.data() + bytes.size()} {}

  bool at_end() const noexcept { return at_ == end_; }
  PyObject* value(int depth) noexcept;

 private:
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// The next `length` bytes; null where fewer are left.
  const std::byte* bytes(std::size_t length) noexcept {
    if (left() < length) [[unlikely]]
      return nullptr;
    const std::byte* const start = at_;
    at_ += length;
    return start;
  }
  template <typename T>
  std::optional<T> number() noexcept {
    const std::byte* const start = bytes(sizeof(T));
    if (start == nullptr) return std::nullopt;
    T value;
    std::memcpy(&value, start, sizeof value);
    if constexpr (sizeof value == 2) value = static_cast<T>(__builtin_bswap16(value));
    if constexpr (sizeof value == 4) value = static_cast<T>(__builtin_bswap32(value));
    if constexpr (sizeof value == 8) value = static_cast<T>(__builtin_bswap64(value));
    return value;
  }
  /// Reads a length of 1, 2 or 4 bytes, for the first, second or third head of a family.
  std::optional<std::size_t> length(unsigned family_place) noexcept {
    if (family_place == 0) return number<std::uint8_t>();
    if (family_place == 1) return number<std::uint16_t>();
    return number<std::uint32_t>();
  }
  PyObject* key(int depth) noexcept;
  PyObject* text(std::optional<std::size_t> length) noexcept;
  PyObject* binary(std::optional<std::size_t> length) noexcept;
  PyObject* list(std::optional<std::size_t> length, int depth) noexcept;
  PyObject* dict(std::optional<std::size_t> length, int depth) noexcept;
  PyObject* extension(std::optional<std::size_t> length) noexcept;
  PyObject* array(std::span<const std::byte> body) noexcept;
  PyObject* message(std::span<const std::byte> body) noexcept;
  PyObject* integer(unsigned head) noexcept;
  PyObject* by_head(unsigned head, int depth) noexcept;

  const std::byte* at_;
  const std::byte* end_;
};

PyObject* Reader::text(std::optional<std::size_t> length) noexcept {
  const std::byte* const start = length ? bytes(*length) : nullptr;
  if (start == nullptr) return malformed();
  return PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(start),
                              static_cast<Py_ssize_t>(*length), nullptr);
}

PyObject* Reader::binary(std::optional<std::size_t> length) noexcept {
  const std::byte* const start = length ? bytes(*length) : nullptr;
  if (start == nullptr) return malformed();
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(start),
                                   static_cast<Py_ssize_t>(*length));
}

PyObject* Reader::key(int depth) noexcept {
  if (at_ == end_) return malformed();
  // Short texts come from the cache; any other key is a value like the rest.
  const auto head = std::to_integer<unsigned>(*at_);
  if ((head & 0xe0U) != 0xa0U) return value(depth);
  ++at_;
  const std::size_t length = head & 31U;
  const std::byte* const start = bytes(length);
  if (start == nullptr) return malformed();
  return key_cache.get({reinterpret_cast<const char*>(start), length});
}

PyObject* Reader::list(std::optional<std::size_t> length, int depth) noexcept {
  // Each element takes at least one byte. Refuse a longer length before allocating for it.
  if (!length || *length > left() || depth >= kMaxDepth) return malformed();
  PyObject* const result = PyList_New(static_cast<Py_ssize_t>(*length));
  if (result == nullptr) return nullptr;
  for (std::size_t i = 0; i < *length; ++i) {
    PyObject* const element = value(depth + 1);
    if (element == nullptr) [[unlikely]] {
      Py_DECREF(result);
      return nullptr;
    }
    PyList_SET_ITEM(result, static_cast<Py_ssize_t>(i), element);
  }
  return result;
}

/// A map from another program may have a key that is not hashable in Python. Replaces the TypeError
/// by a ValueError that says so.
void tell_bad_key(PyObject* key) noexcept {
  if (key == nullptr || PyErr_ExceptionMatches(PyExc_TypeError) == 0) return;
  PyErr_Format(PyExc_ValueError, "a value has a map with a key of type %s, which no dict can have",
               Py_TYPE(key)->tp_name);
}

PyObject* Reader::dict(std::optional<std::size_t> length, int depth) noexcept {
  if (!length || *length > left() / 2 || depth >= kMaxDepth) return malformed();
  PyObject* const result = PyDict_New();
  for (std::size_t i = 0; result != nullptr && i < *length; ++i) {
    PyObject* const name = key(depth + 1);
    PyObject* const element = name != nullptr ? value(depth + 1) : nullptr;
    const int stored = element != nullptr ? PyDict_SetItem(result, name, element) : -1;
    if (stored < 0 && element != nullptr) [[unlikely]]
      tell_bad_key(name);
    Py_XDECREF(name);
    Py_XDECREF(element);
    if (stored < 0) [[unlikely]] {
      Py_DECREF(result);
      return nullptr;
    }
  }
  return result;
}

PyObject* Reader::array(std::span<const std::byte> body) noexcept {
  if (body.size() < 2) return malformed();
  const auto dtype = std::to_integer<unsigned>(body[0]);
  const auto dimensions = std::to_integer<std::size_t>(body[1]);
  if (dtype > static_cast<unsigned>(shm::Dtype::kBool) || dimensions > shm::kMaxDimensions ||
      body.size() < 2 + 4 * dimensions) {
    return malformed();
  }
  std::array<Py_ssize_t, shm::kMaxDimensions> shape{};
  std::size_t size = shm::size_of(static_cast<shm::Dtype>(dtype));
  for (std::size_t i = 0; i < dimensions; ++i) {
    std::uint32_t extent = 0;
    std::memcpy(&extent, body.data() + 2 + 4 * i, sizeof extent);
    shape[i] = extent;
    if (__builtin_mul_overflow(size, std::size_t{extent}, &size)) return malformed();
  }
  const auto elements = body.subspan(2 + 4 * dimensions);
  if (elements.size() != size) return malformed();
  return new_array(elements, static_cast<shm::Dtype>(dtype), std::span{shape}.first(dimensions));
}

PyObject* Reader::message(std::span<const std::byte> body) noexcept {
  constexpr std::size_t kNameAt = sizeof(std::uint64_t) + 1;
  if (body.size() < kNameAt) return malformed();
  std::uint64_t hash = 0;
  std::memcpy(&hash, body.data(), sizeof hash);
  const auto name_size = std::to_integer<std::size_t>(body[sizeof hash]);
  if (body.size() < kNameAt + name_size) return malformed();
  const std::string name{reinterpret_cast<const char*>(body.data() + kNameAt), name_size};
  MessageType* const type = find_message_type(std::string_view{name});
  if (type == nullptr || type->info().hash != hash) {
    const Ref shown{PyUnicode_DecodeUTF8(name.data(), static_cast<Py_ssize_t>(name.size()),
                                         "backslashreplace")};
    if (!shown) return nullptr;
    PyErr_Format(PyExc_TypeError,
                 type == nullptr ? "a message of type '%U', which this program does not know: "
                                   "import its definition"
                                 : "a message of type '%U' of another layout than this program's",
                 shown.ptr());
    return nullptr;
  }
  const auto bytes = body.subspan(kNameAt + name_size);
  if (type->varies()) return as_object(unpack_message(*type, bytes));
  if (bytes.size() != type->info().size) return malformed();
  MessageObject* const made = type->allocate();
  if (made != nullptr) std::memcpy(made->data, bytes.data(), bytes.size());
  return as_object(made);
}

PyObject* Reader::extension(std::optional<std::size_t> length) noexcept {
  const auto type = number<std::uint8_t>();
  const std::byte* const start = length && type ? bytes(*length) : nullptr;
  if (start == nullptr) return malformed();
  if (static_cast<std::int8_t>(*type) == kArrayExtension) return array({start, *length});
  if (static_cast<std::int8_t>(*type) == kMessageExtension) return message({start, *length});
  PyErr_Format(PyExc_ValueError, "the message holds an unknown MessagePack extension type %d",
               static_cast<int>(static_cast<std::int8_t>(*type)));
  return nullptr;
}

template <typename T>
PyObject* unsigned_object(std::optional<T> value) noexcept {
  return value ? PyLong_FromUnsignedLongLong(*value) : malformed();
}
template <typename Signed, typename T>
PyObject* signed_object(std::optional<T> value) noexcept {
  return value ? PyLong_FromLongLong(static_cast<Signed>(*value)) : malformed();
}

PyObject* Reader::integer(unsigned head) noexcept {
  switch (head) {
    case 0xcc: return unsigned_object(number<std::uint8_t>());
    case 0xcd: return unsigned_object(number<std::uint16_t>());
    case 0xce: return unsigned_object(number<std::uint32_t>());
    case 0xcf: return unsigned_object(number<std::uint64_t>());
    case 0xd0: return signed_object<std::int8_t>(number<std::uint8_t>());
    case 0xd1: return signed_object<std::int16_t>(number<std::uint16_t>());
    case 0xd2: return signed_object<std::int32_t>(number<std::uint32_t>());
    default: return signed_object<std::int64_t>(number<std::uint64_t>());
  }
}

PyObject* Reader::by_head(unsigned head, int depth) noexcept {
  if (head >= 0xcc && head <= 0xd3) return integer(head);
  if (head >= 0xd4 && head <= 0xd8) return extension(std::size_t{1} << (head - 0xd4));
  if (head >= 0xc4 && head <= 0xc6) return binary(length(head - 0xc4));
  if (head >= 0xc7 && head <= 0xc9) return extension(length(head - 0xc7));
  if (head >= 0xd9 && head <= 0xdb) return text(length(head - 0xd9));
  switch (head) {
    case 0xc0: return new_none();
    case 0xc2: return Py_NewRef(Py_False);
    case 0xc3: return Py_NewRef(Py_True);
    case 0xca: {
      const auto bits = number<std::uint32_t>();
      return bits ? PyFloat_FromDouble(static_cast<double>(std::bit_cast<float>(*bits)))
                  : malformed();
    }
    case 0xdc:
    case 0xdd: return list(length(head - 0xdc + 1), depth);
    case 0xde:
    case 0xdf: return dict(length(head - 0xde + 1), depth);
    default: return malformed();
  }
}

PyObject* Reader::value(int depth) noexcept {
  if (at_ == end_) return malformed();
  const auto head = std::to_integer<unsigned>(*at_++);
  if (head == 0xcb) {
    const auto bits = number<std::uint64_t>();
    return bits ? PyFloat_FromDouble(std::bit_cast<double>(*bits)) : malformed();
  }
  if (head < 0x80) return PyLong_FromLong(static_cast<long>(head));
  if (head < 0x90) return dict(head & 15U, depth);
  if (head < 0xa0) return list(head & 15U, depth);
  if (head < 0xc0) return text(head & 31U);
  if (head >= 0xe0) return PyLong_FromLong(static_cast<std::int8_t>(head));
  return by_head(head, depth);
}

}  // namespace

PyObject* unpack(std::span<const std::byte> bytes) noexcept {
  Reader in{bytes};
  PyObject* const value = in.value(0);
  if (value == nullptr || in.at_end()) [[likely]]
    return value;
  Py_DECREF(value);
  return malformed();
}

}  // namespace horus::py

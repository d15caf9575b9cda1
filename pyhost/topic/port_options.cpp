// SPDX-License-Identifier: Apache-2.0
#include "pyhost/topic/port_options.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include <horus/image.hpp>
#include <horus/message.hpp>

#include "pyhost/payload/object.hpp"

namespace horus::py {
namespace {

constexpr std::uint32_t kMaxMessages = 1U << 24;

struct Number {
  const char* name;
  std::uint32_t least;
  std::uint32_t most;
};

bool read_number(PyObject* value, const char* who, const Number& wanted,
                 std::uint32_t& number) noexcept {
  if (value == nullptr || value == Py_None) return true;
  if (PyLong_Check(value) == 0 || PyBool_Check(value) != 0) {  // history=True is no number.
    PyErr_Format(PyExc_TypeError, "%s: %s must be an int, not %s", who, wanted.name,
                 Py_TYPE(value)->tp_name);
    return false;
  }
  int overflow = 0;
  const long long given = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0 || given < wanted.least || given > wanted.most) {
    PyErr_Format(PyExc_ValueError, "%s: %s must be %u to %u, not %R", who, wanted.name,
                 wanted.least, wanted.most, value);
    return false;
  }
  number = static_cast<std::uint32_t>(given);
  return true;
}

/// For depth None means something: 0, that is all that a ring holds.
bool read_depth(PyObject* value, const char* who, std::optional<std::uint32_t>& depth) {
  if (value == nullptr) return true;
  std::uint32_t messages = 0;
  if (!read_number(value, who, {"depth", 1, kMaxMessages}, messages)) return false;
  depth = messages;
  return true;
}

bool read_history(PyObject* value, const char* who, std::optional<std::uint32_t>& history) {
  if (value == nullptr || value == Py_None) return true;
  std::uint32_t messages = 0;
  if (!read_number(value, who, {"history", 0, kMaxMessages}, messages)) return false;
  history = messages;
  return true;
}

bool read_policy(PyObject* value, const char* who, shm::Policy& policy) noexcept {
  if (value == nullptr || value == Py_None) return true;
  const auto is = [value](const char* text) {
    return PyUnicode_Check(value) != 0 && PyUnicode_CompareWithASCIIString(value, text) == 0;
  };
  if (is("overwrite")) {
    policy = shm::Policy::kOverwrite;
  } else if (is("refuse")) {
    policy = shm::Policy::kRefuse;
  } else {
    PyErr_Format(PyExc_ValueError, "%s: policy must be 'overwrite' or 'refuse', not %R", who,
                 value);
    return false;
  }
  return true;
}

/// Reads (height, width, encoding) as the bytes of such an image.
bool read_image_size(PyObject* value, const char* who, std::size_t& size) noexcept {
  long long height = 0;
  long long width = 0;
  const char* name = nullptr;
  if (PyArg_ParseTuple(value, "LLs;size is bytes, or (height, width, encoding)", &height, &width,
                       &name) == 0) {
    return false;
  }
  const auto encoding = shm::parse_encoding(name);
  if (!encoding) {
    PyErr_Format(PyExc_ValueError, "%s: size: unknown image encoding '%s'", who, name);
    return false;
  }
  if (!check_sides("size: image", height, width)) return false;
  const shm::EncodingInfo& pixel = shm::info(*encoding);
  size = static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * pixel.channels *
         shm::size_of(pixel.dtype);
  return true;
}

bool read_size(PyObject* value, const char* who, std::size_t& size) noexcept {
  if (value == nullptr || value == Py_None) return true;
  if (PyTuple_Check(value)) return read_image_size(value, who, size);
  constexpr Number kBytes{"size", 1, 1U << 30};
  std::uint32_t bytes = 0;
  if (!read_number(value, who, kBytes, bytes)) return false;
  size = bytes;
  return true;
}

bool read_finite(PyObject* value, const char* who, bool& finite) noexcept {
  if (value == nullptr || value == Py_None) return true;
  if (PyBool_Check(value) == 0) {
    PyErr_Format(PyExc_TypeError, "%s: finite must be a bool, not %s", who,
                 Py_TYPE(value)->tp_name);
    return false;
  }
  finite = value == Py_True;
  return true;
}

}  // namespace

bool read_port_options(const PortArguments& arguments, const char* who,
                       shm::TopicOptions& options) noexcept {
  return read_number(arguments.capacity, who, {"capacity", 1, kMaxMessages}, options.capacity) &&
         read_number(arguments.max_size, who, {"max_size", 1, shm::kMaxMessage},
                     options.max_size) &&
         read_depth(arguments.depth, who, options.depth) &&
         read_history(arguments.history, who, options.history) &&
         read_policy(arguments.policy, who, options.policy) &&
         read_size(arguments.size, who, options.size) &&
         read_finite(arguments.finite, who, options.finite);
}

void merge_port_options(shm::TopicOptions& into, const shm::TopicOptions& more) noexcept {
  into.capacity = std::max(into.capacity, more.capacity);
  into.max_size = std::max(into.max_size, more.max_size);
  if (more.history) into.history = std::max(into.history.value_or(0), *more.history);
  if (more.depth) into.depth = more.depth;
  into.size = std::max(into.size, more.size);
  into.finite = into.finite || more.finite;
  if (more.timeout != Nanos{}) {
    into.timeout = more.timeout;
    into.fallback = more.fallback;
    into.value = more.value;
  }
  if (more.policy != shm::Policy::kAny) into.policy = more.policy;
}

}  // namespace horus::py

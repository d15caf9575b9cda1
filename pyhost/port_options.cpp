// SPDX-License-Identifier: Apache-2.0
#include "pyhost/port_options.hpp"

#include <algorithm>
#include <cstdint>

#include "shm/message.hpp"

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
  if (PyLong_Check(value) == 0) {
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

}  // namespace

bool read_port_options(const PortArguments& arguments, const char* who,
                       shm::TopicOptions& options) noexcept {
  return read_number(arguments.capacity, who, {"capacity", 1, kMaxMessages}, options.capacity) &&
         read_number(arguments.max_size, who, {"max_size", 1, shm::kMaxMessage},
                     options.max_size) &&
         read_number(arguments.history, who, {"history", 0, kMaxMessages}, options.history) &&
         read_policy(arguments.policy, who, options.policy);
}

void merge_port_options(shm::TopicOptions& into, const shm::TopicOptions& more) noexcept {
  into.capacity = std::max(into.capacity, more.capacity);
  into.max_size = std::max(into.max_size, more.max_size);
  into.history = std::max(into.history, more.history);
  if (more.policy != shm::Policy::kAny) into.policy = more.policy;
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
// The constructor of message classes: from a call's arguments, or from a dict of them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "pyhost/cpython/cpython.hpp"
#include "pyhost/message/object.hpp"
#include "pyhost/message/varying.hpp"

namespace horus::py {

/// How many of a call's arguments, from the first on, are where they were declared.
inline std::size_t MessageType::in_order(std::size_t positional, PyObject* names,
                                         std::size_t named) const noexcept {
  const std::size_t most = std::min(positional + named, arguments_.size());
  std::size_t i = positional;
  while (i < most && arguments_[i].name == PyTuple_GET_ITEM(names, i - positional)) ++i;
  return i;
}

inline int MessageType::find_argument(PyObject* name, std::size_t guess) const noexcept {
  // Names in source code are interned, and most calls keep the declared order.
  if (guess < arguments_.size() && arguments_[guess].name == name) [[likely]] {
    return static_cast<int>(guess);
  }
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (arguments_[i].name == name) return static_cast<int>(i);
  }
  return find_by_text(name);
}

int MessageType::find_by_text(PyObject* name) const noexcept {
  if (!PyUnicode_Check(name)) {
    PyErr_Format(PyExc_TypeError, "%s: argument names are str, not %s", python_->tp_name,
                 Py_TYPE(name)->tp_name);
    return -1;
  }
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (PyUnicode_Compare(arguments_[i].name, name) == 0) return static_cast<int>(i);
  }
  PyErr_Format(PyExc_TypeError, "%s has no constructor argument '%U'", python_->tp_name, name);
  return -1;
}

int MessageType::set_twice(std::size_t index) const noexcept {
  PyErr_Format(PyExc_TypeError, "%s got two values for '%U'", python_->tp_name,
               arguments_[index].name);
  return -1;
}

inline int MessageType::set_argument(std::byte* data, std::size_t index,
                                     PyObject* value) const noexcept {
  const Argument& argument = arguments_[index];
  if (PyFloat_CheckExact(value)) [[likely]] {
    const double number = PyFloat_AS_DOUBLE(value);
    if (argument.number && argument.kind == shm::Kind::kF64) {
      std::memcpy(data + argument.offset, &number, sizeof number);
      return 0;
    }
    if (argument.number && argument.kind == shm::Kind::kF32) {
      const auto narrow = static_cast<float>(number);
      if (!std::isinf(narrow)) [[likely]] {
        std::memcpy(data + argument.offset, &narrow, sizeof narrow);
        return 0;
      }
    }
  }
  if (argument.number) return store_scalar(data + argument.offset, argument.place, value);
  const bool left_out = value == Py_None && !argument.required;
  return left_out ? 0 : store(data, argument.place, value);
}

int MessageType::set_named(std::byte* data, int index, PyObject* value,
                           std::uint64_t& given) const noexcept {
  if (index < 0) return -1;
  const std::uint64_t bit = std::uint64_t{1} << index;
  if ((given & bit) != 0) return set_twice(static_cast<std::size_t>(index));
  given |= bit;
  return set_argument(data, static_cast<std::size_t>(index), value);
}

MessageObject* MessageType::with_stamp(MessageObject* message) const noexcept {
  const auto stamp = static_cast<std::uint64_t>(since_1970() / stamp_unit_);
  std::memcpy(message->data, defaults_.data(), size_);
  std::memcpy(message->data + stamp_.offset, &stamp, sizeof stamp);
  return message;
}

inline MessageObject* MessageType::with_defaults() noexcept {
  constexpr std::size_t kSmall = 64;
  MessageObject* const message = allocate();
  if (message == nullptr) return nullptr;
  const std::size_t size = size_;
  if (stamp_.size != 0) [[unlikely]]
    return with_stamp(message);
  if (size > kSmall || size % 8 != 0) {
    std::memcpy(message->data, defaults_.data(), size);
    return message;
  }
  for (std::size_t i = 0; i < size; i += 8) {  // Fewer steps than a call of memcpy.
    std::memcpy(message->data + i, defaults_.data() + i, 8);
  }
  return message;
}

int MessageType::check_given(std::uint64_t given) const noexcept {
  const std::uint64_t missing = required_ & ~given;
  if (missing == 0) [[likely]]
    return 0;
  const auto first = static_cast<std::size_t>(std::countr_zero(missing));
  PyErr_Format(PyExc_TypeError, "%s needs the argument '%U'", python_->tp_name,
               arguments_[first].name);
  return -1;
}

void MessageType::set_also(std::byte* data) const noexcept {
  for (const Also& one : also_) std::memcpy(data + one.to, data + one.from, one.size);
}

PyObject* MessageType::construct(PyObject* const* values, std::size_t positional,
                                 PyObject* names) noexcept {
  if (positional > arguments_.size()) {
    PyErr_Format(PyExc_TypeError, "%s takes at most %zu arguments, %zu were given",
                 python_->tp_name, arguments_.size(), positional);
    return nullptr;
  }
  MessageObject* const message = with_defaults();
  if (message == nullptr) return nullptr;
  const std::size_t named =
      names == nullptr ? 0 : static_cast<std::size_t>(PyTuple_GET_SIZE(names));
  const std::size_t ordered = in_order(positional, names, named);
  int result = 0;
  for (std::size_t i = 0; result == 0 && i < ordered; ++i) {
    result = set_argument(message->data, i, values[i]);
  }
  std::uint64_t given = ordered < 64 ? (std::uint64_t{1} << ordered) - 1 : ~std::uint64_t{0};
  for (std::size_t i = ordered; result == 0 && i < positional + named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(names, static_cast<Py_ssize_t>(i - positional));
    result = set_named(message->data, find_argument(name, i), values[i], given);
  }
  if (result == 0 && check_given(given) == 0) [[likely]] {
    set_also(message->data);
    return as_object(message);
  }
  Py_DECREF(message);
  return nullptr;
}

MessageObject* MessageType::from_dict(PyObject* dict) noexcept {
  MessageObject* const message = with_defaults();
  if (message == nullptr) return nullptr;
  std::uint64_t given = 0;
  std::size_t guess = 0;
  Py_ssize_t position = 0;
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  int result = 0;
  // Storing a value may run its Python code, which may change the dict: hold what is looked at.
  while (result == 0 && PyDict_Next(dict, &position, &name, &value)) {
    Py_INCREF(name);
    Py_INCREF(value);
    result = set_named(message->data, find_argument(name, guess++), value, given);
    Py_DECREF(name);
    Py_DECREF(value);
  }
  if (result == 0 && check_given(given) == 0 && (!varies() || fill_tails(message) == 0))
      [[likely]] {
    set_also(message->data);
    return message;
  }
  Py_DECREF(message);
  return nullptr;
}

PyObject* message_vectorcall(PyObject* python, PyObject* const* values, std::size_t flagged_count,
                             PyObject* names) noexcept {
  MessageType* const type = find_message_type(reinterpret_cast<PyTypeObject*>(python));
  const auto positional = static_cast<std::size_t>(PyVectorcall_NARGS(flagged_count));
  return type->construct(values, positional, names);
}

PyObject* message_new(PyTypeObject* python, PyObject* values, PyObject* names) noexcept {
  return PyVectorcall_Call(as_object(python), values, names);
}

}  // namespace horus::py

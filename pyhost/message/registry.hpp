// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <string_view>

#include <pybind11/pybind11.h>

#include "pyhost/message/type.hpp"

namespace horus::py {

/// Adds a class for every message type that shm knows, made from its table. Their helper
/// methods are Python (horus/_methods/), which the package imports right after the module.
void bind_messages(pybind11::module_& module);

/// The type of a message object's class, or null. Constant time.
MessageType* find_message_type(const PyTypeObject* python) noexcept;
/// Of a type by its table, or by its name; null when there is none.
MessageType* find_message_type(const shm::TypeInfo& info) noexcept;
MessageType* find_message_type(std::string_view name) noexcept;
/// The type whose default topic this is; null when there is none.
MessageType* find_type_of_topic(std::string_view topic) noexcept;

}  // namespace horus::py

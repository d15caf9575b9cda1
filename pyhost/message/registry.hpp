// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <string_view>

#include <pybind11/pybind11.h>

#include "pyhost/message/type.hpp"

namespace horus::py {

/// Adds a class for every message type that shm knows, made from its table. The helper methods of
/// these classes are Python (horus/_methods/); the package imports them right after the module.
void bind_messages(pybind11::module_& module);

// Message types live until the process ends. The lookups by table, name and topic may be called
// from any thread, without the GIL; the first one with the GIL.

/// The type of a message object's class; null for any other class. Constant time.
MessageType* find_message_type(const PyTypeObject* python) noexcept;
/// The type with the name of a table, or with this name; null when there is none.
MessageType* find_message_type(const shm::TypeInfo& info) noexcept;
MessageType* find_message_type(std::string_view name) noexcept;
/// The type whose default topic this is; null when there is none.
MessageType* find_type_of_topic(std::string_view topic) noexcept;

}  // namespace horus::py

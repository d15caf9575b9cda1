// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "pyhost/message/field.hpp"

namespace horus::py {

// Everything here is called with the GIL.

/// Sets a field of `message`. 0; or -1 with TypeError or ValueError set. After an error the message
/// is unchanged, except for array elements before the faulty one.
int store(std::byte* message, const Field& field, PyObject* value) noexcept;
/// The same for one number or bool at `at`.
int store_scalar(std::byte* at, const Field& field, PyObject* value) noexcept;
/// How many values are given for an array; -1 with TypeError set where `value` is no sequence.
Py_ssize_t length_of_values(const Field& field, PyObject* value) noexcept;

/// Reads a field: a number, bool or str; a view of an array or of a nested message; or a list of
/// texts or messages. A new reference; null with an exception set.
PyObject* load(MessageObject* message, const Field& field) noexcept;
/// The same for one number or bool at `at`.
PyObject* load_scalar(const std::byte* at, shm::Kind kind) noexcept;

/// How many elements of an array are in use: the value of its counting field, at most all; all
/// where there is no such field.
std::uint32_t used(const std::byte* message, const Field& field) noexcept;

/// Whether a field has equal values in two messages. NaN differs from itself; a text ends at its
/// first zero byte.
bool same_value(const std::byte* a, const std::byte* b, const Field& field) noexcept;

/// A number as Python writes it; a 32-bit float with no more digits than it needs.
std::string describe_scalar(const std::byte* at, shm::Kind kind);
/// The value in a repr, such as "1.0"; an array of more than eight elements as "<360 values>".
std::string describe(MessageObject* message, const Field& field);

}  // namespace horus::py

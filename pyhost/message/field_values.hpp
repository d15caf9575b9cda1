// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "pyhost/message/field.hpp"

namespace horus::py {

/// Sets the value. 0, or -1 with TypeError or ValueError set, the message unchanged but for
/// elements before the faulty one.
int store(std::byte* message, const Field& field, PyObject* value) noexcept;
int store_scalar(std::byte* at, const Field& field, PyObject* value) noexcept;
/// Of what is given for an array; -1 with TypeError set where it is no sequence.
Py_ssize_t length_of_values(const Field& field, PyObject* value) noexcept;

/// A new reference: number, bool, str, a view of an array or of a nested message, or a list of
/// texts or messages. Null with an exception set.
PyObject* load(MessageObject* message, const Field& field) noexcept;
PyObject* load_scalar(const std::byte* at, shm::Kind kind) noexcept;

/// Elements in use: what the counting field says, or all.
std::uint32_t used(const std::byte* message, const Field& field) noexcept;

/// Whether two messages hold equal values there (NaN differs from itself, text ends at its zero).
bool same_value(const std::byte* a, const std::byte* b, const Field& field) noexcept;

/// A number as Python writes it, a float of 32 bits with no more digits than it needs.
std::string describe_scalar(const std::byte* at, shm::Kind kind);
/// "linear=1.0"'s right side, arrays of more than eight elements as "<360 values>".
std::string describe(MessageObject* message, const Field& field);

}  // namespace horus::py

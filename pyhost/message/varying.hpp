// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <optional>
#include <span>

#include "pyhost/message/type.hpp"

/// Messages whose size varies, as Python objects: the object's own bytes are the head and, at the
/// next multiple of 8, a reference to a NumPy array for each tail. The arrays own their memory and
/// refer to nothing, so the objects need no garbage collection.
namespace horus::py {

/// Bytes of a message object of this type behind its MessageObject.
std::size_t object_size(const shm::TypeInfo& type) noexcept;

/// The array of each tail; null only until fill_tails().
std::span<PyObject*> arrays_of(MessageObject* message) noexcept;
/// A message of zeros without arrays; null with MemoryError set.
MessageObject* blank_message(MessageType& type) noexcept;

/// An array's elements, where it is still what a tail of this kind is made as: the user may have
/// bent it.
std::optional<std::span<const std::byte>> elements_of(PyObject* array, shm::Kind kind) noexcept;
/// A new array; null with ValueError set for one that was bent.
PyObject* copy_tail(PyObject* array, const shm::TailInfo& tail) noexcept;

Field tail_field(const shm::TypeInfo& type, const shm::TailInfo& tail);
/// Of a constructor's argument: a field, a tail, or the message that this one begins with.
bool find_argument_field(const shm::TypeInfo& type, const shm::ArgInfo& arg, Field& found);

/// As store() and load(), for a field with a tail or a base.
int store_part(std::byte* message, const Field& field, PyObject* value) noexcept;
PyObject* load_part(MessageObject* message, const Field& field) noexcept;

/// The elements of a tail; none of an array that the user has bent out of shape.
std::span<const std::byte> tail_elements(const std::byte* message, const Field& field) noexcept;

/// Makes the tails that are not there yet, as long as the head says. -1 with ValueError set where
/// no message holds so much.
int fill_tails(MessageObject* message) noexcept;

/// Writes head and tails. The bytes of the message; -1 with ValueError set for one that is larger
/// than `out`, or whose arrays are no longer what they were made as.
Py_ssize_t pack_message(MessageObject* message, std::span<std::byte> out) noexcept;
/// Null with ValueError set for bytes that are not as long as their own head says.
MessageObject* unpack_message(MessageType& type, std::span<const std::byte> bytes) noexcept;

/// A new message with arrays of its own.
MessageObject* copy_varying(MessageObject* from) noexcept;

// What the classes of such messages have of their own.
PyObject* varying_vectorcall(PyObject* python, PyObject* const* values, std::size_t flagged_count,
                             PyObject* names) noexcept;
void varying_dealloc(PyObject* self) noexcept;
PyObject* varying_bytes(PyObject* self, PyObject*) noexcept;

}  // namespace horus::py

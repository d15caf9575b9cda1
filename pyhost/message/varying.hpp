// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <optional>
#include <span>

#include "pyhost/message/type.hpp"

/// Messages whose size varies, as Python objects. Such a message is a head of fixed size and one or
/// more tails, arrays whose lengths the head tells. The object's own bytes are the head and, from
/// the next multiple of 8 on, a reference to a NumPy array for each tail. The arrays own their
/// memory and refer to no other object, so these objects need no garbage collection.
///
/// Everything here is called with the GIL.
namespace horus::py {

/// How many bytes an object of this type has behind its MessageObject.
std::size_t object_size(const shm::TypeInfo& type) noexcept;

/// The references to the array of each tail. They are null only before fill_tails().
std::span<PyObject*> arrays_of(MessageObject* message) noexcept;
/// A message of zeros without arrays, a new reference; null with MemoryError set.
MessageObject* blank_message(MessageType& type) noexcept;

/// The elements of a tail's array. Empty where the array no longer has the dtype and the contiguous
/// layout of a tail of this kind: the user may have changed it in place.
std::optional<std::span<const std::byte>> elements_of(PyObject* array, shm::Kind kind) noexcept;
/// A copy of a tail's array, a new reference; null with ValueError set where the user has changed
/// its dtype or layout.
PyObject* copy_tail(PyObject* array, const shm::TailInfo& tail) noexcept;

/// The Field of a tail.
Field tail_field(const shm::TypeInfo& type, const shm::TailInfo& tail);
/// The Field of a constructor's argument, which is a field, a tail, or the message that this one
/// begins with. False where there is none.
bool find_argument_field(const shm::TypeInfo& type, const shm::ArgInfo& arg, Field& found);

/// store() and load() for a field that is a tail or a base.
int store_part(std::byte* message, const Field& field, PyObject* value) noexcept;
PyObject* load_part(MessageObject* message, const Field& field) noexcept;

/// The elements of a tail; no bytes where elements_of() is empty.
std::span<const std::byte> tail_elements(const std::byte* message, const Field& field) noexcept;

/// Makes the arrays that are still missing, as long as the head says. 0; or -1 with an exception
/// set: ValueError where they would be larger than a message may be.
int fill_tails(MessageObject* message) noexcept;

/// Writes head and tails to `out` and returns how many bytes. -1 with ValueError set for a message
/// that is larger than `out`, or with an array whose dtype, layout or length was changed.
Py_ssize_t pack_message(MessageObject* message, std::span<std::byte> out) noexcept;
/// A message from its bytes, a new reference. Null with ValueError set for bytes that are not as
/// long as their own head says.
MessageObject* unpack_message(MessageType& type, std::span<const std::byte> bytes) noexcept;

/// A copy with arrays of its own, a new reference; null with an exception set.
MessageObject* copy_varying(MessageObject* from) noexcept;

// The functions in which the classes of such messages differ from those of fixed size.
PyObject* varying_vectorcall(PyObject* python, PyObject* const* values, std::size_t flagged_count,
                             PyObject* names) noexcept;
void varying_dealloc(PyObject* self) noexcept;
PyObject* varying_bytes(PyObject* self, PyObject*) noexcept;

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace horus::py {

/// MessagePack between Python objects and bytes, for topics of values, which have no fixed layout.
/// Values are None, bool, int of 64 bits, float, str, bytes, list, tuple (received as a list), dict
/// with keys of str, bytes, numbers or None, NumPy scalars (received as numbers), NumPy arrays, and
/// messages of types that both sides know. With the GIL.
///
/// An array is extension type 1: dtype (u8, a shm::Dtype), number of dimensions (u8), the shape
/// (u32 little-endian each), then the elements in C order, little-endian.
/// A message is extension type 2: the hash of its type (u64 little-endian), the length of the
/// type's name (u8), the name, then the bytes of the message as on a topic of its type.
inline constexpr std::int8_t kArrayExtension = 1;
inline constexpr std::int8_t kMessageExtension = 2;
/// How deep values may nest. It also stops at a container that contains itself.
inline constexpr int kMaxDepth = 64;

/// Writes `value` into `buffer` and returns the length. -1 with an exception set: TypeError for an
/// unsupported type, which it names; ValueError for an int beyond 64 bits, an array of more than 8
/// dimensions, a value that nests too deep, or one larger than `buffer` (with both sizes). Runs no
/// Python code but NumPy's own.
Py_ssize_t pack(PyObject* value, std::span<std::byte> buffer) noexcept;

/// The value in `bytes`, a new reference. The bytes need not be trusted. Null with an exception
/// set: ValueError where they are not exactly one MessagePack value, TypeError where they hold a
/// message whose type this program does not know, or knows with another layout.
PyObject* unpack(std::span<const std::byte> bytes) noexcept;

}  // namespace horus::py

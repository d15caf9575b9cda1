// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace horus::py {

/// MessagePack between Python objects and bytes, for topics without a fixed layout: None, bool,
/// int of 64 bits, float, str, bytes, list, tuple (which arrives as a list), dict with keys of
/// str, bytes or numbers, NumPy scalars (as numbers) and arrays, messages of the types that both
/// sides know.
///
/// An array is the extension type 1: dtype (u8, the numbers of shm::Dtype), dimensions (u8), the
/// shape (u32 little-endian each), then the elements in C order, little-endian.
/// A message is the extension type 2: the hash of its type (u64 little-endian), the length of the
/// type's name (u8), the name, then the message as on a topic of its type.
inline constexpr std::int8_t kArrayExtension = 1;
inline constexpr std::int8_t kMessageExtension = 2;
inline constexpr int kMaxDepth = 64;  ///< Of nesting; a container in itself ends here.

/// Writes `value` and returns the length; -1 with an exception set: TypeError that names an
/// unsupported type, ValueError for what is too deep, too wide, or larger than `buffer` (with its
/// size and the limit). Runs no Python code but NumPy's own.
Py_ssize_t pack(PyObject* value, std::span<std::byte> buffer) noexcept;

/// The value in `bytes`, a new reference; null with ValueError set when they are not one whole
/// MessagePack value. The bytes need not be trusted.
PyObject* unpack(std::span<const std::byte> bytes) noexcept;

}  // namespace horus::py

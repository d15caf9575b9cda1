// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "shm/dtype.hpp"

namespace horus::py {

/// NumPy, loaded at first need: a process that uses none never imports it.
bool load_numpy() noexcept;  ///< False with ImportError set.

/// An array over memory that `owner` keeps alive. `strides` (bytes) may be empty: C order. Null
/// with an exception set.
struct ArrayShape {
  std::span<const Py_ssize_t> shape;
  std::span<const Py_ssize_t> strides = {};
};
PyObject* array_view(void* data, shm::Dtype dtype, const ArrayShape& shape, PyObject* owner,
                     bool writable) noexcept;

/// What a NumPy array is made of.
struct ArrayInfo {
  shm::Dtype dtype = shm::Dtype::kU8;
  std::span<const Py_ssize_t> shape;
  std::span<const Py_ssize_t> strides;  ///< Bytes.
  std::byte* data = nullptr;
  std::size_t bytes = 0;
  bool contiguous = false;  ///< C order, aligned, native byte order.
  bool regular = false;     ///< Aligned, native byte order, strides of whole elements.
  bool writable = false;
};

/// False where NumPy is not loaded in this process: then nothing can be an array. One with a mask
/// is a sequence: without its mask its values are others.
bool is_array(PyObject* object) noexcept;
/// Empty when its dtype is none of ours (complex, object, structured, ...). `array`: is_array().
std::optional<ArrayInfo> describe_array(PyObject* array) noexcept;
/// "float64": the dtype as NumPy prints it; for messages.
PyObject* dtype_name(PyObject* array) noexcept;

/// A C-contiguous array of native order with the same values; a new reference.
PyObject* contiguous_copy(PyObject* array) noexcept;
/// A new array with a copy of `bytes`.
PyObject* new_array(std::span<const std::byte> bytes, shm::Dtype dtype,
                    std::span<const Py_ssize_t> shape) noexcept;

/// Copies an array into a view, converting within a kind (float64 to float32, not float to int).
/// 1: copied; 0: not all of it can be converted so; -1 with an exception set.
int copy_array(PyObject* view, PyObject* array) noexcept;

/// Whether it is a np.bool_.
bool is_numpy_bool(PyObject* object) noexcept;
/// Whether it is a NumPy scalar with an imaginary part, which its conversion drops.
bool is_numpy_complex(PyObject* object) noexcept;

/// A NumPy scalar (np.int32(3)) as the Python number; null without an exception: not one.
PyObject* scalar_to_python(PyObject* object) noexcept;

}  // namespace horus::py

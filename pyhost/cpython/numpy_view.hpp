// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <horus/payload.hpp>

namespace horus::py {

// All calls with the GIL.

/// Imports NumPy. Called at the first need only, so that a process that uses no arrays never pays
/// for the import. False with ImportError set.
bool load_numpy() noexcept;

struct ArrayShape {
  std::span<const Py_ssize_t> shape;         ///< Elements per dimension.
  std::span<const Py_ssize_t> strides = {};  ///< Bytes; empty: C order.
};
/// A NumPy array over `data`, without a copy; the array keeps `owner`, which keeps `data`, alive.
/// A new reference; null with an exception set.
PyObject* array_view(void* data, shm::Dtype dtype, const ArrayShape& shape, PyObject* owner,
                     bool writable) noexcept;

/// The parts of a NumPy array. The spans and `data` are valid while the array lives.
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

/// Whether this is a NumPy array. False for a masked array, whose values mean nothing without the
/// mask; it is then treated as a sequence. Where NumPy is not loaded, nothing can be an array.
bool is_array(PyObject* object) noexcept;
/// Empty when the dtype is none of ours (complex, object, structured, ...). Requires is_array().
std::optional<ArrayInfo> describe_array(PyObject* array) noexcept;
/// The dtype as NumPy prints it, such as "float64"; for error messages. A new reference.
PyObject* dtype_name(PyObject* array) noexcept;

/// A C-contiguous array in native byte order with the same values: the array itself where it is
/// one already, else a copy. A new reference; null with an exception set.
PyObject* contiguous_copy(PyObject* array) noexcept;
/// A new array with a copy of `bytes`, whose length must suit `dtype` and `shape`. Null with an
/// exception set.
PyObject* new_array(std::span<const std::byte> bytes, shm::Dtype dtype,
                    std::span<const Py_ssize_t> shape) noexcept;

/// Copies a one-dimensional array into a view of the same length. Converts within a kind (float64
/// to float32, not float to int), and only where no value can wrap or overflow.
/// 1: copied; 0: not convertible so, nothing was copied; -1 with an exception set.
int copy_array(PyObject* view, PyObject* array) noexcept;

/// Whether `object` is a np.bool_.
bool is_numpy_bool(PyObject* object) noexcept;
/// Whether `object` is a complex NumPy scalar: converting it to float would drop its imaginary
/// part.
bool is_numpy_complex(PyObject* object) noexcept;

/// The Python number of a NumPy scalar such as np.int32(3), a new reference. Null without an
/// exception where `object` is not one.
PyObject* scalar_to_python(PyObject* object) noexcept;

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "shm/image.hpp"
#include "shm/session.hpp"

namespace horus::py {

/// A frame as a Python object; where its pixels lie is kept in the form that views need.
struct ImageObject {
  PyObject_HEAD std::shared_ptr<shm::Session> session;  ///< Outlives the frame.
  shm::Image image;
  std::byte* data;
  std::size_t size;  ///< Bytes, from the first pixel to the end of the last row.
  bool writable;     ///< One's own; a received frame is not.
  bool packed;       ///< Rows follow each other without a gap.
  int dimensions;    ///< 2 for one channel (height, width), else 3.
  std::array<Py_ssize_t, 3> shape;
  std::array<Py_ssize_t, 3> strides;  ///< Bytes.
};

inline ImageObject* as_image(PyObject* object) noexcept {
  return reinterpret_cast<ImageObject*>(object);
}
inline std::span<const Py_ssize_t> shape_of(const ImageObject& image) noexcept {
  return {image.shape.data(), static_cast<std::size_t>(image.dimensions)};
}
inline std::span<const Py_ssize_t> strides_of(const ImageObject& image) noexcept {
  return {image.strides.data(), static_cast<std::size_t>(image.dimensions)};
}

/// `horus.Image`; null before bind_image().
PyTypeObject* image_class() noexcept;

/// A new reference; null with an exception set.
PyObject* make_image(shm::Image image, std::shared_ptr<shm::Session> session) noexcept;

/// A NumPy view of the frame.
PyObject* image_to_numpy(ImageObject& image) noexcept;

/// A writable frame of one's own with the same pixels, stamp and frame id.
PyObject* copy_image(const ImageObject& image) noexcept;

/// `__dlpack__` (DLPack 1.0, and the older capsule) as a descriptor for the class.
PyObject* make_dlpack_descriptor() noexcept;
PyObject* image_dlpack(PyObject* self, PyObject* const* values, Py_ssize_t count,
                       PyObject* names) noexcept;
PyObject* image_dlpack_device(PyObject* self, PyObject*) noexcept;

/// Getters and setters of height, encoding, timestamp_ns...; ends with an empty entry.
PyGetSetDef* image_properties() noexcept;

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "pyhost/cpython.hpp"
#include "pyhost/image_object.hpp"

namespace horus::py {
namespace {

constexpr std::array<const char*, 13> kDtypeNames = {
    "float32", "float64", "float16", "bfloat16", "int8",   "int16", "int32",
    "int64",   "uint8",   "uint16",  "uint32",   "uint64", "bool"};

PyObject* text_object(std::string_view text) noexcept {
  return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
}

PyObject* get_height(PyObject* self, void*) noexcept {
  return PyLong_FromUnsignedLong(as_image(self)->image.height());
}
PyObject* get_width(PyObject* self, void*) noexcept {
  return PyLong_FromUnsignedLong(as_image(self)->image.width());
}
PyObject* get_channels(PyObject* self, void*) noexcept {
  return PyLong_FromLong(shm::info(as_image(self)->image.encoding()).channels);
}
PyObject* get_encoding(PyObject* self, void*) noexcept {
  return text_object(shm::info(as_image(self)->image.encoding()).name);
}
PyObject* get_dtype(PyObject* self, void*) noexcept {
  const shm::Dtype dtype = shm::info(as_image(self)->image.encoding()).dtype;
  return PyUnicode_FromString(kDtypeNames[static_cast<std::size_t>(dtype)]);
}
PyObject* get_nbytes(PyObject* self, void*) noexcept {
  return PyLong_FromSize_t(as_image(self)->size);
}
PyObject* get_step(PyObject* self, void*) noexcept {
  return PyLong_FromUnsignedLong(as_image(self)->image.step());
}
PyObject* get_read_only(PyObject* self, void*) noexcept {
  return PyBool_FromLong(!as_image(self)->writable);
}
PyObject* get_shape(PyObject* self, void*) noexcept {
  const auto& shape = as_image(self)->shape;
  if (as_image(self)->dimensions == 2) return Py_BuildValue("nn", shape[0], shape[1]);
  return Py_BuildValue("nnn", shape[0], shape[1], shape[2]);
}
PyObject* get_timestamp(PyObject* self, void*) noexcept {
  return PyLong_FromUnsignedLongLong(as_image(self)->image.timestamp_ns());
}
PyObject* get_frame_id(PyObject* self, void*) noexcept {
  return text_object(as_image(self)->image.frame_id());
}

bool may_set(PyObject* self, PyObject* value, const char* name) noexcept {
  if (value == nullptr) {
    PyErr_Format(PyExc_TypeError, "Image.%s cannot be deleted", name);
    return false;
  }
  if (as_image(self)->writable) return true;
  PyErr_SetString(PyExc_ValueError, "a received image is read-only; change its copy()");
  return false;
}

int set_timestamp(PyObject* self, PyObject* value, void*) noexcept {
  if (!may_set(self, value, "timestamp_ns")) return -1;
  const unsigned long long ns = PyLong_AsUnsignedLongLong(value);
  if (ns == ~0ULL && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_OverflowError)) {
    PyErr_Format(PyExc_ValueError, "Image.timestamp_ns: %S does not fit into 64 bits", value);
  }
  if (ns == ~0ULL && PyErr_Occurred()) return -1;
  as_image(self)->image.set_timestamp_ns(ns);
  return 0;
}

int set_frame_id(PyObject* self, PyObject* value, void*) noexcept {
  if (!may_set(self, value, "frame_id")) return -1;
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "Image.frame_id must be str, not %s", Py_TYPE(value)->tp_name);
    return -1;
  }
  Py_ssize_t length = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value, &length);
  if (text == nullptr) return -1;
  if (as_image(self)->image.set_frame_id({text, static_cast<std::size_t>(length)})) return 0;
  PyErr_Format(PyExc_ValueError, "Image.frame_id: %zd bytes, the capacity is 31", length);
  return -1;
}

/// The NumPy way to look at the pixels, for libraries that know it.
PyObject* get_array_interface(PyObject* self, void*) noexcept {
  const ImageObject& image = *as_image(self);
  const shm::Dtype dtype = shm::info(image.image.encoding()).dtype;
  const char* type = "|u1";
  if (dtype == shm::Dtype::kU16) type = "<u2";
  if (dtype == shm::Dtype::kF32) type = "<f4";
  const Ref shape{get_shape(self, nullptr)};
  const auto& steps = image.strides;
  const Ref strides{image.dimensions == 2 ? Py_BuildValue("nn", steps[0], steps[1])
                                          : Py_BuildValue("nnn", steps[0], steps[1], steps[2])};
  const Ref address{PyLong_FromVoidPtr(image.data)};
  if (!shape || !strides || !address) return nullptr;
  return Py_BuildValue("{s:i,s:s,s:O,s:O,s:(OO)}", "version", 3, "typestr", type, "shape",
                       shape.ptr(), "strides", strides.ptr(), "data", address.ptr(),
                       image.writable ? Py_False : Py_True);
}

}  // namespace

PyGetSetDef* image_properties() noexcept {
  static PyGetSetDef properties[] = {
      {"height", get_height, nullptr, "Rows.", nullptr},
      {"width", get_width, nullptr, "Pixels of a row.", nullptr},
      {"channels", get_channels, nullptr, "Values of a pixel.", nullptr},
      {"encoding", get_encoding, nullptr, "'rgb8', 'mono8', ...", nullptr},
      {"dtype", get_dtype, nullptr, "The type of a value, 'uint8'.", nullptr},
      {"shape", get_shape, nullptr, "As NumPy says it; one channel has no axis.", nullptr},
      {"nbytes", get_nbytes, nullptr, "Bytes of all rows.", nullptr},
      {"step", get_step, nullptr, "Bytes from one row to the next.", nullptr},
      {"read_only", get_read_only, nullptr, "True for what was received.", nullptr},
      {"timestamp_ns", get_timestamp, set_timestamp, "When it was taken, ns.", nullptr},
      {"frame_id", get_frame_id, set_frame_id, "The coordinate frame.", nullptr},
      {"__array_interface__", get_array_interface, nullptr, nullptr, nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  return properties;
}

}  // namespace horus::py

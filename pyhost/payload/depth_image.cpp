// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <horus/image.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/payload/object.hpp"
#include "pyhost/payload/session.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

shm::DepthImage depth_of(PyObject* self) noexcept {
  return shm::DepthImage{as_payload(self)->payload.state()};
}

PyObject* depth_new(PyTypeObject*, PyObject* values, PyObject* names) noexcept {
  static const std::array<const char*, 4> kNames{"height", "width", "dtype", nullptr};
  long long height = 0;
  long long width = 0;
  PyObject* dtype_object = nullptr;
  shm::Dtype dtype = shm::Dtype::kF32;
  if (PyArg_ParseTupleAndKeywords(values, names, "LL|O:DepthImage",
                                  const_cast<char**>(kNames.data()), &height, &width,
                                  &dtype_object) == 0 ||
      (dtype_object != nullptr && !read_dtype(dtype_object, dtype)) ||
      !check_sides("depth image", height, width)) {
    return nullptr;
  }
  auto shared = session();
  if (!shared) return set_error(shared.error());
  auto image = shm::DepthImage::make(*shared.value(), static_cast<std::uint32_t>(height),
                                     static_cast<std::uint32_t>(width), dtype);
  if (!image) return set_error(image.error());
  return make_payload_object(depth_image_class(), std::move(image).value(),
                             std::move(shared).value());
}

PyObject* depth_repr(PyObject* self) noexcept {
  const PayloadObject& image = *as_payload(self);
  if (!image.payload) return PyUnicode_FromString("DepthImage(released)");
  return PyUnicode_FromFormat("DepthImage(height=%zd, width=%zd, dtype='%s'%s)", image.shape[0],
                              image.shape[1], shm::info(image.dtype).name,
                              image.writable ? "" : ", read-only");
}

PyObject* get_rows_of_depth(PyObject* self, void*) noexcept {
  return PyLong_FromSsize_t(as_payload(self)->shape[0]);
}
PyObject* get_columns_of_depth(PyObject* self, void*) noexcept {
  return PyLong_FromSsize_t(as_payload(self)->shape[1]);
}

PyObject* get_scale(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return PyFloat_FromDouble(depth_of(self).scale());
}
int set_scale(PyObject* self, PyObject* value, void*) noexcept {
  if (!may_set(self, value, "depth_scale")) return -1;
  const double scale = PyFloat_AsDouble(value);
  if (scale == -1.0 && PyErr_Occurred()) return -1;
  const auto stored = static_cast<float>(scale);
  if (!(stored > 0.0F) || !std::isfinite(stored)) {
    PyErr_Format(PyExc_ValueError, "DepthImage.depth_scale must be above 0 and finite, not %R",
                 value);
    return -1;
  }
  depth_of(self).set_scale(stored);
  return 0;
}

PyObject* get_min(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return PyLong_FromLong(depth_of(self).min_depth());
}
PyObject* get_max(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return PyLong_FromLong(depth_of(self).max_depth());
}

/// Reads `value` as millimetres, 0 to 65,535; -1 with an exception set.
long millimetres(PyObject* self, PyObject* value, const char* attribute) noexcept {
  if (!may_set(self, value, attribute)) return -1;
  const long mm = PyLong_AsLong(value);
  if (mm == -1 && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
  if (mm >= 0 && mm <= std::numeric_limits<std::uint16_t>::max()) return mm;
  PyErr_Format(PyExc_ValueError, "DepthImage.%s is 0 to 65535 mm, not %R", attribute, value);
  return -1;
}
int set_min(PyObject* self, PyObject* value, void*) noexcept {
  const long mm = millimetres(self, value, "min_depth");
  if (mm < 0) return -1;
  depth_of(self).set_range(static_cast<std::uint16_t>(mm), depth_of(self).max_depth());
  return 0;
}
int set_max(PyObject* self, PyObject* value, void*) noexcept {
  const long mm = millimetres(self, value, "max_depth");
  if (mm < 0) return -1;
  depth_of(self).set_range(depth_of(self).min_depth(), static_cast<std::uint16_t>(mm));
  return 0;
}

PyObject* is_meters(PyObject* self, PyObject*) noexcept {
  return PyBool_FromLong(as_payload(self)->dtype == shm::Dtype::kF32);
}
PyObject* is_millimeters(PyObject* self, PyObject*) noexcept {
  return PyBool_FromLong(as_payload(self)->dtype == shm::Dtype::kU16);
}

constexpr std::array<PyMethodDef, 2> kDepthImageMethods{
    {{"is_meters", is_meters, METH_NOARGS,
      "is_meters()\n--\n\nWhether values are metres: float32."},
     {"is_millimeters", is_millimeters, METH_NOARGS,
      "is_millimeters()\n--\n\nWhether values are millimetres: uint16."}}};

constexpr std::array<PyGetSetDef, 5> kDepthImageProperties{
    {{"height", if_usable<get_rows_of_depth>, nullptr, "Rows.", nullptr},
     {"width", if_usable<get_columns_of_depth>, nullptr, "Pixels of a row.", nullptr},
     {"depth_scale", get_scale, set_scale,
      "What a value of 1 stands for: metres (float32) or millimetres (uint16).", nullptr},
     {"min_depth", get_min, set_min, "The camera's nearest, mm.", nullptr},
     {"max_depth", get_max, set_max, "The camera's farthest, mm.", nullptr}}};

}  // namespace

PayloadClass& depth_image_class() {
  static PayloadClass& the_class = *new PayloadClass{
      {.name = "horus.DepthImage",
       .doc = "DepthImage(height, width, dtype='float32')\n--\n\n"
              "Distances in shared memory, of shape (height, width): float32 in metres or uint16\n"
              "in millimetres, times depth_scale; 0, NaN and infinity where nothing was measured.\n"
              "Sending it moves a descriptor, no pixels.",
       .kind = shm::DepthImage::kind(),
       .construct = depth_new,
       .repr = depth_repr,
       .methods = kDepthImageMethods,
       .properties = kDepthImageProperties}};
  return the_class;
}

}  // namespace horus::py

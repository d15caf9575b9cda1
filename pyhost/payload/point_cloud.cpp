// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include <horus/point_cloud.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/payload/object.hpp"
#include "pyhost/payload/session.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

shm::PointCloud cloud_of(PyObject* self) noexcept {
  return shm::PointCloud{as_payload(self)->payload.state()};
}

PyObject* cloud_new(PyTypeObject*, PyObject* values, PyObject* names) noexcept {
  static const std::array<const char*, 4> kNames{"num_points", "fields", "dtype", nullptr};
  long long points = 0;
  long long fields = 3;
  PyObject* dtype_object = nullptr;
  shm::Dtype dtype = shm::Dtype::kF32;
  if (PyArg_ParseTupleAndKeywords(values, names, "L|LO:PointCloud",
                                  const_cast<char**>(kNames.data()), &points, &fields,
                                  &dtype_object) == 0 ||
      (dtype_object != nullptr && !read_dtype(dtype_object, dtype))) {
    return nullptr;
  }
  constexpr long long kMaxPoints = 1LL << 30;
  if (points < 0 || points > kMaxPoints || fields < 1 || fields > shm::kMaxPointFields) {
    PyErr_Format(PyExc_ValueError,
                 "a cloud of %lld points with %lld fields: 0 to %lld points, 1 to %u fields",
                 points, fields, kMaxPoints, shm::kMaxPointFields);
    return nullptr;
  }
  auto shared = session();
  if (!shared) return set_error(shared.error());
  auto cloud = shm::PointCloud::make(*shared.value(), static_cast<std::uint32_t>(points),
                                     static_cast<std::uint32_t>(fields), dtype);
  if (!cloud) return set_error(cloud.error());
  return make_payload_object(point_cloud_class(), std::move(cloud).value(),
                             std::move(shared).value());
}

PyObject* cloud_repr(PyObject* self) noexcept {
  const PayloadObject& cloud = *as_payload(self);
  if (!cloud.payload) return PyUnicode_FromString("PointCloud(released)");
  return PyUnicode_FromFormat("PointCloud(num_points=%zd, fields=%zd, dtype='%s'%s)",
                              cloud.shape[0], cloud.shape[1], shm::info(cloud.dtype).name,
                              cloud.writable ? "" : ", read-only");
}

PyObject* get_points(PyObject* self, void*) noexcept {
  return PyLong_FromSsize_t(as_payload(self)->shape[0]);
}
PyObject* get_fields(PyObject* self, void*) noexcept {
  return PyLong_FromSsize_t(as_payload(self)->shape[1]);
}
PyObject* get_dense(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return PyBool_FromLong(cloud_of(self).is_dense());
}
int set_dense(PyObject* self, PyObject* value, void*) noexcept {
  if (!may_set(self, value, "is_dense")) return -1;
  if (!PyBool_Check(value) && !is_numpy_bool(value)) {
    PyErr_Format(PyExc_TypeError, "is_dense must be True or False, not %s",
                 Py_TYPE(value)->tp_name);
    return -1;
  }
  cloud_of(self).set_dense(PyObject_IsTrue(value) != 0);
  return 0;
}

PyObject* get_field_names(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  const shm::PointCloud cloud = cloud_of(self);
  Ref names{PyTuple_New(cloud.fields())};
  if (!names) return nullptr;
  for (std::uint32_t i = 0; i < cloud.fields(); ++i) {
    PyObject* const name = text_object(cloud.field_name(i));
    if (name == nullptr) return nullptr;
    PyTuple_SET_ITEM(names.ptr(), i, name);
  }
  return Py_NewRef(names.ptr());
}

int set_field_names(PyObject* self, PyObject* value, void*) noexcept {
  if (!may_set(self, value, "field_names")) return -1;
  shm::PointCloud cloud = cloud_of(self);
  const Ref names{PySequence_Fast(value, "PointCloud.field_names must be a sequence of str")};
  if (!names) return -1;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(names.ptr());
  if (count != static_cast<Py_ssize_t>(cloud.fields())) {
    PyErr_Format(PyExc_ValueError, "PointCloud.field_names: %zd names for %u fields", count,
                 cloud.fields());
    return -1;
  }
  std::array<std::string_view, shm::kMaxPointFields> texts;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const name = PySequence_Fast_GET_ITEM(names.ptr(), i);
    if (!PyUnicode_Check(name)) {
      PyErr_Format(PyExc_TypeError, "PointCloud.field_names[%zd] must be str, not %s", i,
                   Py_TYPE(name)->tp_name);
      return -1;
    }
    Py_ssize_t length = 0;
    const char* const text = PyUnicode_AsUTF8AndSize(name, &length);
    if (text == nullptr) return -1;
    constexpr Py_ssize_t kCapacity = 3;
    if (length < 1 || length > kCapacity) {
      PyErr_Format(PyExc_ValueError, "PointCloud.field_names[%zd]: %zd bytes, it has 1 to %zd", i,
                   length, kCapacity);
      return -1;
    }
    texts[static_cast<std::size_t>(i)] = {text, static_cast<std::size_t>(length)};
  }
  for (std::uint32_t i = 0; i < cloud.fields(); ++i) cloud.set_field_name(i, texts[i]);
  return 0;
}

PyObject* is_xyz(PyObject* self, PyObject*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  const shm::PointCloud cloud = cloud_of(self);
  return PyBool_FromLong(cloud.fields() == 3 && cloud.field_name(0) == "x" &&
                         cloud.field_name(1) == "y" && cloud.field_name(2) == "z");
}
PyObject* has_intensity(PyObject* self, PyObject*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return PyBool_FromLong(cloud_of(self).has_field("i"));
}
PyObject* has_color(PyObject* self, PyObject*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  const shm::PointCloud cloud = cloud_of(self);
  return PyBool_FromLong(cloud.has_field("rgb") ||
                         (cloud.has_field("r") && cloud.has_field("g") && cloud.has_field("b")));
}

constexpr std::array<PyMethodDef, 3> kPointCloudMethods{
    {{"is_xyz", is_xyz, METH_NOARGS, "is_xyz()\n--\n\nWhether the fields are x, y, z alone."},
     {"has_intensity", has_intensity, METH_NOARGS,
      "has_intensity()\n--\n\nWhether there is a field i."},
     {"has_color", has_color, METH_NOARGS,
      "has_color()\n--\n\nWhether there are fields r, g and b, or rgb."}}};

constexpr std::array<PyGetSetDef, 4> kPointCloudProperties{
    {{"point_count", if_usable<get_points>, nullptr, "Points.", nullptr},
     {"fields_per_point", if_usable<get_fields>, nullptr, "Values of a point.", nullptr},
     {"field_names", get_field_names, set_field_names, "('x', 'y', 'z'); 1 to 3 bytes each.",
      nullptr},
     {"is_dense", get_dense, set_dense, "Whether every point is valid: none is NaN.", nullptr}}};

}  // namespace

PayloadClass& point_cloud_class() {
  static PayloadClass& the_class = *new PayloadClass{
      {.name = "horus.PointCloud",
       .doc =
           "PointCloud(num_points, fields=3, dtype='float32')\n--\n\n"
           "Points in shared memory, of shape (num_points, fields): x, y, z, then i (intensity)\n"
           "for 4 fields, r, g, b for 6, r, g, b, i for 7. Sending it moves a descriptor, no\n"
           "points.",
       .kind = shm::PointCloud::kind(),
       .construct = cloud_new,
       .repr = cloud_repr,
       .methods = kPointCloudMethods,
       .properties = kPointCloudProperties}};
  return the_class;
}

}  // namespace horus::py

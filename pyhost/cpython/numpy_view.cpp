// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/numpy_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

#include "pyhost/cpython/capi.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

/// NumPy's descriptors of our dtypes, made once: each array then only adds a reference.
std::array<PyArray_Descr*, shm::kDtypes> descriptors{};

bool import_numpy() noexcept {
  if (_import_array() < 0) return false;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    // Made from text, since NumPy 1 and 2 share no other way to make a dtype of two raw bytes.
    // Those stand for a bfloat16.
    const Ref text{PyUnicode_FromString(shm::info(static_cast<shm::Dtype>(i)).array)};
    if (!text || PyArray_DescrConverter(text.ptr(), &descriptors[i]) != NPY_SUCCEED) return false;
  }
  return true;
}

/// Whether the program has imported NumPy; binds our half to it then. Never imports NumPy itself.
/// The two names are those of NumPy 1 and 2.
bool numpy_loaded() noexcept {
  if (PyArray_API != nullptr) return true;
  PyObject* const modules = PyImport_GetModuleDict();
  if (PyDict_GetItemString(modules, "numpy.core._multiarray_umath") == nullptr &&
      PyDict_GetItemString(modules, "numpy._core._multiarray_umath") == nullptr) {
    return false;
  }
  if (load_numpy()) return true;
  PyErr_Clear();
  return false;
}

PyArrayObject* as_array(PyObject* object) noexcept {
  return reinterpret_cast<PyArrayObject*>(object);
}

/// Whether each of these doubles fits a float32, infinities included. False as well where the array
/// is not of plain doubles, and so cannot be checked here.
bool fits_float(PyArrayObject* doubles) noexcept {
  if (PyArray_TYPE(doubles) != NPY_DOUBLE || !PyArray_ISBEHAVED_RO(doubles)) return false;
  for (npy_intp i = 0; i < PyArray_DIM(doubles, 0); ++i) {
    const double value = *static_cast<const double*>(PyArray_GETPTR1(doubles, i));
    if (std::isinf(static_cast<float>(value)) && !std::isinf(value)) return false;
  }
  return true;
}

}  // namespace

bool load_numpy() noexcept {
  return PyArray_API != nullptr || import_numpy();
}

PyObject* array_view(void* data, shm::Dtype dtype, const ArrayShape& shape, PyObject* owner,
                     bool writable) noexcept {
  if (PyArray_API == nullptr && !import_numpy()) return nullptr;
  PyArray_Descr* const descriptor = descriptors[static_cast<std::size_t>(dtype)];
  int flags = NPY_ARRAY_ALIGNED | (writable ? NPY_ARRAY_WRITEABLE : 0);
  if (shape.strides.empty()) flags |= NPY_ARRAY_C_CONTIGUOUS;
  Py_INCREF(descriptor);
  // NumPy copies shape and strides; its signature only lacks the const.
  PyObject* const array = PyArray_NewFromDescr(
      &PyArray_Type, descriptor, static_cast<int>(shape.shape.size()),
      const_cast<npy_intp*>(shape.shape.data()),
      shape.strides.empty() ? nullptr : const_cast<npy_intp*>(shape.strides.data()), data, flags,
      nullptr);
  if (array == nullptr) return nullptr;
  PyArray_SetBaseObject(as_array(array), Py_NewRef(owner));
  return array;
}

bool is_array(PyObject* object) noexcept {
  if (!numpy_loaded() || !PyArray_Check(object)) return false;
  return PyArray_CheckExact(object) || PyObject_HasAttrString(object, "mask") == 0;
}

std::optional<ArrayInfo> describe_array(PyObject* array) noexcept {
  auto* const numpy = as_array(array);
  const int type = PyArray_TYPE(numpy);
  if (type == NPY_VOID && (PyArray_ITEMSIZE(numpy) != 2 || PyArray_HASFIELDS(numpy))) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    if (descriptors[i] == nullptr || !PyArray_EquivTypenums(descriptors[i]->type_num, type)) {
      continue;
    }
    ArrayInfo info;
    const auto dimensions = static_cast<std::size_t>(PyArray_NDIM(numpy));
    info.dtype = static_cast<shm::Dtype>(i);
    info.shape = {PyArray_DIMS(numpy), dimensions};
    info.strides = {PyArray_STRIDES(numpy), dimensions};
    info.data = static_cast<std::byte*>(PyArray_DATA(numpy));
    info.bytes = static_cast<std::size_t>(PyArray_NBYTES(numpy));
    info.contiguous = PyArray_ISCARRAY_RO(numpy);
    const npy_intp element = PyArray_ITEMSIZE(numpy);
    info.regular = PyArray_ISBEHAVED_RO(numpy) &&
                   std::ranges::all_of(info.strides, [element](Py_ssize_t stride) {
                     return stride % element == 0;
                   });
    info.writable = PyArray_ISWRITEABLE(numpy);
    return info;
  }
  return std::nullopt;
}

PyObject* dtype_name(PyObject* array) noexcept {
  return PyObject_Str(reinterpret_cast<PyObject*>(PyArray_DESCR(as_array(array))));
}

PyObject* contiguous_copy(PyObject* array) noexcept {
  return PyArray_FROM_OF(array, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED);
}

PyObject* new_array(std::span<const std::byte> bytes, shm::Dtype dtype,
                    std::span<const Py_ssize_t> shape) noexcept {
  if (!load_numpy()) return nullptr;
  PyArray_Descr* const descriptor = descriptors[static_cast<std::size_t>(dtype)];
  if (shape.size() > shm::kMaxDimensions) {
    PyErr_SetString(PyExc_ValueError, "the message holds an array that NumPy cannot represent");
    return nullptr;
  }
  Py_INCREF(descriptor);
  PyObject* const array =
      PyArray_NewFromDescr(&PyArray_Type, descriptor, static_cast<int>(shape.size()),
                           const_cast<npy_intp*>(shape.data()), nullptr, nullptr, 0, nullptr);
  if (array == nullptr) return nullptr;
  std::memcpy(PyArray_DATA(as_array(array)), bytes.data(), bytes.size());
  return array;
}

int copy_array(PyObject* view, PyObject* array) noexcept {
  auto* const from = as_array(array);
  auto* const to = as_array(view);
  if (PyArray_NDIM(from) != 1 || PyArray_DIM(from, 0) != PyArray_DIM(to, 0)) return 0;
  if (!PyArray_CanCastArrayTo(from, PyArray_DESCR(to), NPY_SAME_KIND_CASTING)) return 0;
  // Same kind is not the same range: int64 to int8 would wrap.
  const bool narrows = PyArray_ISINTEGER(to) && PyArray_ITEMSIZE(from) > PyArray_ITEMSIZE(to);
  const bool changes_sign = PyArray_ISUNSIGNED(to) != PyArray_ISUNSIGNED(from);
  if (PyArray_ISINTEGER(to) && (narrows || changes_sign)) return 0;
  const bool loses_range = PyArray_ISFLOAT(to) && PyArray_ITEMSIZE(from) > PyArray_ITEMSIZE(to);
  if (loses_range && !fits_float(from)) return 0;
  return PyArray_CopyInto(to, from) < 0 ? -1 : 1;
}

bool is_numpy_bool(PyObject* object) noexcept {
  return numpy_loaded() && PyArray_IsScalar(object, Bool);
}

bool is_numpy_complex(PyObject* object) noexcept {
  return numpy_loaded() && PyArray_IsScalar(object, ComplexFloating);
}

PyObject* scalar_to_python(PyObject* object) noexcept {
  if (!numpy_loaded()) return nullptr;
  if (is_numpy_bool(object)) return PyBool_FromLong(PyObject_IsTrue(object));
  if (PyArray_IsScalar(object, Integer)) return PyNumber_Index(object);
  if (PyArray_IsScalar(object, Floating)) return PyNumber_Float(object);
  return nullptr;
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include <horus/payload.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/numpy_view.hpp"
#include "pyhost/payload/object.hpp"
#include "pyhost/payload/session.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

struct Shape {
  std::array<std::uint64_t, shm::kMaxDimensions> lengths{};
  std::size_t dimensions = 0;
};

/// Reads a shape: one length, or a sequence of them. False with an exception set.
bool read_shape(PyObject* value, Shape& shape) noexcept {
  const bool one = PyIndex_Check(value) != 0;
  if (!one && PySequence_Check(value) == 0) {
    PyErr_SetString(PyExc_TypeError, "a tensor's shape is an int or a tuple of ints");
    return false;
  }
  // A tuple of its own: reading the elements may run Python code, which may change a list.
  const Ref lengths{one ? PyTuple_Pack(1, value) : PySequence_Tuple(value)};
  if (!lengths) return false;
  const Py_ssize_t count = PyTuple_GET_SIZE(lengths.ptr());
  if (count > static_cast<Py_ssize_t>(shm::kMaxDimensions)) {
    PyErr_Format(PyExc_ValueError, "a tensor has at most 8 dimensions, not %zd", count);
    return false;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Py_ssize_t length =
        PyNumber_AsSsize_t(PyTuple_GET_ITEM(lengths.ptr(), i), PyExc_ValueError);
    if (length == -1 && PyErr_Occurred()) return false;
    if (length < 0) {
      PyErr_Format(PyExc_ValueError, "a tensor's length is at least 0, not %zd", length);
      return false;
    }
    shape.lengths[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(length);
  }
  shape.dimensions = static_cast<std::size_t>(count);
  return true;
}

PyObject* make_tensor(PyObject* values, PyObject* names, const char* format, bool zeroed) noexcept {
  static const std::array<const char*, 3> kNames{"shape", "dtype", nullptr};
  PyObject* shape_object = nullptr;
  PyObject* dtype_object = nullptr;
  Shape shape;
  shm::Dtype dtype = shm::Dtype::kF32;
  if (PyArg_ParseTupleAndKeywords(values, names, format, const_cast<char**>(kNames.data()),
                                  &shape_object, &dtype_object) == 0 ||
      !read_shape(shape_object, shape) ||
      (dtype_object != nullptr && !read_dtype(dtype_object, dtype))) {
    return nullptr;
  }
  auto shared = session();
  if (!shared) return set_error(shared.error());
  auto tensor =
      shm::Tensor::make(*shared.value(), std::span{shape.lengths}.first(shape.dimensions), dtype);
  if (!tensor) return set_error(tensor.error());
  if (zeroed) std::ranges::fill(tensor.value().writable(), std::byte{});
  return make_payload_object(tensor_class(), std::move(tensor).value(), std::move(shared).value());
}

PyObject* tensor_new(PyTypeObject*, PyObject* values, PyObject* names) noexcept {
  return make_tensor(values, names, "O|O:Tensor", true);
}
PyObject* tensor_zeros(PyObject*, PyObject* values, PyObject* names) noexcept {
  return make_tensor(values, names, "O|O:zeros", true);
}
PyObject* tensor_empty(PyObject*, PyObject* values, PyObject* names) noexcept {
  return make_tensor(values, names, "O|O:empty", false);
}

PyObject* tensor_itemsize(PyObject*, PyObject* dtype_object) noexcept {
  shm::Dtype dtype = shm::Dtype::kF32;
  if (!read_dtype(dtype_object, dtype)) return nullptr;
  return PyLong_FromSize_t(shm::size_of(dtype));
}

PyObject* tensor_repr(PyObject* self) noexcept {
  const PayloadObject& tensor = *as_payload(self);
  if (!tensor.payload && tensor.owner == nullptr) return PyUnicode_FromString("Tensor(released)");
  const Ref shape{PyObject_GetAttrString(self, "shape")};
  if (!shape) return nullptr;
  return PyUnicode_FromFormat("Tensor(shape=%R, dtype='%s'%s)", shape.ptr(),
                              shm::info(tensor.dtype).name, tensor.writable ? "" : ", read-only");
}

PyObject* tensor_wrap(PyObject*, PyObject* const* values, Py_ssize_t count) noexcept {
  const PayloadClass* const kind = count == 2 ? find_payload_class(Py_TYPE(values[1])) : nullptr;
  if (kind == nullptr || !is_array(values[0])) {
    PyErr_SetString(PyExc_TypeError, "Tensor._wrap needs an array and what it came from");
    return nullptr;
  }
  Ref array{Py_NewRef(values[0])};
  auto info = describe_array(array.ptr());
  if (info && !info->regular) {
    array = Ref{contiguous_copy(array.ptr())};
    if (!array) return nullptr;
    info = describe_array(array.ptr());
  }
  if (!info || info->shape.size() > shm::kMaxDimensions) {
    const Ref dtype{dtype_name(array.ptr())};
    PyErr_Format(PyExc_ValueError, "no tensor has %zu dimensions of %S",
                 info ? info->shape.size() : 0, dtype.ptr());
    return nullptr;
  }
  return view_of_array(*as_payload(values[1]), array.ptr(), *info);
}

PyObject* tensor_from_descriptor(PyObject*, PyObject* values, PyObject* names) noexcept {
  static const std::array<const char*, 3> kNames{"pool_id", "descriptor", nullptr};
  unsigned long long pool = 0;
  Py_buffer bytes;
  if (PyArg_ParseTupleAndKeywords(values, names, "Ky*:from_descriptor",
                                  const_cast<char**>(kNames.data()), &pool, &bytes) == 0) {
    return nullptr;
  }
  msg::TensorDescriptor descriptor;
  const Py_ssize_t length = bytes.len;
  if (length == sizeof descriptor) std::memcpy(&descriptor, bytes.buf, sizeof descriptor);
  PyBuffer_Release(&bytes);
  if (length != sizeof descriptor || descriptor.pool_id != pool) {
    PyErr_Format(PyExc_ValueError,
                 "%zd bytes of pool %u are no descriptor of pool %llu: a descriptor has 168 bytes",
                 length, descriptor.pool_id, pool);
    return nullptr;
  }
  auto shared = session();
  if (!shared) return set_error(shared.error());
  auto tensor = shm::Tensor::find(*shared.value(), descriptor);
  if (!tensor && tensor.error().code == Errc::kNotFound) {
    PyErr_SetString(PyExc_ValueError, tensor.error().what);
    return nullptr;
  }
  if (!tensor) return set_error(tensor.error());
  return make_payload_object(tensor_class(), std::move(tensor).value(), std::move(shared).value());
}

PyObject* tensor_to_descriptor(PyObject* self, PyObject*) noexcept {
  const PayloadObject& tensor = *as_payload(self);
  if (!usable(tensor)) return nullptr;
  const bool reversed =
      std::ranges::any_of(strides_of(tensor), [](Py_ssize_t stride) { return stride < 0; });
  const shm::PayloadState* const state = tensor.payload.state().get();
  if (reversed || state == nullptr || (!state->own && !state->peer)) {
    PyErr_SetString(PyExc_ValueError,
                    "this tensor lies in no pool, or runs backwards; describe its copy()");
    return nullptr;
  }
  msg::TensorDescriptor descriptor = state->tensor();
  const auto offset = static_cast<std::uint64_t>(tensor.data - state->bytes.data());
  descriptor.size = state->bytes.size() - offset;
  descriptor.offset = offset;
  descriptor.dtype = static_cast<std::uint8_t>(tensor.dtype);
  descriptor.ndim = static_cast<std::uint8_t>(tensor.dimensions);
  std::ranges::fill(descriptor.shape, 0);
  std::ranges::fill(descriptor.strides, 0);
  std::ranges::copy(shape_of(tensor), descriptor.shape);
  std::ranges::copy(strides_of(tensor), descriptor.strides);
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(&descriptor), sizeof descriptor);
}

PyObject* tensor_numpy(PyObject* self, PyObject*) noexcept {
  return payload_to_numpy(*as_payload(self));
}

PyObject* get_device(PyObject*, void*) noexcept {
  return PyUnicode_FromString("cpu");
}
PyObject* get_numel(PyObject* self, void*) noexcept {
  const PayloadObject& tensor = *as_payload(self);
  return PyLong_FromSize_t(tensor.size / shm::size_of(tensor.dtype));
}
PyObject* get_refcount(PyObject* self, void*) noexcept {
  const PayloadObject& tensor = *as_payload(self);
  if (tensor.owner != nullptr) return PyLong_FromLong(1);
  if (!tensor.payload) return PyLong_FromLong(0);
  const auto& state = tensor.payload.state();
  const bool keeper_alone = tensor.keeper != nullptr && Py_REFCNT(tensor.keeper) == 1;
  const long topics =
      state->use != nullptr ? static_cast<long>(state->use->references.load()) - 1 : 0;
  return PyLong_FromLong(state.use_count() - (keeper_alone ? 1 : 0) + topics);
}
PyObject* get_pool_id(PyObject* self, void*) noexcept {
  const auto& state = as_payload(self)->payload.state();
  if (state == nullptr || (!state->own && !state->peer)) return new_none();
  return PyLong_FromUnsignedLong(state->tensor().pool_id);
}

const std::array<PyMethodDef, 7> kTensorMethods{
    {{"zeros", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(tensor_zeros)),
      METH_STATIC | METH_VARARGS | METH_KEYWORDS,
      "zeros(shape, dtype='float32')\n--\n\nA tensor of zeros."},
     {"empty", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(tensor_empty)),
      METH_STATIC | METH_VARARGS | METH_KEYWORDS,
      "empty(shape, dtype='float32')\n--\n\nA tensor whose elements are not set."},
     {"from_descriptor",
      reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(tensor_from_descriptor)),
      METH_STATIC | METH_VARARGS | METH_KEYWORDS,
      "from_descriptor(pool_id, descriptor)\n--\n\n"
      "The tensor, read-only, that another process described and keeps. ValueError when it is\n"
      "gone."},
     {"_itemsize", tensor_itemsize, METH_STATIC | METH_O,
      "_itemsize(dtype)\n--\n\nBytes of an element."},
     {"_wrap", as_method(tensor_wrap), METH_STATIC | METH_FASTCALL, "_wrap(array, source)\n--\n\n"},
     {"numpy", tensor_numpy, METH_NOARGS, "numpy()\n--\n\nto_numpy() by PyTorch's name."},
     {"to_descriptor", tensor_to_descriptor, METH_NOARGS,
      "to_descriptor()\n--\n\n168 bytes by which another process finds the elements, as long as\n"
      "this one keeps the tensor."}}};

constexpr std::array<PyGetSetDef, 4> kTensorProperties{
    {{"device", if_usable<get_device>, nullptr, "Where the elements lie: 'cpu'.", nullptr},
     {"numel", if_usable<get_numel>, nullptr, "Elements.", nullptr},
     {"refcount", get_refcount, nullptr,
      "References to the memory in this process: tensors, views, topics. 0: it was released.",
      nullptr},
     {"pool_id", if_usable<get_pool_id>, nullptr, "The pool that it lies in; None outside of one.",
      nullptr}}};

}  // namespace

PyObject* loan_tensor(PyObject* values, PyObject* names) noexcept {
  return make_tensor(values, names, "O|O:loan", false);
}

PayloadClass& tensor_class() {
  static PayloadClass& the_class = *new PayloadClass{
      {.name = "horus.Tensor",
       .doc = "Tensor(shape, dtype='float32')\n--\n\n"
              "Numbers in shared memory, zero at first. Arithmetic goes through NumPy and makes\n"
              "new tensors; slices and reshapes are views. Sending it copies the elements; what\n"
              "Topic.loan() made is sent without a copy.",
       .kind = shm::Tensor::kind(),
       .construct = tensor_new,
       .repr = tensor_repr,
       .methods = kTensorMethods,
       .properties = kTensorProperties}};
  return the_class;
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/payload/object.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

PyObject* tuple_of(std::span<const Py_ssize_t> numbers) noexcept {
  PyObject* const tuple = PyTuple_New(static_cast<Py_ssize_t>(numbers.size()));
  if (tuple == nullptr) return nullptr;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    PyObject* const number = PyLong_FromSsize_t(numbers[i]);
    if (number == nullptr) {
      Py_DECREF(tuple);
      return nullptr;
    }
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), number);
  }
  return tuple;
}

PyObject* get_dtype(PyObject* self, void*) noexcept {
  return PyUnicode_FromString(shm::info(as_payload(self)->dtype).name);
}
PyObject* get_nbytes(PyObject* self, void*) noexcept {
  return PyLong_FromSize_t(as_payload(self)->size);
}
PyObject* get_read_only(PyObject* self, void*) noexcept {
  return PyBool_FromLong(!as_payload(self)->writable);
}
PyObject* get_shape(PyObject* self, void*) noexcept {
  return tuple_of(shape_of(*as_payload(self)));
}

/// NumPy's own protocol to share the elements, for libraries that know it. It gives the address
/// away, so the object counts as exposed from here on.
PyObject* get_array_interface(PyObject* self, void*) noexcept {
  PayloadObject& object = *as_payload(self);
  if (!usable(object) || !renew(object)) return nullptr;
  object.exposed = true;
  const Ref shape{tuple_of(shape_of(object))};
  const Ref strides{tuple_of(strides_of(object))};
  const Ref address{PyLong_FromVoidPtr(object.data)};
  if (!shape || !strides || !address) return nullptr;
  return Py_BuildValue("{s:i,s:s,s:O,s:O,s:(OO)}", "version", 3, "typestr",
                       shm::info(object.dtype).array, "shape", shape.ptr(), "strides",
                       strides.ptr(), "data", address.ptr(), object.writable ? Py_False : Py_True);
}

shm::StampedPayload stamped(PyObject* self) noexcept {
  return shm::StampedPayload{as_payload(self)->payload.state()};
}

PyObject* get_timestamp(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return PyLong_FromUnsignedLongLong(stamped(self).timestamp_ns());
}
PyObject* get_frame_id(PyObject* self, void*) noexcept {
  if (!usable(*as_payload(self))) return nullptr;
  return text_object(stamped(self).frame_id());
}

int set_timestamp(PyObject* self, PyObject* value, void*) noexcept {
  if (!may_set(self, value, "timestamp_ns")) return -1;
  const unsigned long long ns = PyLong_AsUnsignedLongLong(value);
  if (ns == ~0ULL && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_OverflowError)) {
    PyErr_Format(PyExc_ValueError, "%s.timestamp_ns: %S does not fit into 64 bits",
                 as_payload(self)->kind->name(), value);
  }
  if (ns == ~0ULL && PyErr_Occurred()) return -1;
  stamped(self).set_timestamp_ns(ns);
  return 0;
}

int set_frame_id(PyObject* self, PyObject* value, void*) noexcept {
  if (!may_set(self, value, "frame_id")) return -1;
  const char* const name = as_payload(self)->kind->name();
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "%s.frame_id must be str, not %s", name, Py_TYPE(value)->tp_name);
    return -1;
  }
  Py_ssize_t length = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value, &length);
  if (text == nullptr) return -1;
  if (stamped(self).set_frame_id({text, static_cast<std::size_t>(length)})) return 0;
  PyErr_Format(PyExc_ValueError, "%s.frame_id: %zd bytes, the capacity is 31", name, length);
  return -1;
}

}  // namespace

PyObject* text_object(std::string_view text) noexcept {
  return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
}

bool read_dtype(PyObject* value, shm::Dtype& dtype) noexcept {
  Ref name;
  for (const char* const attribute : {"name", "__name__"}) {
    // numpy.dtype("float32").name, numpy.float32.__name__
    if (PyUnicode_Check(value) || name) break;
    name = Ref{PyObject_GetAttrString(value, attribute)};
    PyErr_Clear();
  }
  PyObject* const said = name ? name.ptr() : value;
  if (!PyUnicode_Check(said)) {
    PyErr_Format(PyExc_TypeError, "dtype must be a str or a NumPy dtype, not %s",
                 Py_TYPE(value)->tp_name);
    return false;
  }
  const char* const text = PyUnicode_AsUTF8(said);
  if (text == nullptr) return false;
  for (std::size_t i = 0; i < shm::kDtypes; ++i) {
    const auto known = static_cast<shm::Dtype>(i);
    if (shm::name_of(known) != text && std::string_view{shm::info(known).array} != text) continue;
    dtype = known;
    return true;
  }
  PyErr_Format(PyExc_ValueError,
               "unknown dtype '%s' (known: float16, bfloat16, float32, float64, int8, int16, "
               "int32, int64, uint8, uint16, uint32, uint64, bool)",
               text);
  return false;
}

bool may_set(PyObject* self, PyObject* value, const char* attribute) noexcept {
  const PayloadObject& object = *as_payload(self);
  if (value == nullptr) {
    PyErr_Format(PyExc_TypeError, "%s.%s cannot be deleted", object.kind->name(), attribute);
    return false;
  }
  if (!usable(object)) return false;
  if (object.writable) return true;
  PyErr_Format(PyExc_ValueError, "a received %s is read-only; change its copy()",
               object.kind->name());
  return false;
}

std::span<const PyGetSetDef> shared_properties() noexcept {
  static constexpr std::array<PyGetSetDef, 5> kProperties{
      {{"dtype", if_usable<get_dtype>, nullptr, "The type of an element, 'uint8'.", nullptr},
       {"shape", if_usable<get_shape>, nullptr, "As NumPy says it.", nullptr},
       {"nbytes", if_usable<get_nbytes>, nullptr, "Bytes of all elements.", nullptr},
       {"read_only", if_usable<get_read_only>, nullptr, "True for what was received.", nullptr},
       {"__array_interface__", get_array_interface, nullptr, nullptr, nullptr}}};
  return kProperties;
}

std::span<const PyGetSetDef> stamp_properties() noexcept {
  static constexpr std::array<PyGetSetDef, 2> kProperties{
      {{"timestamp_ns", get_timestamp, set_timestamp, "When it was taken, ns.", nullptr},
       {"frame_id", get_frame_id, set_frame_id, "The coordinate frame.", nullptr}}};
  return kProperties;
}

}  // namespace horus::py

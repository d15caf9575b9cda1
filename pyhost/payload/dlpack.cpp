// SPDX-License-Identifier: Apache-2.0
// __dlpack__: shares the elements with other array libraries, without a copy.
//
// A received object is read-only. The versioned capsule (DLPack 1.x) can say so. The old capsule
// cannot, and its consumer may write, so it is given out for writable objects only. There is one
// exception: NumPy before 2.1 takes the old capsule but makes read-only arrays of it. It is known
// by its call: it alone calls the method on the class, `type(x).__dlpack__(x)`, where the array API
// standard has consumers call it on the object. So the class has a function of its own.
#include "pyhost/payload/dlpack.hpp"

#include <Python.h>
#include <structmember.h>

#include <array>
#include <cstring>
#include <string_view>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/payload/object.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

/// The struct that a capsule points to, of either form. Recycled, since a consumer asks once for
/// each frame.
struct Export {
  union {
    dlpack::ManagedTensor plain;
    dlpack::ManagedTensorVersioned versioned;
  };
  std::array<std::int64_t, shm::kMaxDimensions> shape;
  std::array<std::int64_t, shm::kMaxDimensions> strides;
};

/// The recycled exports, up to 16. With the GIL.
class Exports {
 public:
  Export* take() noexcept {
    if (free_ > 0) return kept_[--free_];
    return new (std::nothrow) Export;
  }
  void give_back(Export* tensor) noexcept {
    if (free_ == kept_.size()) {
      delete tensor;
    } else {
      kept_[free_++] = tensor;
    }
  }

 private:
  std::array<Export*, 16> kept_{};
  std::size_t free_ = 0;
};
constinit Exports exports;

/// Ends one export: drops its reference to the keeper. With the GIL.
template <typename Managed>
void end_export(Managed* managed) noexcept {
  auto* const keeper = static_cast<PyObject*>(managed->context);
  exports.give_back(reinterpret_cast<Export*>(managed));
  Py_DECREF(keeper);
}

template <typename Managed>
void delete_tensor(Managed* managed) noexcept {
  // The consumer of the capsule may call this from any thread, without the GIL.
  const PyGILState_STATE gil = PyGILState_Ensure();
  end_export(managed);
  PyGILState_Release(gil);
}

/// The name of a capsule that was not consumed yet. Its consumer renames it.
template <typename Managed>
constexpr const char* kName = "dltensor";
template <>
constexpr const char* kName<dlpack::ManagedTensorVersioned> = "dltensor_versioned";

template <typename Managed>
void delete_capsule(PyObject* capsule) noexcept {
  if (!PyCapsule_IsValid(capsule, kName<Managed>)) return;
  end_export(static_cast<Managed*>(PyCapsule_GetPointer(capsule, kName<Managed>)));
}

dlpack::Tensor describe(const PayloadObject& object, Export& target) noexcept {
  const shm::DtypeInfo& type = shm::info(object.dtype);
  const auto element = static_cast<std::int64_t>(type.size);
  for (std::size_t i = 0; i < static_cast<std::size_t>(object.dimensions); ++i) {
    target.shape[i] = object.shape[i];
    target.strides[i] = object.strides[i] / element;
  }
  return {.data = object.data,
          .device = {.type = dlpack::kCpu, .id = 0},
          .dimensions = object.dimensions,
          .dtype = {.code = static_cast<std::uint8_t>(type.dlpack),
                    .bits = static_cast<std::uint8_t>(8 * type.size),
                    .lanes = 1},
          .shape = target.shape.data(),
          .strides = target.strides.data(),
          .byte_offset = 0};
}

/// A capsule for `managed`. Takes over the reference to `keeper`.
template <typename Managed>
PyObject* capsule_of(PyObject* keeper, Managed& managed) noexcept {
  managed.context = keeper;
  managed.deleter = delete_tensor<Managed>;
  PyObject* const capsule = PyCapsule_New(&managed, kName<Managed>, delete_capsule<Managed>);
  if (capsule == nullptr) end_export(&managed);
  return capsule;
}

PyObject* export_plain(PayloadObject& object) noexcept {
  PyObject* const keeper = keeper_of(object);
  if (keeper == nullptr) return nullptr;
  Export* const target = exports.take();
  if (target == nullptr) {
    Py_DECREF(keeper);
    return PyErr_NoMemory();
  }
  target->plain.tensor = describe(object, *target);
  return capsule_of(keeper, target->plain);
}

PyObject* export_versioned(PayloadObject& object, bool copied) noexcept {
  PyObject* const keeper = keeper_of(object);
  if (keeper == nullptr) return nullptr;
  Export* const target = exports.take();
  if (target == nullptr) {
    Py_DECREF(keeper);
    return PyErr_NoMemory();
  }
  target->versioned.version = {.major = 1, .minor = 0};
  target->versioned.flags =
      (object.writable ? 0 : dlpack::kReadOnly) | (copied ? dlpack::kCopied : 0);
  target->versioned.tensor = describe(object, *target);
  return capsule_of(keeper, target->versioned);
}

PyObject* refuse(const char* why) noexcept {
  PyErr_SetString(PyExc_BufferError, why);
  return nullptr;
}

struct Request {
  bool versioned = false;
  bool copy = false;
};

bool read_pair(const char* name, PyObject* value, long& first, long& second) noexcept {
  if (PyTuple_Check(value)) return PyArg_ParseTuple(value, "ll", &first, &second) != 0;
  PyErr_Format(PyExc_TypeError, "%s must be a tuple of two ints, not %s", name,
               Py_TYPE(value)->tp_name);
  return false;
}

/// Reads one keyword argument. False with BufferError or TypeError set.
bool read_argument(PyObject* name, PyObject* value, Request& request) noexcept {
  const char* const text = PyUnicode_AsUTF8(name);
  if (text == nullptr) return false;
  const std::string_view key{text};
  if (key == "copy") {
    request.copy = value == Py_True;
    return true;
  }
  if (value == Py_None) return true;
  if (key == "max_version") {
    long major = 0;
    long minor = 0;
    if (!read_pair(text, value, major, minor)) return false;
    request.versioned = major >= 1;
    return true;
  }
  if (key == "dl_device") {
    long type = 0;
    long id = 0;
    if (!read_pair(text, value, type, id)) return false;
    return type == dlpack::kCpu || refuse("what is shared lies in main memory") != nullptr;
  }
  if (key == "stream") return refuse("main memory has no stream") != nullptr;
  PyErr_Format(PyExc_TypeError, "__dlpack__ has no argument '%s'", text);
  return false;
}

PyObject* dlpack_of(PayloadObject& given, PyObject* const* values, PyObject* names) noexcept {
  if (!usable(given) || !renew(given)) return nullptr;
  Request request;
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < named; ++i) {
    if (!read_argument(PyTuple_GET_ITEM(names, i), values[i], request)) return nullptr;
  }
  Ref copy;
  if (request.copy) {
    copy = Ref{copy_payload_object(given)};
    if (!copy) return nullptr;
  }
  PayloadObject& object = copy ? *as_payload(copy.ptr()) : given;
  if (request.versioned) return export_versioned(object, request.copy);
  if (object.writable) return export_plain(object);
  return refuse(
      "what was received is read-only, which this consumer cannot be told; pass it the .copy()");
}

/// Whether the positional arguments are one object of ours. Otherwise false with TypeError set.
bool takes_object(PyObject* const* values, Py_ssize_t count) noexcept {
  if (count == 1 && find_payload_class(Py_TYPE(values[0])) != nullptr) [[likely]]
    return true;
  PyErr_SetString(PyExc_TypeError,
                  "__dlpack__ takes an image, cloud or tensor, and keyword arguments");
  return false;
}

/// A call on the class. Without keywords it comes from NumPy before 2.1, whose arrays are
/// read-only.
PyObject* dlpack_of_class(PyObject*, PyObject* const* values, Py_ssize_t count,
                          PyObject* names) noexcept {
  if (!takes_object(values, count)) return nullptr;
  PayloadObject& object = *as_payload(values[0]);
  if (names != nullptr) return dlpack_of(object, values + 1, names);
  return usable(object) && renew(object) ? export_plain(object) : nullptr;
}

/// The call of a bound method.
PyObject* dlpack_of_bound(PyObject* self, PyObject* const* values, Py_ssize_t count,
                          PyObject* names) noexcept {
  if (count == 0) return dlpack_of(*as_payload(self), values, names);
  PyErr_SetString(PyExc_TypeError, "__dlpack__ takes keyword arguments only");
  return nullptr;
}

/// `object.__dlpack__(...)`, which the interpreter calls without making a bound method.
PyObject* dlpack_of_object(PyObject*, PyObject* const* values, std::size_t flagged,
                           PyObject* names) noexcept {
  if (!takes_object(values, PyVectorcall_NARGS(flagged))) return nullptr;
  return dlpack_of(*as_payload(values[0]), values + 1, names);
}

PyMethodDef of_class{"__dlpack__", as_method(dlpack_of_class), METH_FASTCALL | METH_KEYWORDS,
                     nullptr};
PyMethodDef of_object{"__dlpack__", as_method(dlpack_of_bound), METH_FASTCALL | METH_KEYWORDS,
                      "__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)\n"
                      "--\n\nThe elements as a DLPack capsule."};

/// A method descriptor that gives one function for the class and another one for its objects.
struct Descriptor {
  PyObject_HEAD PyObject* function;
  vectorcallfunc call;
};

PyObject* descriptor_get(PyObject* self, PyObject* object, PyObject*) noexcept {
  if (object != nullptr && object != Py_None) return PyCFunction_New(&of_object, object);
  return Py_NewRef(reinterpret_cast<Descriptor*>(self)->function);
}

void descriptor_dealloc(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  Py_XDECREF(reinterpret_cast<Descriptor*>(self)->function);
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace

PyObject* payload_dlpack_device(PyObject*, PyObject*) noexcept {
  return Py_BuildValue("ii", dlpack::kCpu, 0);
}

PyObject* make_dlpack_descriptor() noexcept {
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(Descriptor, call), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_descr_get, as_slot(descriptor_get)},
                                {Py_tp_dealloc, as_slot(descriptor_dealloc)},
                                {Py_tp_call, as_slot(PyVectorcall_Call)},
                                {Py_tp_members, members},
                                {0, nullptr}};
  static PyType_Spec spec{
      "horus._DlpackMethod", sizeof(Descriptor), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, slots};
  const Ref type{PyType_FromSpec(&spec)};
  if (!type) return nullptr;
  auto* const made = PyObject_New(Descriptor, reinterpret_cast<PyTypeObject*>(type.ptr()));
  if (made == nullptr) return nullptr;
  made->call = dlpack_of_object;
  made->function = PyCFunction_New(&of_class, nullptr);
  return as_object(made);
}

}  // namespace horus::py

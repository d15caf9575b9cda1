// SPDX-License-Identifier: Apache-2.0
// Image.__dlpack__: pixels for other array libraries, without a copy.
//
// A received frame is read-only. The versioned capsule (DLPack 1.x) says so; the old one cannot,
// and a consumer that takes it may write, so it is for one's own frames only. NumPy before 2.1
// takes the old one too, but makes read-only arrays of it; and it alone calls the method on the
// class, `type(x).__dlpack__(x)`, where the array API standard has consumers call it on the
// object. So the class hands out a function of its own for that.
#include <array>
#include <cstring>
#include <string_view>

#include "pyhost/cpython.hpp"
#include "pyhost/dlpack.hpp"
#include "pyhost/image_object.hpp"

namespace horus::py {
namespace {

/// What a capsule points to, both forms; recycled, since a consumer asks once a frame.
struct Export {
  union {
    dlpack::ManagedTensor plain;
    dlpack::ManagedTensorVersioned versioned;
  };
  std::array<std::int64_t, 3> shape;
  std::array<std::int64_t, 3> strides;
};

/// With the GIL.
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

template <typename Managed>
void delete_tensor(Managed* managed) noexcept {
  // Whoever consumed the capsule may call this from any thread.
  const PyGILState_STATE gil = PyGILState_Ensure();
  auto* const image = static_cast<PyObject*>(managed->context);
  exports.give_back(reinterpret_cast<Export*>(managed));
  Py_DECREF(image);
  PyGILState_Release(gil);
}

/// The name of a capsule that nobody has consumed yet.
template <typename Managed>
constexpr const char* kName = "dltensor";
template <>
constexpr const char* kName<dlpack::ManagedTensorVersioned> = "dltensor_versioned";

template <typename Managed>
void delete_capsule(PyObject* capsule) noexcept {
  if (!PyCapsule_IsValid(capsule, kName<Managed>)) return;
  auto* const managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, kName<Managed>));
  managed->deleter(managed);
}

dlpack::DataType data_type(const ImageObject& image) noexcept {
  const shm::Dtype dtype = shm::info(image.image.encoding()).dtype;
  const auto bits = static_cast<std::uint8_t>(8 * shm::size_of(dtype));
  const bool real = dtype == shm::Dtype::kF32;
  return {.code = real ? dlpack::kFloat : dlpack::kUnsigned, .bits = bits, .lanes = 1};
}

dlpack::Tensor describe(const ImageObject& image, Export& target) noexcept {
  const dlpack::DataType type = data_type(image);
  for (std::size_t i = 0; i < target.shape.size(); ++i) {
    target.shape[i] = image.shape[i];
    target.strides[i] = image.strides[i] / (type.bits / 8);
  }
  return {.data = image.data,
          .device = {.type = dlpack::kCpu, .id = 0},
          .dimensions = image.dimensions,
          .dtype = type,
          .shape = target.shape.data(),
          .strides = target.strides.data(),
          .byte_offset = 0};
}

template <typename Managed>
PyObject* capsule_of(ImageObject& image, Managed& managed) noexcept {
  managed.context = Py_NewRef(as_object(&image));
  managed.deleter = delete_tensor<Managed>;
  PyObject* const capsule = PyCapsule_New(&managed, kName<Managed>, delete_capsule<Managed>);
  if (capsule == nullptr) managed.deleter(&managed);
  return capsule;
}

PyObject* export_plain(ImageObject& image) noexcept {
  Export* const target = exports.take();
  if (target == nullptr) return PyErr_NoMemory();
  target->plain = {};
  target->plain.tensor = describe(image, *target);
  return capsule_of(image, target->plain);
}

PyObject* export_versioned(ImageObject& image, bool copied) noexcept {
  Export* const target = exports.take();
  if (target == nullptr) return PyErr_NoMemory();
  target->versioned = {};
  target->versioned.version = {.major = 1, .minor = 0};
  target->versioned.flags =
      (image.writable ? 0 : dlpack::kReadOnly) | (copied ? dlpack::kCopied : 0);
  target->versioned.tensor = describe(image, *target);
  return capsule_of(image, target->versioned);
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

/// One keyword argument. False with BufferError or TypeError set.
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
    return type == dlpack::kCpu || refuse("an image lies in main memory") != nullptr;
  }
  if (key == "stream") return refuse("an image in main memory has no stream") != nullptr;
  PyErr_Format(PyExc_TypeError, "__dlpack__ has no argument '%s'", text);
  return false;
}

/// The call that NumPy before 2.1 makes, on the class.
PyObject* dlpack_of_class(PyObject*, PyObject* const* values, Py_ssize_t count,
                          PyObject* names) noexcept {
  if (count != 1 || Py_TYPE(values[0]) != image_class()) {
    PyErr_SetString(PyExc_TypeError, "Image.__dlpack__ needs an Image");
    return nullptr;
  }
  if (names != nullptr) return image_dlpack(values[0], values + 1, 0, names);
  return export_plain(*as_image(values[0]));
}

PyMethodDef of_class{"__dlpack__", as_method(dlpack_of_class), METH_FASTCALL | METH_KEYWORDS,
                     nullptr};
PyMethodDef of_object{"__dlpack__", as_method(image_dlpack), METH_FASTCALL | METH_KEYWORDS,
                      "__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)\n"
                      "--\n\nThe pixels as a DLPack capsule."};

struct Descriptor {
  PyObject_HEAD PyObject* function;
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

PyObject* image_dlpack(PyObject* self, PyObject* const* values, Py_ssize_t count,
                       PyObject* names) noexcept {
  if (count != 0) {
    PyErr_SetString(PyExc_TypeError, "__dlpack__ takes keyword arguments only");
    return nullptr;
  }
  Request request;
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < named; ++i) {
    if (!read_argument(PyTuple_GET_ITEM(names, i), values[i], request)) return nullptr;
  }
  Ref copy;
  if (request.copy) {
    copy = Ref{copy_image(*as_image(self))};
    if (!copy) return nullptr;
  }
  ImageObject& image = *as_image(copy ? copy.ptr() : self);
  if (request.versioned) return export_versioned(image, request.copy);
  if (image.writable) return export_plain(image);
  return refuse(
      "a received image is read-only, which this consumer cannot be told; "
      "pass it image.copy()");
}

PyObject* image_dlpack_device(PyObject*, PyObject*) noexcept {
  return Py_BuildValue("ii", dlpack::kCpu, 0);
}

PyObject* make_dlpack_descriptor() noexcept {
  static PyType_Slot slots[] = {{Py_tp_descr_get, as_slot(descriptor_get)},
                                {Py_tp_dealloc, as_slot(descriptor_dealloc)},
                                {0, nullptr}};
  static PyType_Spec spec{"horus._DlpackMethod", sizeof(Descriptor), 0, Py_TPFLAGS_DEFAULT, slots};
  const Ref type{PyType_FromSpec(&spec)};
  if (!type) return nullptr;
  auto* const made = PyObject_New(Descriptor, reinterpret_cast<PyTypeObject*>(type.ptr()));
  if (made == nullptr) return nullptr;
  made->function = PyCFunction_New(&of_class, nullptr);
  return as_object(made);
}

}  // namespace horus::py

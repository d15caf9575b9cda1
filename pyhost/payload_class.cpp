// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "pyhost/bind.hpp"
#include "pyhost/cpython.hpp"
#include "pyhost/payload_object.hpp"

namespace horus::py {
namespace {

std::array<PayloadClass*, 4> classes() {
  return {&image_class(), &point_cloud_class(), &depth_image_class(), &tensor_class()};
}

void payload_dealloc(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  PayloadObject* const object = as_payload(self);
  object->payload.~Payload();
  object->session.~shared_ptr();
  Py_XDECREF(object->owner);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject* method_to_numpy(PyObject* self, PyObject*) noexcept {
  return payload_to_numpy(*as_payload(self));
}

PyObject* method_copy(PyObject* self, PyObject*) noexcept {
  return copy_payload_object(*as_payload(self));
}

int refuse_buffer(Py_buffer* view, const char* why) noexcept {
  view->obj = nullptr;
  PyErr_SetString(PyExc_BufferError, why);
  return -1;
}

int payload_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  PayloadObject& given = *as_payload(self);
  view->obj = nullptr;
  if (!usable(given)) return -1;
  if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE && !given.writable) {
    return refuse_buffer(view, "what was received is read-only");
  }
  const bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
  const bool formatted = (flags & PyBUF_FORMAT) == PyBUF_FORMAT;
  if (formatted && buffer_format(given.dtype) == nullptr) {
    // NumPy then takes the array interface.
    return refuse_buffer(view, "no buffer format says bfloat16; use to_numpy()");
  }
  if (!strided && !given.packed) return refuse_buffer(view, "the elements have gaps between them");
  PyObject* const keeper = keeper_of(given);
  if (keeper == nullptr) return -1;
  PayloadObject& object = *as_payload(keeper);
  view->obj = keeper;
  view->buf = object.data;
  view->len = static_cast<Py_ssize_t>(object.size);
  view->readonly = object.writable ? 0 : 1;
  view->itemsize = static_cast<Py_ssize_t>(shm::size_of(object.dtype));
  view->format = formatted ? const_cast<char*>(buffer_format(object.dtype)) : nullptr;
  const bool shaped = (flags & PyBUF_ND) == PyBUF_ND;
  view->ndim = shaped ? object.dimensions : 1;
  view->shape = shaped ? object.shape.data() : nullptr;
  view->strides = strided ? object.strides.data() : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

constexpr std::array<PyMethodDef, 5> kPayloadMethods{
    {{"to_numpy", method_to_numpy, METH_NOARGS,
      "to_numpy()\n--\n\nThe elements as an array of this shape: a view without a copy,\n"
      "read-only for what was received."},
     {"copy", method_copy, METH_NOARGS, "copy()\n--\n\nA writable one with the same content."},
     {"__copy__", method_copy, METH_NOARGS, nullptr},
     {"__deepcopy__", method_copy, METH_O, nullptr},
     {"__dlpack_device__", payload_dlpack_device, METH_NOARGS, nullptr}}};

PayloadObject* allocate(const PayloadClass& kind, std::shared_ptr<shm::Session> session) noexcept {
  auto* const object = PyObject_New(PayloadObject, kind.python());
  if (object == nullptr) return nullptr;
  object->kind = &kind;
  new (&object->session) std::shared_ptr<shm::Session>{std::move(session)};
  new (&object->payload) shm::Payload{};
  object->owner = nullptr;
  object->loaned = false;
  return object;
}

/// Copies elements of any strides to where they lie without gaps; returns the end.
std::byte* gather(const PayloadObject& object, int axis, const std::byte* from,
                  std::byte* to) noexcept {
  if (axis == object.dimensions) {
    const std::size_t element = shm::size_of(object.dtype);
    std::memcpy(to, from, element);
    return to + element;
  }
  const auto level = static_cast<std::size_t>(axis);
  for (Py_ssize_t i = 0; i < object.shape[level]; ++i, from += object.strides[level]) {
    to = gather(object, axis + 1, from, to);
  }
  return to;
}

}  // namespace

PayloadClass::PayloadClass(const Spec& spec) : spec_{spec}, name_{spec.kind.type.name} {
  methods_.assign(kPayloadMethods.begin(), kPayloadMethods.end());
  methods_.insert(methods_.end(), spec.methods.begin(), spec.methods.end());
  methods_.push_back({});
  for (const auto properties :
       {shared_properties(), is_tensor() ? std::span<const PyGetSetDef>{} : stamp_properties(),
        spec.properties}) {
    properties_.insert(properties_.end(), properties.begin(), properties.end());
  }
  properties_.push_back({});
}

bool PayloadClass::make() {
  PyType_Slot slots[] = {
      {Py_tp_new, as_slot(spec_.construct)},     {Py_tp_dealloc, as_slot(payload_dealloc)},
      {Py_tp_repr, as_slot(spec_.repr)},         {Py_tp_methods, methods_.data()},
      {Py_tp_getset, properties_.data()},        {Py_bf_getbuffer, as_slot(payload_buffer)},
      {Py_tp_doc, const_cast<char*>(spec_.doc)}, {0, nullptr}};
  PyType_Spec spec{spec_.name, sizeof(PayloadObject), 0, Py_TPFLAGS_DEFAULT, slots};
  python_ = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (python_ == nullptr) return false;
  const Ref dlpack{make_dlpack_descriptor()};
  return dlpack && PyObject_SetAttrString(as_object(python_), "__dlpack__", dlpack.ptr()) == 0;
}

const PayloadClass* find_payload_class(const PyTypeObject* python) noexcept {
  static const std::array kClasses = classes();
  const auto* const found = std::ranges::find(kClasses, python, &PayloadClass::python);
  return found == kClasses.end() ? nullptr : *found;
}

const PayloadClass* find_payload_class(std::string_view name) noexcept {
  static const std::array kClasses = classes();
  const auto* const found = std::ranges::find(kClasses, name, &PayloadClass::name);
  return found == kClasses.end() ? nullptr : *found;
}

PyObject* make_payload_object(const PayloadClass& kind, shm::Payload payload,
                              std::shared_ptr<shm::Session> session) noexcept {
  PayloadObject* const object = allocate(kind, std::move(session));
  if (object == nullptr) return nullptr;
  const shm::PayloadState& state = *payload.state();
  const auto& tensor = state.tensor();
  object->dtype = static_cast<shm::Dtype>(tensor.dtype);
  object->dimensions = tensor.ndim;
  std::copy_n(tensor.shape, tensor.ndim, object->shape.begin());
  std::copy_n(tensor.strides, tensor.ndim, object->strides.begin());
  object->size = shm::size_of(object->dtype);
  for (const Py_ssize_t length : shape_of(*object))
    object->size *= static_cast<std::size_t>(length);
  object->packed = shm::is_packed(tensor);
  object->writable = !payload.read_only();
  // Views of what was received are made read-only; the mapping is, too.
  object->data = const_cast<std::byte*>(state.bytes.data()) + tensor.offset;
  object->payload = std::move(payload);
  return as_object(object);
}

PyObject* keeper_of(PayloadObject& object) noexcept {
  if (!object.kind->is_tensor()) return Py_NewRef(as_object(&object));
  PayloadObject* const twin = allocate(*object.kind, object.session);
  if (twin == nullptr) return nullptr;
  twin->payload = object.payload;
  twin->owner = Py_XNewRef(object.owner);
  twin->data = object.data;
  twin->size = object.size;
  twin->dtype = object.dtype;
  twin->writable = object.writable;
  twin->packed = object.packed;
  twin->dimensions = object.dimensions;
  twin->shape = object.shape;
  twin->strides = object.strides;
  return as_object(twin);
}

PyObject* view_of_array(const PayloadObject& source, PyObject* array,
                        const ArrayInfo& info) noexcept {
  PayloadObject* const view = allocate(tensor_class(), source.session);
  if (view == nullptr) return nullptr;
  view->data = info.data;
  view->size = info.bytes;
  view->dtype = info.dtype;
  view->writable = info.writable;
  view->packed = info.contiguous;
  view->dimensions = static_cast<int>(info.shape.size());
  std::ranges::copy(info.shape, view->shape.begin());
  std::ranges::copy(info.strides, view->strides.begin());
  const std::span<const std::byte> block =
      source.payload ? source.payload.bytes() : std::span<const std::byte>{};
  if (info.bytes > 0 && info.data >= block.data() && info.data < block.data() + block.size()) {
    view->payload = source.payload;
  } else {
    view->owner = Py_NewRef(array);
  }
  return as_object(view);
}

bool usable(const PayloadObject& object) noexcept {
  if (object.payload || object.owner != nullptr) [[likely]]
    return true;
  PyErr_SetString(PyExc_ValueError, "the tensor was released");
  return false;
}

PyObject* payload_to_numpy(PayloadObject& object) noexcept {
  if (!usable(object)) return nullptr;
  ArrayShape shape{.shape = shape_of(object)};
  if (!object.packed) shape.strides = strides_of(object);
  if (!object.kind->is_tensor()) [[likely]]
    return array_view(object.data, object.dtype, shape, as_object(&object), object.writable);
  const Ref keeper{keeper_of(object)};
  if (!keeper) return nullptr;
  return array_view(object.data, object.dtype, shape, keeper.ptr(), object.writable);
}

Result<shm::Payload> copy_of(const PayloadObject& object) {
  std::array<std::uint64_t, shm::kMaxDimensions> shape{};
  std::ranges::copy(shape_of(object), shape.begin());
  auto made =
      shm::make_payload(object.session->impl(), object.kind->kind(), object.dtype,
                        std::span{shape}.first(static_cast<std::size_t>(object.dimensions)));
  if (!made) return made.error();
  shm::PayloadState& copy = *made.value();
  if (object.packed) {
    std::memcpy(copy.writable.data(), object.data, object.size);
  } else {
    gather(object, 0, object.data, copy.writable.data());
  }
  if (!object.kind->is_tensor()) {
    shm::copy_notes(*object.payload.state(), copy);
  }
  return shm::Payload{std::move(made).value()};
}

PyObject* copy_payload_object(const PayloadObject& object) noexcept {
  if (!usable(object)) return nullptr;
  auto copy = copy_of(object);
  if (!copy) return set_error(copy.error());
  return make_payload_object(*object.kind, std::move(copy).value(), object.session);
}

int send_payload_object(shm::PayloadPublisher& publisher, PayloadObject& object) noexcept {
  if (!usable(object)) return -1;
  if (!object.kind->is_tensor()) return publisher.send(object.payload) ? 1 : 0;
  if (object.loaned) {
    if (!publisher.send(object.payload)) return 0;
    // Others read it from now on.
    object.loaned = object.writable = false;
    return 1;
  }
  const auto copy = copy_of(object);
  return copy && publisher.send(copy.value()) ? 1 : 0;
}

void bind_payloads(pybind11::module_& module) {
  for (PayloadClass* const kind : classes()) {
    if (!kind->make() ||
        PyModule_AddObjectRef(module.ptr(), kind->name(), as_object(kind->python())) < 0) {
      throw pybind11::error_already_set();
    }
  }
}

}  // namespace horus::py

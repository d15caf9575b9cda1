// SPDX-License-Identifier: Apache-2.0
#include "pyhost/payload/object.hpp"

#include <Python.h>
#include <structmember.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#include <horus/payload.hpp>

#include "pyhost/cpython/capi.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

std::array<PayloadClass*, 4> classes() {
  return {&image_class(), &point_cloud_class(), &depth_image_class(), &tensor_class()};
}

void payload_dealloc(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  PayloadObject* const object = as_payload(self);
  if (object->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  object->payload.~Payload();
  object->session.~shared_ptr();
  Py_XDECREF(object->owner);
  Py_XDECREF(object->keeper);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject* method_to_numpy(PyObject* self, PyObject*) noexcept {
  return payload_to_numpy(*as_payload(self));
}

PyObject* method_copy(PyObject* self, PyObject*) noexcept {
  return copy_payload_object(*as_payload(self));
}

PyObject* method_release(PyObject* self, PyObject*) noexcept {
  PayloadObject& object = *as_payload(self);
  object.payload = {};
  object.data = nullptr;
  object.loaned = object.writable = false;
  Py_CLEAR(object.owner);
  Py_CLEAR(object.keeper);
  return new_none();
}

/// horus.Released, a ValueError that is also a RuntimeError, which programs of the HORUS family
/// expect. A borrowed reference; null with an exception set.
PyObject* released_error() noexcept {
  static PyObject* error = nullptr;
  if (error != nullptr) return error;
  const Ref kinds{PyTuple_Pack(2, PyExc_RuntimeError, PyExc_ValueError)};
  if (kinds) error = PyErr_NewException("horus.Released", kinds.ptr(), nullptr);
  return error;
}

int refuse_buffer(Py_buffer* view, const char* why) noexcept {
  view->obj = nullptr;
  PyErr_SetString(PyExc_BufferError, why);
  return -1;
}

int payload_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  PayloadObject& given = *as_payload(self);
  view->obj = nullptr;
  if (!usable(given) || !renew(given)) return -1;
  if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE && !given.writable) {
    return refuse_buffer(view, "what was received is read-only");
  }
  const bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
  const bool formatted = (flags & PyBUF_FORMAT) == PyBUF_FORMAT;
  if (formatted && shm::info(given.dtype).buffer == nullptr) {
    // NumPy then uses __array_interface__.
    return refuse_buffer(view, "no buffer format says bfloat16; use to_numpy()");
  }
  if (!strided && !given.packed) return refuse_buffer(view, "the elements have gaps between them");
  PyObject* const keeper = keeper_of(given);
  if (keeper == nullptr) return -1;
  // A request with these flags comes from numpy.ndarray(), which releases the view at once but
  // keeps the address. So the array that stays alive holds no keeper.
  if ((flags & (PyBUF_ANY_CONTIGUOUS | PyBUF_FORMAT)) == PyBUF_ANY_CONTIGUOUS) given.exposed = true;
  PayloadObject& object = *as_payload(keeper);
  view->obj = keeper;
  view->buf = object.data;
  view->len = static_cast<Py_ssize_t>(object.size);
  view->readonly = object.writable ? 0 : 1;
  view->itemsize = static_cast<Py_ssize_t>(shm::size_of(object.dtype));
  view->format = formatted ? const_cast<char*>(shm::info(object.dtype).buffer) : nullptr;
  const bool shaped = (flags & PyBUF_ND) == PyBUF_ND;
  view->ndim = shaped ? object.dimensions : 1;
  view->shape = shaped ? object.shape.data() : nullptr;
  view->strides = strided ? object.strides.data() : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

/// Does nothing, but must exist: without it numpy.frombuffer() would release the view at once and
/// keep the address.
void release_buffer(PyObject*, Py_buffer*) noexcept {}

/// For Python methods that set every element: renews without copying the old ones.
PyObject* method_renew(PyObject* self, PyObject*) noexcept {
  return renew(*as_payload(self), Content::kUnset) ? new_none() : nullptr;
}

constexpr std::array<PyMethodDef, 7> kPayloadMethods{
    {{"to_numpy", method_to_numpy, METH_NOARGS,
      "to_numpy()\n--\n\nThe elements as an array of this shape: a view without a copy,\n"
      "read-only for what was received."},
     {"copy", method_copy, METH_NOARGS, "copy()\n--\n\nA writable one with the same content."},
     {"_renew", method_renew, METH_NOARGS, "_renew()\n--\n\n"},
     {"release", method_release, METH_NOARGS,
      "release()\n--\n\nLets go of the memory now. Later use raises RuntimeError; views of it can\n"
      "still be used."},
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
  object->keeper = nullptr;
  object->weak_references = nullptr;
  object->loaned = object->exposed = false;
  return object;
}

/// Copies elements of any strides to `to`, without gaps. Returns the end of what it wrote.
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
  static PyMemberDef members[] = {{"__weaklistoffset__", T_PYSSIZET,
                                   offsetof(PayloadObject, weak_references), READONLY, nullptr},
                                  {nullptr, 0, 0, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_new, as_slot(spec_.construct)},
                         {Py_tp_dealloc, as_slot(payload_dealloc)},
                         {Py_tp_repr, as_slot(spec_.repr)},
                         {Py_tp_methods, methods_.data()},
                         {Py_tp_getset, properties_.data()},
                         {Py_bf_getbuffer, as_slot(payload_buffer)},
                         {Py_bf_releasebuffer, as_slot(release_buffer)},
                         {Py_tp_doc, const_cast<char*>(spec_.doc)},
                         {Py_tp_members, members},
                         {0, nullptr}};
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
  // The cast is safe: a received object's mapping is read-only, and its views are made so.
  object->data = const_cast<std::byte*>(state.bytes.data()) + tensor.offset;
  object->payload = std::move(payload);
  return as_object(object);
}

PyObject* keeper_of(PayloadObject& object) noexcept {
  if (object.keeper != nullptr) {
    as_payload(object.keeper)->writable = object.writable;
    return Py_NewRef(object.keeper);
  }
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
  // Python code can reach the keeper as an array's base, and with it the array's memory. So the
  // keeper counts as exposed if it is sent itself.
  twin->exposed = true;
  object.keeper = as_object(twin);
  return Py_NewRef(object.keeper);
}

bool is_exported(const PayloadObject& object) noexcept {
  if (object.exposed || (object.keeper != nullptr && Py_REFCNT(object.keeper) > 1)) return true;
  // More references to the block than the object's and its keeper's: tensors share it.
  return object.payload.state().use_count() > (object.keeper != nullptr ? 2 : 1);
}

bool renew(PayloadObject& object, Content content) noexcept {
  if (!object.writable || !object.payload || !object.payload.state()->sent) return true;
  auto fresh = copy_of(object, content);
  if (!fresh) {
    set_error(fresh.error());
    return false;
  }
  object.payload = std::move(fresh).value();
  object.data = object.payload.state()->writable.data();
  object.exposed = false;
  Py_CLEAR(object.keeper);
  return true;
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
  PyObject* const error = released_error();
  if (error != nullptr) {
    PyErr_Format(error, "the %s was released; use it before release(), or a copy()",
                 object.kind->is_tensor() ? "tensor" : object.kind->name());
  }
  return false;
}

PyObject* payload_to_numpy(PayloadObject& object) noexcept {
  if (!usable(object) || !renew(object)) return nullptr;
  ArrayShape shape{.shape = shape_of(object)};
  if (!object.packed) shape.strides = strides_of(object);
  const Ref keeper{keeper_of(object)};
  if (!keeper) return nullptr;
  return array_view(object.data, object.dtype, shape, keeper.ptr(), object.writable);
}

Result<shm::Payload> copy_of(const PayloadObject& object, Content content) {
  // A pool that grows drops the GIL, and the object may be released meanwhile: hold its memory.
  const shm::Payload kept = object.payload;
  const Ref owner{Py_XNewRef(object.owner)};
  const std::byte* const from = object.data;
  std::array<std::uint64_t, shm::kMaxDimensions> shape{};
  std::ranges::copy(shape_of(object), shape.begin());
  auto made =
      shm::make_payload(object.session->pools(), object.kind->kind(), object.dtype,
                        std::span{shape}.first(static_cast<std::size_t>(object.dimensions)));
  if (!made) return made.error();
  shm::PayloadState& copy = *made.value();
  if (content == Content::kUnset) {
    // The caller sets every element.
  } else if (object.packed) {
    std::memcpy(copy.writable.data(), from, object.size);
  } else {
    gather(object, 0, from, copy.writable.data());
  }
  if (!object.kind->is_tensor()) shm::copy_notes(*kept.state(), copy);
  return shm::Payload{std::move(made).value()};
}

PyObject* copy_payload_object(const PayloadObject& object) noexcept {
  if (!usable(object)) return nullptr;
  auto copy = copy_of(object);
  if (!copy) return set_error(copy.error());
  return make_payload_object(*object.kind, std::move(copy).value(), object.session);
}

Sent send_payload_object(shm::PayloadPublisher& publisher, PayloadObject& object) noexcept {
  if (!usable(object)) return Sent::kError;
  const bool moves = !object.kind->is_tensor() || object.loaned;
  if (!moves || (object.writable && is_exported(object))) {
    const auto copy = copy_of(object);
    return copy && publisher.send(copy.value()) ? Sent::kCopied : Sent::kRefused;
  }
  if (!publisher.send(object.payload)) return Sent::kRefused;
  // A loaned tensor can be sent once. Its block is read by receivers from now on.
  if (object.loaned && object.kind->is_tensor()) object.loaned = object.writable = false;
  return Sent::kMoved;
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

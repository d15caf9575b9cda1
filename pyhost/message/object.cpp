// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/object.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "pyhost/cpython/cpython.hpp"
#include "pyhost/message/varying.hpp"

namespace horus::py {
namespace {

template <typename T>
T number_at(PyObject* self, void* closure) noexcept {
  T value;
  std::memcpy(&value, as_message(self)->data + static_cast<Place*>(closure)->offset, sizeof value);
  return value;
}

PyObject* get_double(PyObject* self, void* closure) noexcept {
  return PyFloat_FromDouble(number_at<double>(self, closure));
}
PyObject* get_float(PyObject* self, void* closure) noexcept {
  return PyFloat_FromDouble(static_cast<double>(number_at<float>(self, closure)));
}
PyObject* get_number(PyObject* self, void* closure) noexcept {
  const auto& place = *static_cast<Place*>(closure);
  return load_scalar(as_message(self)->data + place.offset, place.kind);
}
PyObject* get_value(PyObject* self, void* closure) noexcept {
  return load(as_message(self), *static_cast<Place*>(closure));
}

int refuse_delete(const Place& place) noexcept {
  PyErr_Format(PyExc_TypeError, "%s cannot be deleted", place.full_name.c_str());
  return -1;
}
int set_number(PyObject* self, PyObject* value, void* closure) noexcept {
  const auto& place = *static_cast<Place*>(closure);
  if (value == nullptr) return refuse_delete(place);
  return store_scalar(as_message(self)->data + place.offset, place, value);
}
int set_value(PyObject* self, PyObject* value, void* closure) noexcept {
  const auto& place = *static_cast<Place*>(closure);
  if (value == nullptr) return refuse_delete(place);
  return store(as_message(self)->data, place, value);
}

/// A count of elements in use, which is not above what their arrays hold.
int set_counter(PyObject* self, PyObject* value, void* closure) noexcept {
  const auto& place = *static_cast<Place*>(closure);
  if (value == nullptr) return refuse_delete(place);
  std::uint64_t count = 0;
  if (store_scalar(reinterpret_cast<std::byte*>(&count), place, value) < 0) return -1;
  if (count > place.most) {
    PyErr_Format(PyExc_ValueError, "%s: %llu elements, the capacity is %u", place.full_name.c_str(),
                 static_cast<unsigned long long>(count), place.most);
    return -1;
  }
  std::memcpy(as_message(self)->data + place.offset, &count, place.size);
  return 0;
}

int set_base(PyObject* self, PyObject* value, void* closure) noexcept {
  return set_value(self, value, closure) < 0 ? -1 : fill_tails(as_message(self));
}

PyObject* copy_of(PyObject* self) noexcept {
  const MessageObject* const from = as_message(self);
  MessageObject* const to = from->type->allocate();
  if (to == nullptr) return nullptr;
  std::memcpy(to->data, from->data, from->type->size());
  return as_object(to);
}

PyObject* message_copy(PyObject* self, PyObject*) noexcept {
  return copy_of(self);
}

PyObject* message_from_bytes(PyObject* python, PyObject* bytes) noexcept {
  MessageType* const type = find_message_type(reinterpret_cast<PyTypeObject*>(python));
  Py_buffer buffer;
  if (PyObject_GetBuffer(bytes, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  MessageObject* message = nullptr;
  if (static_cast<std::size_t>(buffer.len) == type->size()) {
    message = type->allocate();
    if (message != nullptr) std::memcpy(message->data, buffer.buf, type->size());
  } else {
    PyErr_Format(PyExc_ValueError, "%s has %zu bytes, not %zd", type->python()->tp_name,
                 type->size(), buffer.len);
  }
  PyBuffer_Release(&buffer);
  return as_object(message);
}

PyObject* message_reduce(PyObject* self, PyObject*) noexcept {
  const MessageObject* const message = as_message(self);
  const Ref build{PyObject_GetAttrString(as_object(message->type->python()), "from_bytes")};
  if (!build) return nullptr;
  PyObject* const bytes = PyBytes_FromStringAndSize(reinterpret_cast<const char*>(message->data),
                                                    static_cast<Py_ssize_t>(message->type->size()));
  return bytes == nullptr ? nullptr : Py_BuildValue("O(N)", build.ptr(), bytes);
}

PyObject* message_array(PyObject* self, PyObject* values, PyObject* names) noexcept {
  const Ref numpy{PyImport_ImportModule("numpy")};
  const Ref view{PyMemoryView_FromObject(self)};
  if (!numpy || !view) return nullptr;
  const Ref array{PyObject_CallMethod(numpy.ptr(), "asarray", "O", view.ptr())};
  if (!array) return nullptr;
  static const std::array<const char*, 3> kNames{"dtype", "copy", nullptr};
  PyObject* dtype = Py_None;
  PyObject* copy = Py_None;
  if (!PyArg_ParseTupleAndKeywords(values, names, "|OO:__array__",
                                   const_cast<char**>(kNames.data()), &dtype, &copy)) {
    return nullptr;
  }
  if (dtype != Py_None) return PyObject_CallMethod(array.ptr(), "astype", "O", dtype);
  if (copy == Py_True) return PyObject_CallMethod(array.ptr(), "copy", nullptr);
  return Py_NewRef(array.ptr());
}

char format_letter(shm::Kind kind) noexcept {
  switch (kind) {
    case shm::Kind::kU8: return 'B';
    case shm::Kind::kI8: return 'b';
    case shm::Kind::kU16: return 'H';
    case shm::Kind::kI16: return 'h';
    case shm::Kind::kU32: return 'I';
    case shm::Kind::kI32: return 'i';
    case shm::Kind::kU64: return 'Q';
    case shm::Kind::kI64: return 'q';
    case shm::Kind::kF32: return 'f';
    case shm::Kind::kF64: return 'd';
    case shm::Kind::kBool: return '?';
    case shm::Kind::kText: return 's';
    case shm::Kind::kMessage:
    case shm::Kind::kPadding: break;
  }
  return 'x';
}

}  // namespace

PyGetSetDef accessor_of(Place& place) noexcept {
  PyGetSetDef accessor{};
  accessor.name = place.name.c_str();
  accessor.doc = place.doc.empty() ? nullptr : place.doc.c_str();
  accessor.closure = &place;
  const bool number = !place.array && place.kind <= shm::Kind::kBool;
  accessor.get = number ? get_number : get_value;
  accessor.set = number ? set_number : set_value;
  if (number && place.kind == shm::Kind::kF64) accessor.get = get_double;
  if (number && place.kind == shm::Kind::kF32) accessor.get = get_float;
  if (place.most != 0) accessor.set = set_counter;
  if (place.base != nullptr) accessor.set = set_base;
  if (place.counts_tail) accessor.set = nullptr;
  return accessor;
}

void message_dealloc(PyObject* self) noexcept {
  as_message(self)->type->recycle(as_message(self));
}

namespace {

/// Null: there is none.
const PyGetSetDef* field_named(PyObject* self, PyObject* name) noexcept {
  if (PyUnicode_Check(name) == 0) return nullptr;
  for (const PyGetSetDef* field = Py_TYPE(self)->tp_getset; field->name != nullptr; ++field) {
    if (PyUnicode_CompareWithASCIIString(name, field->name) == 0) return field;
  }
  return nullptr;
}

PyObject* message_get(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  if (count < 1 || count > 2) {
    PyErr_SetString(PyExc_TypeError, "get() takes a field's name and a default");
    return nullptr;
  }
  const PyGetSetDef* const field = field_named(self, arguments[0]);
  if (field != nullptr) return field->get(self, field->closure);
  return Py_NewRef(count == 2 ? arguments[1] : Py_None);
}

/// A list of what `make` gives for each field.
template <typename Make>
PyObject* list_of_fields(PyObject* self, Make make) noexcept {
  const std::span<const Place> fields = as_message(self)->type->fields();
  Ref list{PyList_New(static_cast<Py_ssize_t>(fields.size()))};
  if (!list) return nullptr;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    PyObject* const one = make(fields[i]);
    if (one == nullptr) return nullptr;
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), one);
  }
  return Py_NewRef(list.ptr());
}

PyObject* message_keys(PyObject* self, PyObject* /*none*/) noexcept {
  return list_of_fields(
      self, [](const Place& place) { return PyUnicode_FromString(place.name.c_str()); });
}

PyObject* message_items(PyObject* self, PyObject* /*none*/) noexcept {
  return list_of_fields(self, [self](const Place& place) -> PyObject* {
    const Ref value{PyObject_GetAttrString(self, place.name.c_str())};
    return value ? Py_BuildValue("(sO)", place.name.c_str(), value.ptr()) : nullptr;
  });
}

}  // namespace

PyObject* message_item(PyObject* self, PyObject* name) noexcept {
  if (const PyGetSetDef* const field = field_named(self, name)) {
    return field->get(self, field->closure);
  }
  PyErr_SetObject(PyExc_KeyError, name);
  return nullptr;
}

int message_contains(PyObject* self, PyObject* object) noexcept {
  if (field_named(self, object) != nullptr) return 1;
  // The length is what messages have that are lists, of joints' names for example.
  if (PyUnicode_Check(object) != 0 && Py_TYPE(self)->tp_as_sequence->sq_length == nullptr) return 0;
  const Ref items{PySequence_List(self)};  // TypeError where it is no list.
  return items ? PySequence_Contains(items.ptr(), object) : -1;
}

PyObject* message_repr(PyObject* self) noexcept {
  MessageObject* const message = as_message(self);
  std::string text = std::string(message->type->info().name) + "(";
  const auto add = [&](const Place& place) {
    if (!text.ends_with('(')) text += ", ";
    text += place.name + "=" + describe(message, place);
  };
  for (const Argument& argument : message->type->arguments()) add(argument.place);
  // Without arguments there is nothing to write but what it holds.
  if (message->type->arguments().empty()) std::ranges::for_each(message->type->fields(), add);
  text += ")";
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

PyObject* message_compare(PyObject* self, PyObject* other, int operation) noexcept {
  if (Py_TYPE(self) != Py_TYPE(other) || (operation != Py_EQ && operation != Py_NE)) {
    return Py_NewRef(Py_NotImplemented);
  }
  bool same = true;
  for (const Place& place : as_message(self)->type->fields()) {
    same = same && same_value(as_message(self)->data, as_message(other)->data, place);
  }
  return PyBool_FromLong(same == (operation == Py_EQ));
}

int message_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  MessageObject* const message = as_message(self);
  const auto size = static_cast<Py_ssize_t>(message->type->size());
  if (PyBuffer_FillInfo(view, self, message->data, size, 0, flags) < 0) return -1;
  if ((flags & PyBUF_FORMAT) == PyBUF_FORMAT) {
    // Whoever asks for a format gets the struct, one element without dimensions.
    view->format = const_cast<char*>(message->type->format());
    view->itemsize = size;
    view->ndim = 0;
    view->shape = nullptr;
    view->strides = nullptr;
  }
  return 0;
}

PyMethodDef* message_methods() noexcept {
  static PyMethodDef methods[] = {
      {"from_bytes", message_from_bytes, METH_O | METH_CLASS,
       "from_bytes(data)\n--\n\nA message from its bytes, as bytes(message) gives them."},
      {"__copy__", message_copy, METH_NOARGS, nullptr},
      {"__deepcopy__", message_copy, METH_O, nullptr},
      {"__reduce__", message_reduce, METH_NOARGS, nullptr},
      {"__array__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(message_array)),
       METH_VARARGS | METH_KEYWORDS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  return methods;
}

std::span<const PyMethodDef> mapping_methods() noexcept {
  static const std::array methods{
      PyMethodDef{"get", as_method(message_get), METH_FASTCALL,
                  "get(name, default=None, /)\n--\n\nThe field of this name; `default` where there "
                  "is none."},
      PyMethodDef{
          "keys", message_keys, METH_NOARGS,
          "keys()\n--\n\nThe names of the fields: dict(message) has them with their values."},
      PyMethodDef{"items", message_items, METH_NOARGS,
                  "items()\n--\n\n(name, value) of each field."}};
  return methods;
}

std::string buffer_format(const shm::TypeInfo& type) {
  std::string format = "T{";
  std::uint32_t end = 0;
  const auto pad_to = [&](std::uint32_t offset) {
    if (offset > end) format += std::to_string(offset - end) + "x";
  };
  for (const shm::FieldInfo& field : type.fields) {
    if (field.kind == shm::Kind::kPadding) continue;
    pad_to(field.offset);
    end = field.offset + field.size * field.count;
    if (field.array) format += "(" + std::to_string(field.count) + ")";
    if (field.kind == shm::Kind::kMessage) {
      format += buffer_format(*field.nested);
    } else {
      format += '<';
      if (field.kind == shm::Kind::kText) format += std::to_string(field.size);
      format += format_letter(field.kind);
    }
    format.append(":").append(field.name).append(":");
  }
  pad_to(type.size);
  return format + "}";
}

}  // namespace horus::py

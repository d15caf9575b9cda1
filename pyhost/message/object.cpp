// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/object.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/message/field_values.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/message/varying.hpp"
#include "shm/dtype.hpp"

namespace horus::py {
namespace {

template <typename T>
T number_at(PyObject* self, void* closure) noexcept {
  T value;
  std::memcpy(&value, as_message(self)->data + static_cast<Field*>(closure)->offset, sizeof value);
  return value;
}

PyObject* get_double(PyObject* self, void* closure) noexcept {
  return PyFloat_FromDouble(number_at<double>(self, closure));
}
PyObject* get_float(PyObject* self, void* closure) noexcept {
  return PyFloat_FromDouble(static_cast<double>(number_at<float>(self, closure)));
}
PyObject* get_number(PyObject* self, void* closure) noexcept {
  const auto& field = *static_cast<Field*>(closure);
  return load_scalar(as_message(self)->data + field.offset, field.kind);
}
PyObject* get_value(PyObject* self, void* closure) noexcept {
  return load(as_message(self), *static_cast<Field*>(closure));
}

int refuse_delete(const Field& field) noexcept {
  PyErr_Format(PyExc_TypeError, "%s cannot be deleted", field.full_name.c_str());
  return -1;
}
int set_number(PyObject* self, PyObject* value, void* closure) noexcept {
  const auto& field = *static_cast<Field*>(closure);
  if (value == nullptr) return refuse_delete(field);
  return store_scalar(as_message(self)->data + field.offset, field, value);
}
int set_value(PyObject* self, PyObject* value, void* closure) noexcept {
  const auto& field = *static_cast<Field*>(closure);
  if (value == nullptr) return refuse_delete(field);
  return store(as_message(self)->data, field, value);
}

/// Sets a field that counts elements. ValueError for more than its arrays hold.
int set_counter(PyObject* self, PyObject* value, void* closure) noexcept {
  const auto& field = *static_cast<Field*>(closure);
  if (value == nullptr) return refuse_delete(field);
  std::uint64_t count = 0;
  if (store_scalar(reinterpret_cast<std::byte*>(&count), field, value) < 0) return -1;
  if (count > field.most) {
    PyErr_Format(PyExc_ValueError, "%s: %llu elements, the capacity is %u", field.full_name.c_str(),
                 static_cast<unsigned long long>(count), field.most);
    return -1;
  }
  std::memcpy(as_message(self)->data + field.offset, &count, field.size);
  return 0;
}

int set_base(PyObject* self, PyObject* value, void* closure) noexcept {
  return set_value(self, value, closure) < 0 ? -1 : fill_tails(as_message(self));
}

PyObject* message_copy(PyObject* self, PyObject*) noexcept {
  MessageObject* const from = as_message(self);
  if (from->type->varies()) return as_object(copy_varying(from));
  MessageObject* const to = from->type->allocate();
  if (to == nullptr) return nullptr;
  std::memcpy(to->data, from->data, from->type->size());
  return as_object(to);
}

/// A new message of `type` from its bytes; null with an exception set.
MessageObject* read_message(MessageType& type, std::span<const std::byte> bytes) noexcept {
  if (type.varies()) return unpack_message(type, bytes);
  if (bytes.size() != type.size()) {
    PyErr_Format(PyExc_ValueError, "%s has %zu bytes, not %zu", type.python()->tp_name, type.size(),
                 bytes.size());
    return nullptr;
  }
  MessageObject* const message = type.allocate();
  if (message != nullptr) std::memcpy(message->data, bytes.data(), bytes.size());
  return message;
}

PyObject* message_from_bytes(PyObject* python, PyObject* bytes) noexcept {
  Py_buffer buffer;
  if (PyObject_GetBuffer(bytes, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  MessageObject* const message = read_message(
      *find_message_type(reinterpret_cast<PyTypeObject*>(python)),
      {static_cast<const std::byte*>(buffer.buf), static_cast<std::size_t>(buffer.len)});
  PyBuffer_Release(&buffer);
  return as_object(message);
}

PyObject* bytes_of_message(PyObject* self) noexcept {
  const MessageObject& message = *as_message(self);
  if (message.type->varies()) return varying_bytes(self, nullptr);
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(message.data),
                                   static_cast<Py_ssize_t>(message.type->size()));
}

PyObject* message_reduce(PyObject* self, PyObject*) noexcept {
  const Ref build{PyObject_GetAttrString(as_object(Py_TYPE(self)), "from_bytes")};
  // Not bytes(self): a class may have a __bytes__ of its own, for something else.
  const Ref bytes{build ? bytes_of_message(self) : nullptr};
  return bytes ? Py_BuildValue("O(O)", build.ptr(), bytes.ptr()) : nullptr;
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

/// The PEP 3118 letter after "<". There an l has 4 bytes, where NumPy's native l has 8: use q.
char format_letter(shm::Kind kind) noexcept {
  if (kind == shm::Kind::kText) return 's';
  const char letter = *shm::info(shm::dtype_of(kind)).buffer;
  return letter == 'l' ? 'q' : letter == 'L' ? 'Q' : letter;
}

}  // namespace

PyGetSetDef accessor_of(Field& field) noexcept {
  PyGetSetDef accessor{};
  accessor.name = field.name.c_str();
  accessor.doc = field.doc.empty() ? nullptr : field.doc.c_str();
  accessor.closure = &field;
  const bool number = !field.array && shm::is_number(field.kind);
  accessor.get = number ? get_number : get_value;
  accessor.set = number ? set_number : set_value;
  if (number && field.kind == shm::Kind::kF64) accessor.get = get_double;
  if (number && field.kind == shm::Kind::kF32) accessor.get = get_float;
  if (field.most != 0) accessor.set = set_counter;
  if (field.base != nullptr) accessor.set = set_base;
  if (field.counts_tail) accessor.set = nullptr;
  return accessor;
}

void message_dealloc(PyObject* self) noexcept {
  as_message(self)->type->recycle(as_message(self));
}

namespace {

/// The accessor of the field `name`; null where there is none.
const PyGetSetDef* field_named(PyObject* self, PyObject* name) noexcept {
  if (PyUnicode_Check(name) == 0) return nullptr;
  for (const PyGetSetDef* row = Py_TYPE(self)->tp_getset; row->name != nullptr; ++row) {
    if (PyUnicode_CompareWithASCIIString(name, row->name) == 0) return row;
  }
  return nullptr;
}

PyObject* message_get(PyObject* self, PyObject* const* arguments, Py_ssize_t count) noexcept {
  if (count < 1 || count > 2) {
    PyErr_SetString(PyExc_TypeError, "get() takes a field's name and a default");
    return nullptr;
  }
  const PyGetSetDef* const row = field_named(self, arguments[0]);
  if (row != nullptr) return row->get(self, row->closure);
  return Py_NewRef(count == 2 ? arguments[1] : Py_None);
}

/// A list with the result of `make` for each field. A new reference; null with an exception set.
template <typename Make>
PyObject* list_of_fields(PyObject* self, Make make) noexcept {
  const std::span<const Field> fields = as_message(self)->type->fields();
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
      self, [](const Field& field) { return PyUnicode_FromString(field.name.c_str()); });
}

PyObject* message_items(PyObject* self, PyObject* /*none*/) noexcept {
  return list_of_fields(self, [self](const Field& field) -> PyObject* {
    const Ref value{PyObject_GetAttrString(self, field.name.c_str())};
    return value ? Py_BuildValue("(sO)", field.name.c_str(), value.ptr()) : nullptr;
  });
}

}  // namespace

PyObject* message_item(PyObject* self, PyObject* name) noexcept {
  if (const PyGetSetDef* const row = field_named(self, name)) {
    return row->get(self, row->closure);
  }
  PyErr_SetObject(PyExc_KeyError, name);
  return nullptr;
}

int message_contains(PyObject* self, PyObject* object) noexcept {
  if (field_named(self, object) != nullptr) return 1;
  // A message that is a list (of the names of joints, say) has a length. Any other message contains
  // no str but the names of its fields.
  if (PyUnicode_Check(object) != 0 && Py_TYPE(self)->tp_as_sequence->sq_length == nullptr) return 0;
  const Ref items{PySequence_List(self)};  // TypeError where it is no list.
  return items ? PySequence_Contains(items.ptr(), object) : -1;
}

PyObject* message_repr(PyObject* self) noexcept {
  MessageObject* const message = as_message(self);
  std::string text = std::string(message->type->info().name) + "(";
  const auto add = [&](const Field& field) {
    if (!text.ends_with('(')) text += ", ";
    text += field.name + "=" + describe(message, field);
  };
  for (const Argument& argument : message->type->arguments()) add(argument.field);
  // A type without constructor arguments shows its fields instead.
  if (message->type->arguments().empty()) std::ranges::for_each(message->type->fields(), add);
  text += ")";
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

PyObject* message_compare(PyObject* self, PyObject* other, int operation) noexcept {
  if (Py_TYPE(self) != Py_TYPE(other) || (operation != Py_EQ && operation != Py_NE)) {
    return Py_NewRef(Py_NotImplemented);
  }
  bool same = true;
  for (const Field& field : as_message(self)->type->fields()) {
    same = same && same_value(as_message(self)->data, as_message(other)->data, field);
  }
  return PyBool_FromLong(same == (operation == Py_EQ));
}

int message_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
  MessageObject* const message = as_message(self);
  const auto size = static_cast<Py_ssize_t>(message->type->size());
  if (PyBuffer_FillInfo(view, self, message->data, size, 0, flags) < 0) return -1;
  if ((flags & PyBUF_FORMAT) == PyBUF_FORMAT) {
    // With a format the buffer is one struct, an element without dimensions.
    view->format = const_cast<char*>(message->type->format());
    view->itemsize = size;
    view->ndim = 0;
    view->shape = nullptr;
    view->strides = nullptr;
  }
  return 0;
}

std::span<const PyMethodDef> message_methods(bool varies) noexcept {
  static const std::array methods{
      PyMethodDef{"__bytes__", varying_bytes, METH_NOARGS, nullptr},
      PyMethodDef{
          "from_bytes", message_from_bytes, METH_O | METH_CLASS,
          "from_bytes(data)\n--\n\nA message from its bytes, as bytes(message) gives them."},
      PyMethodDef{"__copy__", message_copy, METH_NOARGS, nullptr},
      PyMethodDef{"__deepcopy__", message_copy, METH_O, nullptr},
      PyMethodDef{"__reduce__", message_reduce, METH_NOARGS, nullptr},
      PyMethodDef{"__array__",
                  reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(message_array)),
                  METH_VARARGS | METH_KEYWORDS, nullptr}};
  const std::span all{methods};
  return varies ? all.first<methods.size() - 1>() : all.last<methods.size() - 1>();
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
  for (const shm::FieldInfo& row : type.fields) {
    if (row.kind == shm::Kind::kPadding) continue;
    pad_to(row.offset);
    end = row.offset + row.size * row.count;
    if (row.array) format += "(" + std::to_string(row.count) + ")";
    if (row.kind == shm::Kind::kMessage) {
      format += buffer_format(*row.nested);
    } else {
      format += '<';
      if (row.kind == shm::Kind::kText) format += std::to_string(row.size);
      format += format_letter(row.kind);
    }
    format.append(":").append(row.name).append(":");
  }
  pad_to(type.size);
  return format + "}";
}

}  // namespace horus::py

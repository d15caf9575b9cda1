// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/type.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pyhost/cpython/cpython.hpp"
#include "pyhost/message/object.hpp"
#include "pyhost/message/varying.hpp"

namespace horus::py {
namespace {

/// A default as it stands in a signature.
std::string default_text(const Place& place, const std::byte* defaults) {
  if (place.tail != nullptr && place.kind == shm::Kind::kU8) return "b''";
  if (place.array || place.kind == shm::Kind::kMessage) return "None";
  const std::byte* const at = defaults + place.offset;
  if (place.kind == shm::Kind::kText) {
    return "'" + std::string(reinterpret_cast<const char*>(at)) + "'";
  }
  const std::string text = describe_scalar(at, place.kind);
  // A name would be looked up by whoever reads the signature; this number is read as infinite.
  return text == "inf" ? "1e999" : text;
}

/// "[m/s]: Forward."
template <typename Row>
std::string meaning_of(const Row& row) {
  if (row.unit.empty()) return std::string{row.doc};
  const std::string unit = "[" + std::string{row.unit} + "]";
  return row.doc.empty() ? unit : unit + ": " + std::string{row.doc};
}

template <typename Row>
void describe_field(const Row& row, std::string& doc) {
  doc.append("\n").append(row.name);
  if (!row.unit.empty()) doc.append(" ");
  if (row.unit.empty() && !row.doc.empty()) doc.append(": ");
  doc += meaning_of(row);
}

/// Of an argument that stays an attribute: where it goes, in the field's words.
std::string meaning_of(const shm::TypeInfo& type, std::string_view path) {
  const auto member = shm::find_member(type, path);
  const std::string meaning = member ? meaning_of(*member->field) : "";
  return std::string{path} + (meaning.empty() || meaning.starts_with('[') ? " " : ": ") + meaning;
}

}  // namespace

MessageType::MessageType(const shm::TypeInfo& info) : info_{info}, size_{object_size(info)} {}

MessageType::MessageType(shm::ParsedType parsed)
    : parsed_{std::move(parsed)}, info_{parsed_->info()}, size_{object_size(info_)} {}

MessageType::~MessageType() {
  for (const Argument& argument : arguments_) Py_XDECREF(argument.name);
}

MessageObject* MessageType::allocate_fresh() noexcept {
  auto* const message = PyObject_New(MessageObject, python_);
  if (message == nullptr) return nullptr;
  message->type = this;
  message->data = storage_of(message);
  message->owner = nullptr;
  return message;
}

void MessageType::leave_owner(MessageObject* message) noexcept {
  Py_CLEAR(message->owner);
  message->data = storage_of(message);
}

void MessageType::give_back(MessageObject* message) noexcept {
  PyTypeObject* const python = Py_TYPE(message);
  PyObject_Free(message);
  Py_DECREF(python);
}

PyObject* MessageType::view(std::byte* data, PyObject* owner) noexcept {
  MessageObject* const message = allocate();
  if (message == nullptr) return nullptr;
  message->data = data;
  message->owner = Py_NewRef(owner);
  return as_object(message);
}

void MessageType::make_fields() {
  for (const shm::FieldInfo& field : info_.fields) {
    if (field.kind == shm::Kind::kPadding) continue;
    Place place;
    find_place(info_, field.name, place);
    place.name = field.name;
    place.full_name = std::string(info_.name) + "." + place.name;
    place.doc = meaning_of(field);
    for (const shm::FieldInfo& other : info_.fields) {
      if (other.counted_by != field.name) continue;
      place.most = place.most == 0 ? other.count : std::min(place.most, other.count);
    }
    for (const shm::TailInfo& tail : info_.tails) {
      place.counts_tail |= std::ranges::count(tail.counted_by, field.name) != 0;
    }
    fields_.push_back(std::move(place));
  }
  for (const shm::TailInfo& tail : info_.tails) {
    fields_.push_back(tail_place(info_, tail));
    fields_.back().doc = meaning_of(tail);
  }
}

void MessageType::nest_defaults() {
  for (const Place& place : fields_) {
    if (place.nested == nullptr) continue;
    const MessageType* const nested = find_message_type(*place.nested);
    for (std::size_t i = 0; i < place.count; ++i) {
      std::byte* const at = defaults_.data() + place.offset + i * place.size;
      std::memcpy(at, nested->defaults_.data(), place.size);
    }
  }
}

bool MessageType::make_arguments() {
  defaults_.assign(info_.initial.begin(), info_.initial.end());
  defaults_.resize(size_);
  if (info_.initial.empty()) nest_defaults();
  if (!info_.stamp.empty()) {
    find_place(info_, info_.stamp, stamp_);
    if (shm::find_field(info_, info_.stamp)->unit == "ms") stamp_unit_ = 1ms;
  }
  for (const shm::ArgInfo& arg : info_.args) {
    Argument& argument = arguments_.emplace_back();
    if (arguments_.size() > 64 || !find_argument_place(info_, arg, argument.place)) {
      PyErr_Format(PyExc_SystemError, "%s: bad declaration of the constructor",
                   std::string(info_.name).c_str());
      return false;
    }
    argument.name = PyUnicode_InternFromString(std::string(arg.name).c_str());
    if (argument.name == nullptr) return false;
    argument.place.name = arg.name;
    argument.place.full_name = std::string(info_.name) + "." + argument.place.name;
    argument.offset = argument.place.offset;
    argument.kind = argument.place.kind;
    argument.number = !argument.place.array && argument.kind <= shm::Kind::kBool;
    argument.required = arg.required;
    if (arg.required) required_ |= std::uint64_t{1} << (arguments_.size() - 1);
    if (Place second; !arg.also.empty() && find_place(info_, arg.also, second)) {
      also_.push_back({argument.offset, second.offset, second.size});
    }
    const auto named = [&](const Place& place) { return place.name == arg.name; };
    if (std::ranges::any_of(fields_, named)) continue;
    shortcuts_.push_back(argument.place);
    shortcuts_.back().doc = arg.base != nullptr ? arg.base->doc : meaning_of(info_, arg.path);
  }
  return true;
}

void MessageType::make_accessors() {
  for (Place& place : fields_) accessors_.push_back(accessor_of(place));
  for (Place& place : shortcuts_) accessors_.push_back(accessor_of(place));
  accessors_.push_back({});
}

void MessageType::make_methods() {
  for (const PyMethodDef* method = varies() ? varying_methods() : message_methods();
       method->ml_name != nullptr; ++method) {
    methods_.push_back(*method);
  }
  for (const PyMethodDef& method : mapping_methods()) {
    const auto hides = [&method](const Place& field) { return field.name == method.ml_name; };
    if (std::ranges::none_of(fields_, hides)) methods_.push_back(method);
  }
  methods_.push_back({});
}

void MessageType::make_signature() {
  doc_ = std::string(info_.name) + "(";
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (i > 0) doc_ += ", ";
    doc_ += argument.place.name;
    if (!argument.required) doc_ += "=" + default_text(argument.place, defaults_.data());
  }
  doc_.append(")\n--\n\n").append(info_.doc).append("\n");
  if (!info_.stamp.empty()) {
    doc_.append("\n").append(info_.stamp).append(" is when it was made, unless it is given.\n");
  }
  for (const shm::FieldInfo& field : info_.fields) {
    if (field.kind != shm::Kind::kPadding) describe_field(field, doc_);
  }
  for (const shm::TailInfo& tail : info_.tails) describe_field(tail, doc_);
}

bool MessageType::set_defaults(PyObject* defaults) {
  for (const Argument& argument : arguments_) {
    PyObject* const value = PyDict_GetItemWithError(defaults, argument.name);
    if (value == nullptr && PyErr_Occurred()) return false;
    if (value == nullptr) continue;
    const Ref held{Py_NewRef(value)};  // Storing it may run its Python code.
    if (store(defaults_.data(), argument.place, held.ptr()) < 0) return false;
  }
  return true;
}

bool MessageType::prepare(PyObject* defaults) {
  make_fields();
  return make_arguments() && (defaults == nullptr || set_defaults(defaults));
}

bool MessageType::make_class(std::string_view module) {
  make_accessors();
  make_methods();
  make_signature();
  // What has arrays of its own is no memory to keep.
  free_limit_ = varies() ? 0 : std::clamp<std::size_t>(kMaxFreeBytes / size_, 1, kMaxFree);
  free_ = std::make_unique<MessageObject*[]>(free_limit_);
  qualified_name_ = std::string(module) + "." + std::string(info_.name);
  format_ = buffer_format(info_);

  PyType_Slot slots[] = {{Py_tp_new, as_slot(message_new)},
                         {Py_tp_dealloc, as_slot(varies() ? varying_dealloc : message_dealloc)},
                         {Py_tp_repr, as_slot(message_repr)},
                         {Py_tp_richcompare, as_slot(message_compare)},
                         {Py_tp_hash, as_slot(PyObject_HashNotImplemented)},
                         {Py_tp_methods, methods_.data()},
                         {Py_tp_getset, accessors_.data()},
                         {Py_mp_subscript, as_slot(message_item)},
                         {Py_sq_contains, as_slot(message_contains)},
                         {Py_tp_doc, doc_.data()},
                         // In pieces, a message is no buffer.
                         {varies() ? 0 : Py_bf_getbuffer, as_slot(message_buffer)},
                         {0, nullptr}};
  PyType_Spec spec{};
  spec.name = qualified_name_.c_str();
  spec.basicsize = static_cast<int>(sizeof(MessageObject) + size_);
  spec.flags = Py_TPFLAGS_DEFAULT;
  spec.slots = slots;
  python_ = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (python_ == nullptr) return false;
  python_->tp_vectorcall =
      varies() ? varying_vectorcall : message_vectorcall;  // There is no slot for it before 3.14.

  const Ref names{PyTuple_New(static_cast<Py_ssize_t>(arguments_.size()))};
  if (!names) return false;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    PyTuple_SET_ITEM(names.ptr(), static_cast<Py_ssize_t>(i), Py_NewRef(arguments_[i].name));
  }
  return PyObject_SetAttrString(as_object(python_), "__match_args__", names.ptr()) == 0;
}

}  // namespace horus::py

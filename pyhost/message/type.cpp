// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/type.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/message/field_values.hpp"
#include "pyhost/message/object.hpp"
#include "pyhost/message/registry.hpp"
#include "pyhost/message/varying.hpp"

namespace horus::py {
namespace {

/// A default as it is written in the constructor's signature.
std::string default_text(const Field& field, const std::byte* defaults) {
  if (field.tail != nullptr && field.kind == shm::Kind::kU8) return "b''";
  if (field.array || field.kind == shm::Kind::kMessage) return "None";
  const std::byte* const at = defaults + field.offset;
  if (field.kind == shm::Kind::kText) {
    return "'" + std::string(reinterpret_cast<const char*>(at)) + "'";
  }
  const std::string text = describe_scalar(at, field.kind);
  // inspect.signature() would look up the name `inf`; it reads the number 1e999 as infinite.
  return text == "inf" ? "1e999" : text;
}

/// The docstring of a field: "[m/s]: Forward."
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

/// The docstring of a shortcut: the field that it leads to, and that field's docstring.
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
  for (const shm::FieldInfo& row : info_.fields) {
    if (row.kind == shm::Kind::kPadding) continue;
    Field field;
    find_field(info_, row.name, field);
    field.name = row.name;
    field.full_name = std::string(info_.name) + "." + field.name;
    field.doc = meaning_of(row);
    for (const shm::FieldInfo& other : info_.fields) {
      if (other.counted_by != row.name) continue;
      field.most = field.most == 0 ? other.count : std::min(field.most, other.count);
    }
    for (const shm::TailInfo& tail : info_.tails) {
      field.counts_tail |= std::ranges::count(tail.counted_by, row.name) != 0;
    }
    fields_.push_back(std::move(field));
  }
  for (const shm::TailInfo& tail : info_.tails) {
    fields_.push_back(tail_field(info_, tail));
    fields_.back().doc = meaning_of(tail);
  }
}

void MessageType::nest_defaults() {
  for (const Field& field : fields_) {
    if (field.nested == nullptr) continue;
    const MessageType* const nested = find_message_type(*field.nested);
    for (std::size_t i = 0; i < field.count; ++i) {
      std::byte* const at = defaults_.data() + field.offset + i * field.size;
      std::memcpy(at, nested->defaults_.data(), field.size);
    }
  }
}

bool MessageType::make_arguments() {
  defaults_.assign(info_.initial.begin(), info_.initial.end());
  defaults_.resize(size_);
  if (info_.initial.empty()) nest_defaults();
  if (!info_.stamp.empty()) {
    find_field(info_, info_.stamp, stamp_);
    if (shm::find_field(info_, info_.stamp)->unit == "ms") stamp_unit_ = 1ms;
  }
  for (const shm::ArgInfo& arg : info_.args) {
    Argument& argument = arguments_.emplace_back();
    if (arguments_.size() > 64 || !find_argument_field(info_, arg, argument.field)) {
      PyErr_Format(PyExc_SystemError, "%s: bad declaration of the constructor",
                   std::string(info_.name).c_str());
      return false;
    }
    argument.name = PyUnicode_InternFromString(std::string(arg.name).c_str());
    if (argument.name == nullptr) return false;
    argument.field.name = arg.name;
    argument.field.full_name = std::string(info_.name) + "." + argument.field.name;
    argument.offset = argument.field.offset;
    argument.kind = argument.field.kind;
    argument.number = !argument.field.array && shm::is_number(argument.kind);
    argument.required = arg.required;
    if (arg.required) required_ |= std::uint64_t{1} << (arguments_.size() - 1);
    if (Field second; !arg.also.empty() && find_field(info_, arg.also, second)) {
      also_.push_back({argument.offset, second.offset, second.size});
    }
    const auto named = [&](const Field& field) { return field.name == arg.name; };
    if (std::ranges::any_of(fields_, named)) continue;
    shortcuts_.push_back(argument.field);
    shortcuts_.back().doc = arg.base != nullptr ? arg.base->doc : meaning_of(info_, arg.path);
  }
  return true;
}

void MessageType::make_accessors() {
  for (Field& field : fields_) accessors_.push_back(accessor_of(field));
  for (Field& field : shortcuts_) accessors_.push_back(accessor_of(field));
  accessors_.push_back({});
}

void MessageType::make_methods() {
  for (const PyMethodDef& method : message_methods(varies())) methods_.push_back(method);
  for (const PyMethodDef& method : mapping_methods()) {
    const auto hides = [&method](const Field& row) { return row.name == method.ml_name; };
    if (std::ranges::none_of(fields_, hides)) methods_.push_back(method);
  }
  methods_.push_back({});
}

void MessageType::make_signature() {
  doc_ = std::string(info_.name) + "(";
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Argument& argument = arguments_[i];
    if (i > 0) doc_ += ", ";
    doc_ += argument.field.name;
    if (!argument.required) doc_ += "=" + default_text(argument.field, defaults_.data());
  }
  doc_.append(")\n--\n\n").append(info_.doc).append("\n");
  if (!info_.stamp.empty()) {
    doc_.append("\n").append(info_.stamp).append(" is when it was made, unless it is given.\n");
  }
  for (const shm::FieldInfo& row : info_.fields) {
    if (row.kind != shm::Kind::kPadding) describe_field(row, doc_);
  }
  for (const shm::TailInfo& tail : info_.tails) describe_field(tail, doc_);
}

bool MessageType::set_defaults(PyObject* defaults) {
  for (const Argument& argument : arguments_) {
    PyObject* const value = PyDict_GetItemWithError(defaults, argument.name);
    if (value == nullptr && PyErr_Occurred()) return false;
    if (value == nullptr) continue;
    const Ref held{Py_NewRef(value)};  // Storing it may run Python code that changes the dict.
    if (store(defaults_.data(), argument.field, held.ptr()) < 0) return false;
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
  // Messages whose size varies hold arrays, so they are not kept in a free list.
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
                         // A message whose size varies lies in pieces and so is no buffer.
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

/// How many of a call's arguments, from the first one on, come in the declared order.
inline std::size_t MessageType::in_order(std::size_t positional, PyObject* names,
                                         std::size_t named) const noexcept {
  const std::size_t most = std::min(positional + named, arguments_.size());
  std::size_t i = positional;
  while (i < most && arguments_[i].name == PyTuple_GET_ITEM(names, i - positional)) ++i;
  return i;
}

inline int MessageType::find_argument(PyObject* name, std::size_t guess) const noexcept {
  // Names in source code are interned, so addresses can be compared; most calls keep the declared
  // order, so the guess is usually right.
  if (guess < arguments_.size() && arguments_[guess].name == name) [[likely]] {
    return static_cast<int>(guess);
  }
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (arguments_[i].name == name) return static_cast<int>(i);
  }
  return find_by_text(name);
}

int MessageType::find_by_text(PyObject* name) const noexcept {
  if (!PyUnicode_Check(name)) {
    PyErr_Format(PyExc_TypeError, "%s: argument names are str, not %s", python_->tp_name,
                 Py_TYPE(name)->tp_name);
    return -1;
  }
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (PyUnicode_Compare(arguments_[i].name, name) == 0) return static_cast<int>(i);
  }
  PyErr_Format(PyExc_TypeError, "%s has no constructor argument '%U'", python_->tp_name, name);
  return -1;
}

int MessageType::set_twice(std::size_t index) const noexcept {
  PyErr_Format(PyExc_TypeError, "%s got two values for '%U'", python_->tp_name,
               arguments_[index].name);
  return -1;
}

inline int MessageType::set_argument(std::byte* data, std::size_t index,
                                     PyObject* value) const noexcept {
  const Argument& argument = arguments_[index];
  // The most frequent case first: a float for a number of either size.
  if (PyFloat_CheckExact(value)) [[likely]] {
    const double number = PyFloat_AS_DOUBLE(value);
    if (argument.number && argument.kind == shm::Kind::kF64) {
      std::memcpy(data + argument.offset, &number, sizeof number);
      return 0;
    }
    if (argument.number && argument.kind == shm::Kind::kF32) {
      const auto narrow = static_cast<float>(number);
      if (!std::isinf(narrow)) [[likely]] {
        std::memcpy(data + argument.offset, &narrow, sizeof narrow);
        return 0;
      }
    }
  }
  if (argument.number) return store_scalar(data + argument.offset, argument.field, value);
  const bool left_out = value == Py_None && !argument.required;
  return left_out ? 0 : store(data, argument.field, value);
}

int MessageType::set_named(std::byte* data, int index, PyObject* value,
                           std::uint64_t& given) const noexcept {
  if (index < 0) return -1;
  const std::uint64_t bit = std::uint64_t{1} << index;
  if ((given & bit) != 0) return set_twice(static_cast<std::size_t>(index));
  given |= bit;
  return set_argument(data, static_cast<std::size_t>(index), value);
}

MessageObject* MessageType::with_stamp(MessageObject* message) const noexcept {
  const auto stamp = static_cast<std::uint64_t>(since_1970() / stamp_unit_);
  std::memcpy(message->data, defaults_.data(), size_);
  std::memcpy(message->data + stamp_.offset, &stamp, sizeof stamp);
  return message;
}

inline MessageObject* MessageType::with_defaults() noexcept {
  constexpr std::size_t kSmall = 64;
  MessageObject* const message = allocate();
  if (message == nullptr) return nullptr;
  const std::size_t size = size_;
  if (stamp_.size != 0) [[unlikely]]
    return with_stamp(message);
  if (size > kSmall || size % 8 != 0) {
    std::memcpy(message->data, defaults_.data(), size);
    return message;
  }
  for (std::size_t i = 0; i < size; i += 8) {  // Fewer steps than a call of memcpy.
    std::memcpy(message->data + i, defaults_.data() + i, 8);
  }
  return message;
}

int MessageType::check_given(std::uint64_t given) const noexcept {
  const std::uint64_t missing = required_ & ~given;
  if (missing == 0) [[likely]]
    return 0;
  const auto first = static_cast<std::size_t>(std::countr_zero(missing));
  PyErr_Format(PyExc_TypeError, "%s needs the argument '%U'", python_->tp_name,
               arguments_[first].name);
  return -1;
}

void MessageType::set_also(std::byte* data) const noexcept {
  for (const Also& one : also_) std::memcpy(data + one.to, data + one.from, one.size);
}

PyObject* MessageType::construct(PyObject* const* values, std::size_t positional,
                                 PyObject* names) noexcept {
  if (positional > arguments_.size()) {
    PyErr_Format(PyExc_TypeError, "%s takes at most %zu arguments, %zu were given",
                 python_->tp_name, arguments_.size(), positional);
    return nullptr;
  }
  MessageObject* const message = with_defaults();
  if (message == nullptr) return nullptr;
  const std::size_t named =
      names == nullptr ? 0 : static_cast<std::size_t>(PyTuple_GET_SIZE(names));
  // Arguments in the declared order are set without looking up names, and none can be given twice.
  const std::size_t ordered = in_order(positional, names, named);
  int result = 0;
  for (std::size_t i = 0; result == 0 && i < ordered; ++i) {
    result = set_argument(message->data, i, values[i]);
  }
  std::uint64_t given = ordered < 64 ? (std::uint64_t{1} << ordered) - 1 : ~std::uint64_t{0};
  for (std::size_t i = ordered; result == 0 && i < positional + named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(names, static_cast<Py_ssize_t>(i - positional));
    result = set_named(message->data, find_argument(name, i), values[i], given);
  }
  if (result == 0 && check_given(given) == 0) [[likely]] {
    set_also(message->data);
    return as_object(message);
  }
  Py_DECREF(message);
  return nullptr;
}

MessageObject* MessageType::from_dict(PyObject* dict) noexcept {
  MessageObject* const message = with_defaults();
  if (message == nullptr) return nullptr;
  std::uint64_t given = 0;
  std::size_t guess = 0;
  Py_ssize_t position = 0;
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  int result = 0;
  // Storing a value may run Python code that changes the dict, so hold name and value meanwhile.
  while (result == 0 && PyDict_Next(dict, &position, &name, &value)) {
    Py_INCREF(name);
    Py_INCREF(value);
    result = set_named(message->data, find_argument(name, guess++), value, given);
    Py_DECREF(name);
    Py_DECREF(value);
  }
  if (result == 0 && check_given(given) == 0 && (!varies() || fill_tails(message) == 0))
      [[likely]] {
    set_also(message->data);
    return message;
  }
  Py_DECREF(message);
  return nullptr;
}

PyObject* message_vectorcall(PyObject* python, PyObject* const* values, std::size_t flagged_count,
                             PyObject* names) noexcept {
  MessageType* const type = find_message_type(reinterpret_cast<PyTypeObject*>(python));
  const auto positional = static_cast<std::size_t>(PyVectorcall_NARGS(flagged_count));
  return type->construct(values, positional, names);
}

PyObject* message_new(PyTypeObject* python, PyObject* values, PyObject* names) noexcept {
  return PyVectorcall_Call(as_object(python), values, names);
}

}  // namespace horus::py

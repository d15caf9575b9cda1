// SPDX-License-Identifier: Apache-2.0
#include "pyhost/message/registry.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <horus/message.hpp>
#include <horus/topic.hpp>

#include "pyhost/cpython/capi.hpp"
#include "pyhost/cpython/errors.hpp"

namespace horus::py {
namespace {

/// is_finite(message)
PyObject* message_is_finite(PyObject*, PyObject* given) noexcept {
  MessageType* const type = find_message_type(Py_TYPE(given));
  if (type == nullptr) {
    PyErr_Format(PyExc_TypeError, "is_finite() takes a message, not %s", Py_TYPE(given)->tp_name);
    return nullptr;
  }
  MessageObject* const message = as_message(given);
  if (!type->varies()) {
    return PyBool_FromLong(shm::is_finite(type->info(), {message->data, type->size()}));
  }
  const Ref bytes{PyObject_Bytes(given)};
  if (!bytes) return nullptr;
  const auto* const data = reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(bytes.ptr()));
  return PyBool_FromLong(shm::is_finite(
      type->info(), {data, static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))}));
}

/// Every message class of the process, with a hash table by Python class.
///
/// Thread safety: types() from any thread, the rest with the GIL.
class Registry {
 public:
  /// Takes ownership of a type whose class was made. Requires room().
  void add(std::unique_ptr<MessageType> type) {
    std::size_t slot = slot_of(type->python());
    while (slots_[slot].first != nullptr) slot = (slot + 1) % kSlots;
    slots_[slot] = {type->python(), type.get()};
    const std::size_t count = types().size();
    types_[count] = type.release();
    count_.store(count + 1, std::memory_order_release);
  }
  bool room() const noexcept { return types().size() < kMaxTypes; }
  MessageType* find(const PyTypeObject* python) const noexcept {
    std::size_t slot = slot_of(python);
    while (slots_[slot].first != python && slots_[slot].first != nullptr) {
      slot = (slot + 1) % kSlots;
    }
    return slots_[slot].second;
  }
  /// Without the GIL as well: an event node looks for its topic's type while it waits.
  std::span<MessageType* const> types() const noexcept {
    // acquire: pairs with the release in add(); every entry that counts is complete.
    return {types_.data(), count_.load(std::memory_order_acquire)};
  }

  static constexpr std::size_t kMaxTypes = 256;

 private:
  static constexpr std::size_t kSlots = 2 * kMaxTypes;  // At least half stay empty: searches end.
  static std::size_t slot_of(const PyTypeObject* python) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(python);
    return (address * 0x9E3779B97F4A7C15ULL) >> 55;
  }
  std::atomic<std::size_t> count_{0};
  std::array<MessageType*, kMaxTypes> types_{};
  std::array<std::pair<const PyTypeObject*, MessageType*>, kSlots> slots_{};
};

/// Never emptied: message objects may be freed at the very end of the interpreter, and need their
/// types for that.
constinit Registry registry;

/// Whether this process has a class, of the same layout, for every message nested in `info`. False
/// with ValueError set.
bool knows_nested(const shm::TypeInfo& info) {
  for (const shm::FieldInfo& row : info.fields) {
    if (row.nested == nullptr) continue;
    const MessageType* const known = find_message_type(*row.nested);
    if (known == nullptr || known->info().hash != row.nested->hash) {
      PyErr_Format(PyExc_ValueError, "%s.%s: this program has no message %s of that layout",
                   std::string(info.name).c_str(), std::string(row.name).c_str(),
                   std::string(row.nested->name).c_str());
      return false;
    }
  }
  return true;
}

/// Makes the class of a program's own message, or finds it where the same one was defined before. A
/// new reference; null with an exception set.
PyObject* define(const shm::ParsedType& parsed, const char* module, PyObject* defaults) {
  const std::string name{parsed.info().name};
  auto type = std::make_unique<MessageType>(parsed);
  if (!knows_nested(parsed.info()) || !type->prepare(defaults)) return nullptr;
  if (const MessageType* const known = find_message_type(name)) {
    if (known->same_as(*type)) return Py_NewRef(as_object(known->python()));
    PyErr_Format(PyExc_ValueError, "message %s has another definition in this program: %s",
                 name.c_str(), shm::schema_of(known->info()).c_str());
    return nullptr;
  }
  if (name == "Image" || name == shm::generic_type().name) {
    PyErr_Format(PyExc_ValueError, "a message may not be named %s", name.c_str());
    return nullptr;
  }
  if (!registry.room()) {
    PyErr_Format(PyExc_ValueError, "message %s: a program has at most %zu message classes",
                 name.c_str(), Registry::kMaxTypes);
    return nullptr;
  }
  if (!type->make_class(module)) {
    static_cast<void>(type.release());  // Leaked: a half-made class may still refer to it.
    return nullptr;
  }
  PyObject* const python = as_object(type->python());
  registry.add(std::move(type));
  return Py_NewRef(python);
}

PyObject* define_message(PyObject* /*module*/, PyObject* values) noexcept {
  PyObject* text = nullptr;
  const char* module = nullptr;
  PyObject* defaults = nullptr;
  if (PyArg_ParseTuple(values, "UsO!:_define_message", &text, &module, &PyDict_Type, &defaults) ==
      0) {
    return nullptr;
  }
  Py_ssize_t length = 0;
  const char* const schema = PyUnicode_AsUTF8AndSize(text, &length);
  if (schema == nullptr) return nullptr;
  const auto parsed = shm::parse_schema({schema, static_cast<std::size_t>(length)});
  return parsed ? define(parsed.value(), module, defaults) : set_error(parsed.error());
}

PyObject* schema_of(PyObject* /*module*/, PyObject* of) noexcept {
  const MessageType* type = nullptr;
  if (PyUnicode_Check(of)) {
    const char* const name = PyUnicode_AsUTF8(of);
    if (name == nullptr) return nullptr;
    type = find_message_type(std::string_view{name});
  } else {
    type = find_message_type(reinterpret_cast<PyTypeObject*>(of));
  }
  if (type == nullptr) return new_none();
  const std::string schema = shm::schema_of(type->info());
  return PyUnicode_FromStringAndSize(schema.data(), static_cast<Py_ssize_t>(schema.size()));
}

PyMethodDef functions[] = {
    {"_define_message", define_message, METH_VARARGS,
     "_define_message(schema, module, defaults, /)\n--\n\nThe class of a schema."},
    {"is_finite", message_is_finite, METH_O,
     "is_finite(message, /)\n--\n\nWhether no number in the message is NaN or infinite. A limit "
     "that is absent (MotorCommand.max_velocity) may be infinite."},
    {"_schema", schema_of, METH_O,
     "_schema(type_or_name, /)\n--\n\nThe schema of a message class, or None."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

MessageType* find_message_type(const PyTypeObject* python) noexcept {
  return registry.find(python);
}

MessageType* find_message_type(const shm::TypeInfo& info) noexcept {
  return find_message_type(info.name);
}

MessageType* find_message_type(std::string_view name) noexcept {
  for (MessageType* const type : registry.types()) {
    if (type->info().name == name) return type;
  }
  return nullptr;
}

MessageType* find_type_of_topic(std::string_view topic) noexcept {
  for (MessageType* const type : registry.types()) {
    if (type->info().default_topic == topic) return type;
  }
  return nullptr;
}

void bind_messages(pybind11::module_& module) {
  for (const shm::TypeInfo* info : shm::all_types()) {
    if (!registry.room()) throw std::length_error("more message types than the registry holds");
    auto type = std::make_unique<MessageType>(*info);
    if (!type->prepare() || !type->make_class()) throw pybind11::error_already_set();
    const std::string name{info->name};
    if (PyModule_AddObjectRef(module.ptr(), name.c_str(), as_object(type->python())) < 0) {
      throw pybind11::error_already_set();
    }
    registry.add(std::move(type));
  }
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw pybind11::error_already_set();
}

}  // namespace horus::py

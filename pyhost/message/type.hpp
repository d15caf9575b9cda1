// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <horus/message.hpp>
#include <horus/time.hpp>

#include "pyhost/message/object.hpp"
#include "shm/schema.hpp"

namespace horus::py {

/// One argument of a message class's constructor.
struct Argument {
  // What most calls need comes first, side by side; `field` repeats some of it.
  PyObject* name = nullptr;  ///< Interned.
  std::uint32_t offset = 0;
  shm::Kind kind = shm::Kind::kU8;
  bool number = false;    ///< A single number or bool; no array, no text.
  bool required = false;  ///< It has no default.
  Field field;
};

/// The Python class of one message type, with all that its functions need. It is made from the
/// type's table alone.
///
/// Thread safety: with the GIL; info() without it.
class MessageType {
 public:
  explicit MessageType(const shm::TypeInfo& info);
  explicit MessageType(shm::ParsedType parsed);
  ~MessageType();
  MessageType(const MessageType&) = delete;
  MessageType& operator=(const MessageType&) = delete;

  /// Reads the table. `defaults`: a dict of defaults of arguments, which replace the table's; null:
  /// none. False with a Python exception set.
  bool prepare(PyObject* defaults = nullptr);
  /// Makes the class; call after prepare(). False with a Python exception set.
  bool make_class(std::string_view module = "horus");
  /// Whether both have the same layout and defaults.
  bool same_as(const MessageType& other) const noexcept {
    return info_.hash == other.info_.hash && defaults_ == other.defaults_;
  }

  const shm::TypeInfo& info() const noexcept { return info_; }
  /// The Python class; null before make_class().
  PyTypeObject* python() const noexcept { return python_; }
  /// The bytes that a message object has behind its head: the message; where its size varies, the
  /// message's head and the references to its tails (varying.hpp).
  std::size_t size() const noexcept { return size_; }
  /// Whether messages of this type vary in size.
  bool varies() const noexcept { return info_.varies(); }
  std::span<const Argument> arguments() const noexcept { return arguments_; }
  std::span<const Field> fields() const noexcept { return fields_; }
  /// See buffer_format().
  const char* format() const noexcept { return format_.c_str(); }

  /// A message whose bytes are not set, a new reference; null with MemoryError set. Takes it from
  /// the type's free list if there is one there.
  MessageObject* allocate() noexcept {
    if (free_count_ == 0) [[unlikely]]
      return allocate_fresh();
    return free_[--free_count_];
  }
  /// tp_dealloc: takes a message whose last reference is gone into the free list, or frees it.
  void recycle(MessageObject* message) noexcept {
    if (message->owner != nullptr) [[unlikely]]
      leave_owner(message);
    if (free_count_ == free_limit_) [[unlikely]]
      return give_back(message);
    // In the free list it keeps its reference to its class. allocate() hands it out as it is.
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(message), 1);
    free_[free_count_++] = message;
  }

  /// A view of a message of this type that lies at `data` inside `owner`. A new reference; null
  /// with an exception set.
  PyObject* view(std::byte* data, PyObject* owner) noexcept;
  /// A message from a dict of constructor arguments, a new reference; null with an exception set.
  MessageObject* from_dict(PyObject* dict) noexcept;

  /// A message from the arguments of a vectorcall: `positional` values, then those of `names`. A
  /// new reference; null with an exception set. Does not make the tails, see fill_tails().
  PyObject* construct(PyObject* const* values, std::size_t positional, PyObject* names) noexcept;

 private:
  static constexpr std::size_t kMaxFree = 256;
  static constexpr std::size_t kMaxFreeBytes = std::size_t{256} * 1024;

  MessageObject* allocate_fresh() noexcept;
  static void leave_owner(MessageObject* message) noexcept;
  static void give_back(MessageObject* message) noexcept;
  void make_fields();
  void nest_defaults();
  bool make_arguments();
  bool set_defaults(PyObject* defaults);
  void make_accessors();
  void make_methods();
  void make_signature();
  MessageObject* with_defaults() noexcept;
  MessageObject* with_stamp(MessageObject* message) const noexcept;
  std::size_t in_order(std::size_t positional, PyObject* names, std::size_t named) const noexcept;
  int find_argument(PyObject* name, std::size_t guess) const noexcept;
  int find_by_text(PyObject* name) const noexcept;
  int set_argument(std::byte* data, std::size_t index, PyObject* value) const noexcept;
  int set_named(std::byte* data, int index, PyObject* value, std::uint64_t& given) const noexcept;
  int set_twice(std::size_t index) const noexcept;
  int check_given(std::uint64_t given) const noexcept;
  void set_also(std::byte* data) const noexcept;

  std::optional<shm::ParsedType> parsed_;  ///< Holds info_ of a program's own type.
  const shm::TypeInfo& info_;
  std::size_t size_;
  PyTypeObject* python_ = nullptr;
  std::vector<Argument> arguments_;
  std::uint64_t required_ = 0;  ///< Bit i is set: argument i has no default.
  /// An argument that sets a second field as well; see ArgInfo::also.
  struct Also {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::uint32_t size = 0;
  };
  std::vector<Also> also_;
  std::vector<std::byte> defaults_;  ///< The bytes of a message before its arguments are set.
  Field stamp_;          ///< The field that is set to the time of making; size 0: there is none.
  Nanos stamp_unit_{1};  ///< The unit of that field.
  std::unique_ptr<MessageObject*[]> free_;  ///< The free list, of at most free_limit_ messages.
  std::size_t free_count_ = 0;
  std::size_t free_limit_ = 0;
  std::vector<Field> fields_;
  std::vector<Field> shortcuts_;  ///< Attributes for arguments that are no field ("accel_x").
  std::vector<PyGetSetDef> accessors_;
  std::vector<PyMethodDef> methods_;
  std::string qualified_name_;
  std::string format_;
  std::string doc_;
};

}  // namespace horus::py

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

#include "pyhost/message/object.hpp"
#include "rt/base/time.hpp"
#include "shm/message.hpp"
#include "shm/schema.hpp"

namespace horus::py {

/// One argument of a constructor.
struct Argument {
  // What most calls need, side by side; `field` says the same and more.
  PyObject* name = nullptr;  ///< Interned.
  std::uint32_t offset = 0;
  shm::Kind kind = shm::Kind::kU8;
  bool number = false;  ///< One number or bool, no array or text.
  bool required = false;
  Field field;
};

/// A message type's Python class and what its functions need, made from its table alone.
class MessageType {
 public:
  explicit MessageType(const shm::TypeInfo& info);
  explicit MessageType(shm::ParsedType parsed);
  ~MessageType();
  MessageType(const MessageType&) = delete;
  MessageType& operator=(const MessageType&) = delete;

  /// Reads the table. `defaults` are those of arguments, on top of its own. False with a Python
  /// exception set.
  bool prepare(PyObject* defaults = nullptr);
  /// Makes the class, after prepare(). False with a Python exception set.
  bool make_class(std::string_view module = "horus");
  bool same_as(const MessageType& other) const noexcept {
    return info_.hash == other.info_.hash && defaults_ == other.defaults_;
  }

  const shm::TypeInfo& info() const noexcept { return info_; }
  PyTypeObject* python() const noexcept { return python_; }
  /// Bytes of a message object's own memory: the message, or the head and what holds the tails.
  std::size_t size() const noexcept { return size_; }
  bool varies() const noexcept { return info_.varies(); }
  std::span<const Argument> arguments() const noexcept { return arguments_; }
  std::span<const Field> fields() const noexcept { return fields_; }
  /// The message's struct as PEP 3118 writes it.
  const char* format() const noexcept { return format_.c_str(); }

  /// A message whose bytes are not set yet; null with MemoryError set. It comes from this type's
  /// free list where there is one.
  MessageObject* allocate() noexcept {
    if (free_count_ == 0) [[unlikely]]
      return allocate_fresh();
    return free_[--free_count_];
  }
  /// Takes a message whose last reference is gone.
  void recycle(MessageObject* message) noexcept {
    if (message->owner != nullptr) [[unlikely]]
      leave_owner(message);
    if (free_count_ == free_limit_) [[unlikely]]
      return give_back(message);
    // It keeps its reference to its class, and is handed out again as it is.
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(message), 1);
    free_[free_count_++] = message;
  }

  /// A view of a message of this type that lies at `data` inside `owner`.
  PyObject* view(std::byte* data, PyObject* owner) noexcept;
  /// A message built from a dict of constructor arguments; null with an exception set.
  MessageObject* from_dict(PyObject* dict) noexcept;

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

  std::optional<shm::ParsedType> parsed_;  ///< Of a type that this process has no table of.
  const shm::TypeInfo& info_;
  std::size_t size_;
  PyTypeObject* python_ = nullptr;
  std::vector<Argument> arguments_;
  std::uint64_t required_ = 0;  ///< Bit i: argument i has no default.
  /// Where a number goes that has a second place; see ArgInfo::also.
  struct Also {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::uint32_t size = 0;
  };
  std::vector<Also> also_;
  std::vector<std::byte> defaults_;
  Field stamp_;  ///< Set to now; its size is 0: no field is.
  Nanos stamp_unit_{1};
  std::unique_ptr<MessageObject*[]> free_;  ///< Messages to hand out again, free_limit_ at most.
  std::size_t free_count_ = 0;
  std::size_t free_limit_ = 0;
  std::vector<Field> fields_;
  std::vector<Field> shortcuts_;  ///< Arguments that are no field but stay attributes ("accel_x").
  std::vector<PyGetSetDef> accessors_;
  std::vector<PyMethodDef> methods_;
  std::string qualified_name_;
  std::string format_;
  std::string doc_;
};

}  // namespace horus::py

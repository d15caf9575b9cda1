// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shm/dtype.hpp"
#include "shm/message.hpp"

namespace horus::py {

struct MessageObject;

/// Where a value lies in a message: a field, one element of it, or a field of a nested message.
struct Place {
  std::string name;       ///< "linear": the attribute.
  std::string full_name;  ///< "CmdVel.linear": for errors.
  shm::Kind kind = shm::Kind::kU8;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;   ///< Bytes of one element.
  std::uint32_t count = 1;  ///< Elements.
  bool array = false;
  const shm::TypeInfo* nested = nullptr;  ///< kMessage only.
  std::uint32_t counter_offset = 0;       ///< Arrays with a field that counts their elements.
  std::uint32_t counter_size = 0;         ///< 0: no such field.
  bool counter_shared = false;            ///< It counts the elements of other arrays too.
  std::string_view counter_name = {};     ///< "joint_count".
  bool whole = false;                     ///< An array that is given with all of its elements.
  const shm::TypeInfo* holder = nullptr;  ///< With `tail` and `base`: the message's type.
  const shm::TailInfo* tail = nullptr;    ///< An array of its own: `offset` is where it is held.
  const shm::TypeInfo* base = nullptr;    ///< The message that this one begins with, as a whole.
  bool counts_tail = false;               ///< Says how long a tail is: set with it alone.
  std::uint32_t most = 0;                 ///< Counts elements of arrays that hold so many; 0: not.
  std::string doc{};                      ///< "[m/s]: Forward.": the attribute's docstring.
};

/// The place that `path` names in messages of `type` ("x", "pose.x", "linear[2]"). False when
/// there is none: a fault of the declaration.
bool find_place(const shm::TypeInfo& type, std::string_view path, Place& found);

/// Sets the value. 0, or -1 with TypeError or ValueError set, the message unchanged but for
/// elements before the faulty one.
int store(std::byte* message, const Place& place, PyObject* value) noexcept;
int store_scalar(std::byte* at, const Place& place, PyObject* value) noexcept;
/// Of what is given for an array; -1 with TypeError set where it is no sequence.
Py_ssize_t length_of_values(const Place& place, PyObject* value) noexcept;

/// A new reference: number, bool, str, a view of an array or of a nested message, or a list of
/// texts or messages. Null with an exception set.
PyObject* load(MessageObject* message, const Place& place) noexcept;
PyObject* load_scalar(const std::byte* at, shm::Kind kind) noexcept;

/// What NumPy calls the numbers of this kind.
shm::Dtype dtype_of(shm::Kind kind) noexcept;

/// Elements in use: what the counting field says, or all.
std::uint32_t used(const std::byte* message, const Place& place) noexcept;

/// Whether two messages hold equal values there (NaN differs from itself, text ends at its zero).
bool same_value(const std::byte* a, const std::byte* b, const Place& place) noexcept;

/// A number as Python writes it, a float of 32 bits with no more digits than it needs.
std::string describe_scalar(const std::byte* at, shm::Kind kind);
/// "linear=1.0"'s right side, arrays of more than eight elements as "<360 values>".
std::string describe(MessageObject* message, const Place& place);

}  // namespace horus::py

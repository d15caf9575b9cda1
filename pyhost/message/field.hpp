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
struct Field {
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

/// Where `path` leads in messages of `type` ("x", "pose.x", "linear[2]"). False when
/// there is none: a fault of the declaration.
bool find_field(const shm::TypeInfo& type, std::string_view path, Field& found);

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <horus/message.hpp>
#include <horus/payload.hpp>

namespace horus::py {

struct MessageObject;

/// Where a value lies in a message. It may be a field, one element of an array, a field of a nested
/// message, a tail (an array whose length varies), or the message that this one begins with.
struct Field {
  std::string name;       ///< The attribute: "linear".
  std::string full_name;  ///< For errors: "CmdVel.linear".
  shm::Kind kind = shm::Kind::kU8;
  std::uint32_t offset = 0;               ///< Bytes from the start of the message.
  std::uint32_t size = 0;                 ///< Bytes of one element.
  std::uint32_t count = 1;                ///< Elements.
  bool array = false;                     ///< An array, even one of a single element.
  const shm::TypeInfo* nested = nullptr;  ///< The nested message's type; kMessage only.
  std::uint32_t counter_offset = 0;       ///< Where the field lies that counts the elements.
  std::uint32_t counter_size = 0;         ///< Bytes of that field; 0: there is none.
  bool counter_shared = false;            ///< That field counts the elements of other arrays too.
  std::string_view counter_name = {};     ///< Name of that field: "joint_count".
  bool whole = false;                     ///< The array is always set with all its elements.
  const shm::TypeInfo* holder = nullptr;  ///< The message's type; only with `tail` or `base`.
  const shm::TailInfo* tail = nullptr;    ///< A tail; `offset` is where its array is referred to.
  const shm::TypeInfo* base = nullptr;    ///< The type of the message that this one begins with.
  bool counts_tail = false;  ///< Counts a tail's elements; read-only, as the tail sets it.
  std::uint32_t most = 0;    ///< Largest value of a field that counts elements; 0: counts none.
  std::string doc{};         ///< The attribute's docstring: "[m/s]: Forward.".
};

/// Finds the value that `path` ("x", "pose.x", "linear[2]") leads to in messages of `type`. Sets
/// neither names nor docs. False when there is none, which is a fault of the type's declaration.
bool find_field(const shm::TypeInfo& type, std::string_view path, Field& found);

}  // namespace horus::py

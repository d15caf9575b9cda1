// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "shm/message.hpp"

namespace horus::interop {

template <typename T>
T load(std::span<const std::byte> bytes) noexcept {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// How many elements of a field are in use: the word of whoever sent it, so never more than fit.
inline std::size_t used(const shm::TypeInfo& type, const shm::FieldInfo& field,
                        std::span<const std::byte> message) noexcept {
  if (field.counted_by.empty()) return field.count;
  const shm::FieldInfo* const by = shm::find_field(type, field.counted_by);
  if (by == nullptr || by->size > sizeof(std::uint64_t)) return field.count;
  std::uint64_t count = 0;
  std::memcpy(&count, message.data() + by->offset, by->size);  // Little-endian.
  return static_cast<std::size_t>(std::min<std::uint64_t>(count, field.count));
}

}  // namespace horus::interop

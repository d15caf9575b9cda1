// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace horus::shm {

/// Element types of tensors; the numbers travel in descriptors.
enum class Dtype : std::uint8_t {
  kF32,
  kF64,
  kF16,
  kBf16,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool
};
inline constexpr std::size_t kDtypes = 13;

std::size_t size_of(Dtype dtype) noexcept;       ///< Bytes of one element.
std::string_view name_of(Dtype dtype) noexcept;  ///< "float32"; zero-terminated.
std::optional<Dtype> parse_dtype(std::string_view name) noexcept;

}  // namespace horus::shm

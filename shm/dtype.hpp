// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "shm/message.hpp"

namespace horus::shm {

/// Element types of tensors. Their numbers are sent in descriptors, so they never change.
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
inline constexpr std::size_t kMaxDimensions = 8;  ///< Of a tensor.

/// DLDataTypeCode of DLPack 1.0.
enum class DlpackCode : std::uint8_t {
  kSigned = 0,
  kUnsigned = 1,
  kFloat = 2,
  kBfloat = 4,
  kBool = 6
};

/// The names of an element type in other systems.
struct DtypeInfo {
  const char* name;    ///< "float32"
  std::size_t size;    ///< Bytes of one element.
  const char* schema;  ///< "f32": in a message's schema; null if no field can have this type.
  const char* array;   ///< "<f4": NumPy's array interface, which has no bfloat16: two bytes there.
  const char* buffer;  ///< "f": PEP 3118, native sizes; null for bfloat16.
  DlpackCode dlpack;
};
const DtypeInfo& info(Dtype dtype) noexcept;

std::size_t size_of(Dtype dtype) noexcept;       ///< Bytes of one element.
std::string_view name_of(Dtype dtype) noexcept;  ///< "float32"
std::optional<Dtype> parse_dtype(std::string_view name) noexcept;

/// The element type of a tensor for numbers of this kind of field.
Dtype dtype_of(Kind kind) noexcept;

}  // namespace horus::shm

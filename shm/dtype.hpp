// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include <horus/message.hpp>
#include <horus/payload.hpp>

namespace horus::shm {

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

/// The element type of a tensor for numbers of this kind of field.
Dtype dtype_of(Kind kind) noexcept;

}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
#include "shm/dtype.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

#include <horus/payload.hpp>

namespace horus::shm {
namespace {

constexpr std::array<DtypeInfo, kDtypes> kInfo{{
    {"float32", 4, "f32", "<f4", "f", DlpackCode::kFloat},
    {"float64", 8, "f64", "<f8", "d", DlpackCode::kFloat},
    {"float16", 2, nullptr, "<f2", "e", DlpackCode::kFloat},
    {"bfloat16", 2, nullptr, "<V2", nullptr, DlpackCode::kBfloat},
    {"int8", 1, "i8", "|i1", "b", DlpackCode::kSigned},
    {"int16", 2, "i16", "<i2", "h", DlpackCode::kSigned},
    {"int32", 4, "i32", "<i4", "i", DlpackCode::kSigned},
    {"int64", 8, "i64", "<i8", "l", DlpackCode::kSigned},
    {"uint8", 1, "u8", "|u1", "B", DlpackCode::kUnsigned},
    {"uint16", 2, "u16", "<u2", "H", DlpackCode::kUnsigned},
    {"uint32", 4, "u32", "<u4", "I", DlpackCode::kUnsigned},
    {"uint64", 8, "u64", "<u8", "L", DlpackCode::kUnsigned},
    {"bool", 1, "bool", "|b1", "?", DlpackCode::kBool},
}};

}  // namespace

const DtypeInfo& info(Dtype dtype) noexcept {
  return kInfo[static_cast<std::size_t>(dtype) % kInfo.size()];
}

std::size_t size_of(Dtype dtype) noexcept {
  return info(dtype).size;
}

std::string_view name_of(Dtype dtype) noexcept {
  return info(dtype).name;
}

std::optional<Dtype> parse_dtype(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kInfo, name, &DtypeInfo::name);
  if (found == kInfo.end()) return std::nullopt;
  return static_cast<Dtype>(found - kInfo.begin());
}

Dtype dtype_of(Kind kind) noexcept {
  return with_number(kind, []<typename T>(T) {
    if (std::is_same_v<T, bool>) return Dtype::kBool;
    if (std::is_floating_point_v<T>) return sizeof(T) == 4 ? Dtype::kF32 : Dtype::kF64;
    const Dtype first = std::is_signed_v<T> ? Dtype::kI8 : Dtype::kU8;
    return static_cast<Dtype>(static_cast<int>(first) + std::countr_zero(sizeof(T)));
  });
}

}  // namespace horus::shm

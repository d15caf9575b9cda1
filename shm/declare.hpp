// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "shm/message.hpp"

/// What a declaration in shm/msg/ is made of: a struct, and one row a field in its order.
///   HORUS_FIELD(type, member, unit, doc)         a number, an array of numbers, or a message
///   HORUS_TEXT(type, member, unit, doc)          zero-terminated bytes, or an array of such
///   HORUS_COUNTED(type, member, unit, doc, by)   an array of which `by` says how much is in use
#define HORUS_FIELD(type, member, unit, doc)                                                  \
  ::horus::shm::detail::field<decltype(type::member), false>(#member, offsetof(type, member), \
                                                             unit, doc)
#define HORUS_TEXT(type, member, unit, doc)                                                        \
  ::horus::shm::detail::field<decltype(type::member), true>(#member, offsetof(type, member), unit, \
                                                            doc)
#define HORUS_COUNTED(type, member, unit, doc, by)                                            \
  ::horus::shm::detail::field<decltype(type::member), false>(#member, offsetof(type, member), \
                                                             unit, doc, by)
#define HORUS_COUNTED_TEXT(type, member, unit, doc, by)                                            \
  ::horus::shm::detail::field<decltype(type::member), true>(#member, offsetof(type, member), unit, \
                                                            doc, by)

namespace horus::shm::detail {

template <typename T>
constexpr Kind kind_of() noexcept {
  if constexpr (std::is_same_v<T, bool>) return Kind::kBool;
  if constexpr (std::is_same_v<T, std::uint8_t>) return Kind::kU8;
  if constexpr (std::is_same_v<T, std::int8_t>) return Kind::kI8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return Kind::kU16;
  if constexpr (std::is_same_v<T, std::int16_t>) return Kind::kI16;
  if constexpr (std::is_same_v<T, std::uint32_t>) return Kind::kU32;
  if constexpr (std::is_same_v<T, std::int32_t>) return Kind::kI32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return Kind::kU64;
  if constexpr (std::is_same_v<T, std::int64_t>) return Kind::kI64;
  if constexpr (std::is_same_v<T, float>) return Kind::kF32;
  if constexpr (std::is_same_v<T, double>) return Kind::kF64;
  return Kind::kMessage;
}

/// A text's innermost array is the element; of everything else the element is what is no array.
template <typename Member, bool text>
FieldInfo field(std::string_view name, std::size_t offset, std::string_view unit,
                std::string_view doc, std::string_view counted_by = {}) noexcept {
  constexpr std::size_t kRank = std::rank_v<Member>;
  static_assert(!text || kRank >= 1);
  using Scalar = std::remove_all_extents_t<Member>;
  constexpr std::size_t kTextSize = text ? std::extent_v < Member, text ? kRank - 1 : 0 > : 0;
  constexpr std::size_t kSize = text ? kTextSize : sizeof(Scalar);
  FieldInfo info{.name = name,
                 .kind = text ? Kind::kText : kind_of<Scalar>(),
                 .offset = static_cast<std::uint32_t>(offset),
                 .size = static_cast<std::uint32_t>(kSize),
                 .count = static_cast<std::uint32_t>(sizeof(Member) / kSize),
                 .array = kRank > (text ? 1U : 0U),
                 .nested = nullptr,
                 .unit = unit,
                 .doc = doc,
                 .counted_by = counted_by};
  if constexpr (!text && kind_of<Scalar>() == Kind::kMessage) {
    info.nested = &type_info(Tag<Scalar>{});
  }
  return info;
}

/// FNV-1a over what makes two layouts the same; see TypeInfo::hash.
std::uint64_t layout_hash(const TypeInfo& type) noexcept;

template <typename T>
TypeInfo make_type(std::string_view name, std::string_view topic, std::string_view doc,
                   std::span<const FieldInfo> fields, std::span<const ArgInfo> args) noexcept {
  TypeInfo type{.name = name,
                .default_topic = topic,
                .size = sizeof(T),
                .align = alignof(T),
                .hash = 0,
                .fields = fields,
                .args = args,
                .doc = doc};
  type.hash = layout_hash(type);
  return type;
}

}  // namespace horus::shm::detail

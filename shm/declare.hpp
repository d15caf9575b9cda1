// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "shm/message.hpp"

/// The parts of a message's declaration (see shm/msg/): a struct, and one row for each field, in
/// the order of the struct.
///   HORUS_FIELD(type, member, unit, doc)         a number, an array of numbers, or a message
///   HORUS_TEXT(type, member, unit, doc)          zero-terminated bytes, or an array of such
///   HORUS_COUNTED(type, member, unit, doc, by)   an array; the field `by` says how many are used
///   HORUS_COUNTED_TEXT(type, member, ...)        an array of texts, counted in the same way
///   HORUS_PADDING(type, member)                  bytes without a meaning
/// A row may be wrapped in in_part(...) or limit(...). Each array that follows the struct has one
/// HORUS_TAIL(element, name, unit, doc, by...). An optional last argument of a row is the offset
/// that the field must have; the compiler checks it.
#define HORUS_ROW(text, type, member, ...)                  \
  ::horus::shm::detail::field<decltype(type::member), text, \
                              offsetof(type, member) __VA_OPT__(, ) __VA_ARGS__>
#define HORUS_FIELD(type, member, unit, doc, ...) \
  HORUS_ROW(false, type, member, __VA_ARGS__)(#member, unit, doc)
#define HORUS_TEXT(type, member, unit, doc, ...) \
  HORUS_ROW(true, type, member, __VA_ARGS__)(#member, unit, doc)
#define HORUS_COUNTED(type, member, unit, doc, by, ...) \
  HORUS_ROW(false, type, member, __VA_ARGS__)(#member, unit, doc, by)
#define HORUS_COUNTED_TEXT(type, member, unit, doc, by, ...) \
  HORUS_ROW(true, type, member, __VA_ARGS__)(#member, unit, doc, by)
#define HORUS_PADDING(type, member, ...) \
  ::horus::shm::detail::padding(HORUS_ROW(false, type, member, __VA_ARGS__)(#member, "", ""))
#define HORUS_TAIL(element, name, unit, doc, ...) \
  ::horus::shm::detail::tail<element>(#name, unit, doc, {__VA_ARGS__})

namespace horus::shm {

/// The value of a limit that is absent; see FieldInfo::limit.
inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// An argument of the Python constructor. Its default is the field's value in a new message.
/// Without a path it sets the field of the same name; `also`: see ArgInfo.
constexpr ArgInfo arg(std::string_view name, std::string_view path = {},
                      std::string_view also = {}) noexcept {
  return {.name = name, .path = path.empty() ? name : path, .also = also};
}
/// An argument that is a whole message of another type, with which this type begins.
constexpr ArgInfo base(std::string_view name, const TypeInfo& type) noexcept {
  return {.name = name, .path = {}, .base = &type};
}
/// An argument without a default.
constexpr ArgInfo required(std::string_view name, std::string_view path = {}) noexcept {
  return {.name = name, .path = path.empty() ? name : path, .required = true};
}

/// Marks an array of which the first elements may be given alone; see FieldInfo::in_part.
constexpr FieldInfo in_part(FieldInfo field) noexcept {
  field.in_part = true;
  return field;
}

/// Marks a limit that may be absent; see FieldInfo::limit.
constexpr FieldInfo limit(FieldInfo field) noexcept {
  field.limit = true;
  return field;
}

/// A tail whose elements are `fill`, not 0, before anything is set.
constexpr TailInfo filled(TailInfo tail, std::int8_t fill) noexcept {
  tail.fill = fill;
  return tail;
}

/// A type whose Python constructor stores the current time in `field`; see TypeInfo::stamp.
inline TypeInfo stamped(TypeInfo type, std::string_view field = "timestamp_ns") noexcept {
  type.stamp = field;
  return type;
}

/// A type with a neutral message, one that asks nobody to move: `message`, or a new message by
/// default. See TypeInfo::neutral.
template <typename T>
TypeInfo neutral(TypeInfo type, const T& message = {}) noexcept {
  static const T kNeutral = message;
  type.neutral = std::as_bytes(std::span{&kNeutral, 1});
  return type;
}

namespace detail {

template <typename T>
constexpr Kind kind_of() noexcept {
  if constexpr (std::is_same_v<T, Flag>) return Kind::kBool;
  for (Kind kind{}; is_number(kind); kind = next(kind)) {
    if (with_number(kind, []<typename U>(U) { return std::is_same_v<T, U>; })) return kind;
  }
  return Kind::kMessage;
}

/// One row of a type's table. The element of a text is its innermost array; of any other member it
/// is the scalar.
template <typename Member, bool text, std::size_t offset, std::size_t declared = offset>
FieldInfo field(std::string_view name, std::string_view unit, std::string_view doc,
                std::string_view counted_by = {}) noexcept {
  static_assert(offset == declared, "the field does not lie where its row says");
  constexpr std::size_t kRank = std::rank_v<Member>;
  static_assert(!text || kRank >= 1);
  using Scalar = std::remove_all_extents_t<Member>;
  constexpr std::size_t kTextSize = text ? std::extent_v < Member, text ? kRank - 1 : 0 > : 0;
  constexpr std::size_t kSize = text ? kTextSize : sizeof(Scalar);
  FieldInfo info{.name = name,
                 .kind = text ? Kind::kText : kind_of<Scalar>(),
                 .offset = std::uint32_t{offset},
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

constexpr FieldInfo padding(FieldInfo field) noexcept {
  field.kind = Kind::kPadding;
  return field;
}

template <typename Element>
constexpr TailInfo tail(std::string_view name, std::string_view unit, std::string_view doc,
                        std::array<std::string_view, 2> counted_by) noexcept {
  static_assert(kind_of<Element>() != Kind::kMessage);
  return {.name = name,
          .kind = kind_of<Element>(),
          .size = sizeof(Element),
          .counted_by = counted_by,
          .unit = unit,
          .doc = doc};
}
/// The hash of the type's schema, for TypeInfo::hash.
std::uint64_t layout_hash(const TypeInfo& type);
/// One constructor argument for each field, in their order.
std::vector<ArgInfo> args_of(std::span<const FieldInfo> fields);

}  // namespace detail

/// The table of T. The compiler checks the declared size and alignment. What the table refers to
/// must live as long as the process.
template <typename T, std::size_t size = sizeof(T), std::size_t align = alignof(T)>
TypeInfo make_type(std::string_view name, std::string_view topic, std::string_view doc,
                   std::span<const FieldInfo> fields, std::span<const ArgInfo> args) noexcept {
  static_assert(sizeof(T) == size && alignof(T) == align, "not of the declared size");
  static_assert(std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T>);
  static const T kInitial{};
  TypeInfo type{.name = name,
                .default_topic = topic,
                .size = sizeof(T),
                .align = alignof(T),
                .hash = 0,
                .fields = fields,
                .args = args,
                .doc = doc,
                .initial = std::as_bytes(std::span{&kInitial, 1})};
  type.hash = detail::layout_hash(type);
  return type;
}

/// The same, for a type whose Python constructor takes the fields in their order.
template <typename T, std::size_t size = sizeof(T), std::size_t align = alignof(T)>
TypeInfo make_type(std::string_view name, std::string_view topic, std::string_view doc,
                   std::span<const FieldInfo> fields) noexcept {
  static const std::vector<ArgInfo> kArgs = detail::args_of(fields);
  return make_type<T, size, align>(name, topic, doc, fields, kArgs);
}

/// The table of a message with tails; `head` is the table of its fixed part.
inline VaryingInfo with_tails(const TypeInfo& head, std::span<const TailInfo> tails) noexcept {
  VaryingInfo type{head};
  type.tails = tails;
  type.hash = detail::layout_hash(type);
  return type;
}

}  // namespace horus::shm

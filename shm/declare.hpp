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

/// What a declaration in shm/msg/ is made of: a struct, and one row a field in its order.
///   HORUS_FIELD(type, member, unit, doc)         a number, an array of numbers, or a message
///   HORUS_TEXT(type, member, unit, doc)          zero-terminated bytes, or an array of such
///   HORUS_COUNTED(type, member, unit, doc, by)   an array of which `by` says how much is in use
///   HORUS_PADDING(type, member)                  bytes that stand for nothing
/// each perhaps in in_part(...) or limit(...), and one HORUS_TAIL(element, name, unit, doc, by...)
/// for each array that follows the struct. A last argument, where there is one, is the offset that
/// the compiler holds the field to.
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

/// What a limit is when there is none.
inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// An argument of the Python constructor; its default is what stands there in a message that was
/// just made. Without a path it goes to the field of its name; `also`: see ArgInfo.
constexpr ArgInfo arg(std::string_view name, std::string_view path = {},
                      std::string_view also = {}) noexcept {
  return {.name = name, .path = path.empty() ? name : path, .also = also};
}
/// One that is a whole message of another type, which this one begins with.
constexpr ArgInfo base(std::string_view name, const TypeInfo& type) noexcept {
  return {.name = name, .path = {}, .base = &type};
}
/// One without a default.
constexpr ArgInfo required(std::string_view name, std::string_view path = {}) noexcept {
  return {.name = name, .path = path.empty() ? name : path, .required = true};
}

/// An array of which a part may be given; see FieldInfo::in_part.
constexpr FieldInfo in_part(FieldInfo field) noexcept {
  field.in_part = true;
  return field;
}

/// A limit that may be absent; see FieldInfo::limit.
constexpr FieldInfo limit(FieldInfo field) noexcept {
  field.limit = true;
  return field;
}

/// A tail whose elements are not 0 before anything is set.
constexpr TailInfo filled(TailInfo tail, std::int8_t fill) noexcept {
  tail.fill = fill;
  return tail;
}

/// A type whose Python constructor notes when it was called; see TypeInfo::stamp.
inline TypeInfo stamped(TypeInfo type, std::string_view field = "timestamp_ns") noexcept {
  type.stamp = field;
  return type;
}

/// A type whose initial message asks nobody to move, or `message` in its place; see
/// TypeInfo::neutral.
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

/// A text's innermost array is the element; of everything else the element is what is no array.
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
/// TypeInfo::hash of such a table.
std::uint64_t layout_hash(const TypeInfo& type);
/// An argument for each field.
std::vector<ArgInfo> args_of(std::span<const FieldInfo> fields);

}  // namespace detail

/// The table of T, whose size and alignment the compiler holds to the declared ones. Everything
/// in it lives as long as the process.
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

/// One whose constructor takes its fields in their order.
template <typename T, std::size_t size = sizeof(T), std::size_t align = alignof(T)>
TypeInfo make_type(std::string_view name, std::string_view topic, std::string_view doc,
                   std::span<const FieldInfo> fields) noexcept {
  static const std::vector<ArgInfo> kArgs = detail::args_of(fields);
  return make_type<T, size, align>(name, topic, doc, fields, kArgs);
}

/// A message with tails behind it, of which `head` is the table.
inline VaryingInfo with_tails(const TypeInfo& head, std::span<const TailInfo> tails) noexcept {
  VaryingInfo type{head};
  type.tails = tails;
  type.hash = detail::layout_hash(type);
  return type;
}

}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace horus::shm {

/// Bytes of the largest message that a topic may carry: 4 MiB.
inline constexpr std::uint32_t kMaxMessage = 1U << 22;

/// What one element of a message field is.
enum class Kind : std::uint8_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF32,
  kF64,
  kBool,     ///< Stored as u8, 0 or 1.
  kText,     ///< Zero-terminated bytes; `size` is the capacity, the zero included.
  kMessage,  ///< Another message, inline.
  kPadding,  ///< Declared padding: always zero, and not a field for users.
};

constexpr bool is_number(Kind kind) noexcept {
  return kind <= Kind::kBool;
}
constexpr Kind next(Kind kind) noexcept {
  return static_cast<Kind>(static_cast<std::uint8_t>(kind) + 1);
}

/// Calls `use` with a 0 of the C++ type of this kind's elements. A kind that is not a number gives
/// an empty result.
template <typename Use>
constexpr auto with_number(Kind kind, Use&& use) {
  switch (kind) {
    case Kind::kU8: return use(std::uint8_t{});
    case Kind::kI8: return use(std::int8_t{});
    case Kind::kU16: return use(std::uint16_t{});
    case Kind::kI16: return use(std::int16_t{});
    case Kind::kU32: return use(std::uint32_t{});
    case Kind::kI32: return use(std::int32_t{});
    case Kind::kU64: return use(std::uint64_t{});
    case Kind::kI64: return use(std::int64_t{});
    case Kind::kF32: return use(float{});
    case Kind::kF64: return use(double{});
    case Kind::kBool: return use(bool{});
    default: return decltype(use(bool{}))();
  }
}

/// The element at `at`, which need not be aligned. A bool's byte may come from another process:
/// every value but 0 is true.
template <typename T>
T element_at(const std::byte* at) noexcept {
  if constexpr (std::is_same_v<T, bool>) return *at != std::byte{0};
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct TypeInfo;

/// One field of a message: where it lies in memory and what it means.
struct FieldInfo {
  std::string_view name;
  Kind kind = Kind::kU8;
  std::uint32_t offset = 0;  ///< Bytes from the message's start.
  std::uint32_t size = 0;    ///< Bytes of one element.
  std::uint32_t count = 1;   ///< Number of elements; 1 if `array` is false.
  bool array = false;
  const TypeInfo* nested = nullptr;  ///< kMessage only.
  std::string_view unit;             ///< "m/s", "rad", "ns"; empty: none.
  std::string_view doc;
  /// Arrays: the field that holds the number of elements in use ("joint_count"); empty: all are.
  std::string_view counted_by = {};
  /// Arrays without `counted_by`: a user may give the first elements alone. The others are then 0,
  /// which says that there is no value.
  bool in_part = false;
  /// The field is an upper limit. No limit is written as infinity, which then counts as a valid
  /// number (see TopicOptions::finite).
  bool limit = false;

  /// Whether a user must give all elements. False for texts, as an empty text says that there is no
  /// value.
  bool is_whole() const noexcept {
    return array && counted_by.empty() && kind != Kind::kText && !in_part;
  }
};

/// A tail: an array of numbers that follows a message's fixed part (the head). The head says how
/// long it is.
struct TailInfo {
  std::string_view name;
  Kind kind = Kind::kU8;
  std::uint32_t size = 0;  ///< Bytes of one element.
  /// The fields of the head (u8 to u32) whose product is the number of elements. The second may be
  /// empty.
  std::array<std::string_view, 2> counted_by{};
  std::int8_t fill = 0;  ///< The value of an element before anything is set.
  std::string_view unit{};
  std::string_view doc{};
};
inline constexpr std::size_t kMaxTails = 8;

/// One argument of a message's Python constructor.
struct ArgInfo {
  std::string_view name;
  /// The field that it sets: "linear", "pose.x" (nested), "angular_velocity[2]" (one element).
  std::string_view path;
  bool required = false;
  /// The argument is a whole message of this type, whose fields and tails come first in this one.
  /// It has no path.
  const TypeInfo* base = nullptr;
  /// The path of a second field, of the same kind, that the argument sets as well; empty: none.
  std::string_view also = {};
};

/// Everything that is known about a message type at run time.
struct TypeInfo {
  std::string_view name = {};
  std::string_view default_topic = {};  ///< Empty: none.
  std::uint32_t size = 0;               ///< Bytes of the fields; 0: MessagePack values, no fields.
  std::uint32_t align = 0;
  std::uint64_t hash = 0;  ///< Hash of the schema: equal for equal layouts.
  std::span<const FieldInfo> fields = {};
  std::span<const ArgInfo> args = {};
  std::string_view doc = {};
  /// The message before anything is set, `size` bytes; empty: all zeros.
  std::span<const std::byte> initial = {};
  /// The field that the Python constructor sets to the current time, in its unit (ns or ms), unless
  /// it is given; empty: none. In C++ it is 0 until it is set.
  std::string_view stamp = {};
  /// A message that asks nobody to move, `size` bytes; empty: the type defines none.
  std::span<const std::byte> neutral = {};
  /// The arrays that follow the fields, in this order, if the size varies (shm/varying.hpp).
  std::span<const TailInfo> tails = {};

  bool varies() const noexcept { return size == 0 || !tails.empty(); }
};

/// The TypeInfo of a type that has tails. A type of its own, so that the compiler tells them apart.
struct VaryingInfo : TypeInfo {};

/// A bool whose byte may come from another process: every value but 0 is true.
class Flag {
 public:
  constexpr Flag() noexcept = default;
  // Implicit in both directions, so that it can be used as a bool.
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Flag(bool on) noexcept : byte_{static_cast<std::uint8_t>(on)} {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator bool() const noexcept { return byte_ != 0; }

 private:
  std::uint8_t byte_ = 0;
};
static_assert(sizeof(Flag) == 1);

/// A message: trivially copyable, of standard layout, with a `type_info(Tag<T>)` that its
/// declaration (shm/msg/) defines.
template <typename T>
struct Tag {};

template <typename T>
concept Message = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && requires {
  { type_info(Tag<T>{}) } -> std::same_as<const TypeInfo&>;
};

/// The head of a message whose size varies.
template <typename T>
concept VaryingMessage =
    std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && requires {
  { type_info(Tag<T>{}) } -> std::same_as<const VaryingInfo&>;
};

/// The target of a path (see ArgInfo): a field of a message, of a nested message, or one element.
struct Member {
  const TypeInfo* holder = nullptr;  ///< The type that has the field.
  const FieldInfo* field = nullptr;
  std::uint32_t offset = 0;  ///< Bytes from the start of the outermost message.
  bool element = false;      ///< The path names one element of an array.
};
/// nullopt if there is no such field or element.
std::optional<Member> find_member(const TypeInfo& type, std::string_view path) noexcept;
const FieldInfo* find_field(const TypeInfo& type, std::string_view name) noexcept;

/// How many elements of a field are in use. The number comes from the sender, so it is clipped to
/// what fits.
std::size_t used(const TypeInfo& type, const FieldInfo& field, const std::byte* message) noexcept;

/// The built-in type of this name; null when there is none.
const TypeInfo* find_type(std::string_view name) noexcept;
std::span<const TypeInfo* const> all_types() noexcept;

}  // namespace horus::shm

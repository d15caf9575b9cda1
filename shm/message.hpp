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

/// The largest message, bytes.
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
  kText,     ///< Zero-terminated bytes; `size` is the capacity with the zero.
  kMessage,  ///< Another message, inline.
  kPadding,  ///< Declared padding; zero, and not a field to users.
};

constexpr bool is_number(Kind kind) noexcept {
  return kind <= Kind::kBool;
}
constexpr Kind next(Kind kind) noexcept {
  return static_cast<Kind>(static_cast<std::uint8_t>(kind) + 1);
}

/// Calls `use` with a 0 of the C++ type that elements of this kind have; a kind that is no number
/// gives an empty result.
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

/// One such element; a bool's byte may come from another process, where all but 0 is true.
template <typename T>
T element_at(const std::byte* at) noexcept {
  if constexpr (std::is_same_v<T, bool>) return *at != std::byte{0};
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct TypeInfo;

/// One field of a message, as it lies in memory.
struct FieldInfo {
  std::string_view name;
  Kind kind = Kind::kU8;
  std::uint32_t offset = 0;  ///< Bytes from the message's start.
  std::uint32_t size = 0;    ///< Bytes of one element.
  std::uint32_t count = 1;   ///< Elements; 1 with `array` false: a scalar.
  bool array = false;
  const TypeInfo* nested = nullptr;  ///< kMessage only.
  std::string_view unit;             ///< "m/s", "rad", "ns"; empty: none.
  std::string_view doc;
  /// Arrays: the field that says how many elements are in use ("joint_count"); empty: all are.
  std::string_view counted_by = {};
  /// Arrays without such a field: the first elements may be given alone. The others are 0 then,
  /// which says that nothing is there.
  bool in_part = false;
  /// An upper limit: infinite where there is none, which is a number like others then.
  bool limit = false;

  /// Whether all of its elements are to be given. Of texts an empty one says that nothing is there.
  bool is_whole() const noexcept {
    return array && counted_by.empty() && kind != Kind::kText && !in_part;
  }
};

/// An array behind a message's fixed part, the head: as long as the head says. Elements are
/// numbers.
struct TailInfo {
  std::string_view name;
  Kind kind = Kind::kU8;
  std::uint32_t size = 0;  ///< Bytes of one element.
  /// The fields of the head, u8 to u32, whose product is the number of elements; the second may be
  /// empty.
  std::array<std::string_view, 2> counted_by{};
  std::int8_t fill = 0;  ///< What an element is before anything is set.
  std::string_view unit{};
  std::string_view doc{};
};
inline constexpr std::size_t kMaxTails = 8;

/// One argument of the Python constructor.
struct ArgInfo {
  std::string_view name;
  /// Where it goes: "linear", "pose.x" (nested), "angular_velocity[2]" (one element).
  std::string_view path;
  bool required = false;
  /// A whole message of this type, whose fields and tails are the first of this one; no path.
  const TypeInfo* base = nullptr;
  /// A second place of the same kind that the constructor sets, too, by its path; empty: none.
  std::string_view also = {};
};

/// Everything that is known of a message type at run time.
struct TypeInfo {
  std::string_view name = {};
  std::string_view default_topic = {};  ///< Empty: none.
  std::uint32_t size = 0;               ///< Of its fields; 0: of no layout, MessagePack values.
  std::uint32_t align = 0;
  std::uint64_t hash = 0;  ///< Of its schema: what makes two layouts the same.
  std::span<const FieldInfo> fields = {};
  std::span<const ArgInfo> args = {};
  std::string_view doc = {};
  /// What a message is before anything is set, `size` bytes; empty: zeros.
  std::span<const std::byte> initial = {};
  /// The field that a Python constructor sets to now, in its unit (ns, or ms), unless it is given;
  /// empty: none. In C++ it is 0 until it is set.
  std::string_view stamp = {};
  /// A message that asks nobody to move, `size` bytes; empty: the type has none by its definition.
  std::span<const std::byte> neutral = {};
  /// What follows the fields in a message whose size varies (shm/varying.hpp), in this order.
  std::span<const TailInfo> tails = {};

  bool varies() const noexcept { return size == 0 || !tails.empty(); }
};

/// The table of a type that has tails.
struct VaryingInfo : TypeInfo {};

/// A bool whose byte may come from another process: every value but 0 is true.
class Flag {
 public:
  constexpr Flag() noexcept = default;
  // Implicit both ways, so that it is used as a bool is.
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Flag(bool on) noexcept : byte_{static_cast<std::uint8_t>(on)} {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator bool() const noexcept { return byte_ != 0; }

 private:
  std::uint8_t byte_ = 0;
};
static_assert(sizeof(Flag) == 1);

/// A message: trivially copyable, standard layout, with a `type_info(Tag<T>)` that its
/// declaration (shm/msg/) makes.
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

/// What a path of ArgInfo names: a field of a message, of a message nested in it, or one element.
struct Member {
  const TypeInfo* holder = nullptr;  ///< The type that has the field.
  const FieldInfo* field = nullptr;
  std::uint32_t offset = 0;  ///< Bytes from the start of the outermost message.
  bool element = false;      ///< One element of the array.
};
/// None when there is no such field or element.
std::optional<Member> find_member(const TypeInfo& type, std::string_view path) noexcept;
const FieldInfo* find_field(const TypeInfo& type, std::string_view name) noexcept;

/// How many elements of a field are in use: the word of whoever sent it, so never more than fit.
std::size_t used(const TypeInfo& type, const FieldInfo& field, const std::byte* message) noexcept;

/// The built-in types by name; null when unknown.
const TypeInfo* find_type(std::string_view name) noexcept;
std::span<const TypeInfo* const> all_types() noexcept;

}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// Messages: structs that topics carry as they lie in memory, and a table that describes them to
/// other languages and tools. HORUS's own are in <horus/msg/...>. One of your own:
///
///   struct Wheel {
///     std::uint64_t timestamp_ns{};
///     float speed{};
///   };
///   inline const horus::shm::TypeInfo& type_info(horus::shm::Tag<Wheel>) noexcept {
///     static const std::array kFields{
///         HORUS_FIELD(Wheel, timestamp_ns, "ns", "Nanoseconds since 1970."),
///         HORUS_FIELD(Wheel, speed, "rad/s", "Of the left wheel.")};
///     static const horus::shm::TypeInfo kType =
///         horus::shm::make_type<Wheel>("Wheel", "wheel", "What an encoder measured.", kFields);
///     return kType;
///   }
///
/// type_info() stands in the namespace of the struct.
///
/// The parts of a declaration: a struct, and one row for each field, in the order of the struct.
///
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
  /// The arrays that follow the fields, in this order, if the size varies.
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
/// declaration defines.
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

/// The layout of a type as one line of text: two types are the same if their schemas are equal.
///
///   Wheel{timestamp_ns:u64@0;speed:f32@8}16/8
std::string schema_of(const TypeInfo& type);

/// The built-in type of this name; null when there is none.
const TypeInfo* find_type(std::string_view name) noexcept;
std::span<const TypeInfo* const> all_types() noexcept;

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

/// Messages whose size varies: a head, which is a struct of fields, and behind it arrays, the
/// tails. Each tail is as long as fields of the head say, and begins at the next multiple of 8
/// bytes.
///
///   auto maps = session->publish("map", type_info(Tag<msg::OccupancyGrid>{})).value();
///   // head.width and head.height say how many cells there are.
///   const auto built = MessageBuilder<msg::OccupancyGrid>::in(buffer, head);
///   built->tail<std::int8_t>("data")[0] = 100;
///   maps.send(built->bytes());
///
///   const auto size = subscriber.take(buffer);  // Of max_size() bytes; -1: no message.
///   const auto map = MessageView<msg::OccupancyGrid>::of(buffer.first(size));
///   const std::span<const std::int8_t> cells = map->tail<std::int8_t>("data");
///
/// RT-safe: nothing here allocates, locks or throws.

/// The places of the tails of one message, computed from its head.
class TailLayout {
 public:
  /// `head` has type.size bytes or more, from any source. nullopt if the whole message would exceed
  /// kMaxMessage bytes.
  static std::optional<TailLayout> of(const TypeInfo& type,
                                      std::span<const std::byte> head) noexcept;
  /// For a whole message, which must be exactly as long as its head says; nullopt for any other.
  static std::optional<TailLayout> of_message(const TypeInfo& type,
                                              std::span<const std::byte> message) noexcept;

  std::size_t size() const noexcept { return size_; }  ///< Bytes of the whole message.
  std::size_t offset(std::size_t tail) const noexcept { return offsets_[tail]; }
  std::size_t count(std::size_t tail) const noexcept { return counts_[tail]; }

 private:
  std::size_t size_ = 0;
  std::array<std::size_t, kMaxTails> offsets_{};
  std::array<std::size_t, kMaxTails> counts_{};
};

/// How many elements the head asks for; it may be more than any message can hold.
std::uint64_t tail_count(const TypeInfo& type, const TailInfo& tail,
                         std::span<const std::byte> head) noexcept;

/// The index of the tail with this name and kind of elements; kMaxTails: none.
std::size_t find_tail(const TypeInfo& type, std::string_view name, Kind kind) noexcept;

/// Reads a received message in the buffer that it was taken into.
template <VaryingMessage T>
class MessageView {
 public:
  /// nullopt if the bytes are not as long as their own head says, or are not aligned to 8.
  /// `message` must outlive the view.
  static std::optional<MessageView> of(std::span<const std::byte> message) noexcept {
    const TypeInfo& type = type_info(Tag<T>{});
    const auto layout = TailLayout::of_message(type, message);
    if (!layout || reinterpret_cast<std::uintptr_t>(message.data()) % 8 != 0) return std::nullopt;
    return MessageView{message, *layout};
  }

  const T& head() const noexcept { return head_; }
  /// Empty if T has no tail with this name and type of elements.
  template <typename Element>
  std::span<const Element> tail(std::string_view name) const noexcept {
    const std::size_t i = find_tail(type_info(Tag<T>{}), name, detail::kind_of<Element>());
    if (i == kMaxTails) return {};
    return {reinterpret_cast<const Element*>(message_.data() + layout_.offset(i)),
            layout_.count(i)};
  }

 private:
  MessageView(std::span<const std::byte> message, const TailLayout& layout) noexcept
      : message_{message}, layout_{layout} {
    std::memcpy(&head_, message.data(), sizeof head_);
  }
  std::span<const std::byte> message_;
  TailLayout layout_;
  T head_;
};

/// Builds a message in the caller's buffer, from which it is then sent.
template <VaryingMessage T>
class MessageBuilder {
 public:
  /// Writes the head, whose counts say how long the tails are, and sets all elements to 0. nullopt
  /// if the buffer is too small or not aligned to 8.
  static std::optional<MessageBuilder> in(std::span<std::byte> buffer, const T& head) noexcept {
    const auto layout = TailLayout::of(type_info(Tag<T>{}), std::as_bytes(std::span{&head, 1}));
    if (!layout || layout->size() > buffer.size() ||
        reinterpret_cast<std::uintptr_t>(buffer.data()) % 8 != 0) {
      return std::nullopt;
    }
    const std::span<std::byte> bytes = buffer.first(layout->size());
    std::memcpy(bytes.data(), &head, sizeof head);
    std::memset(bytes.data() + sizeof head, 0, bytes.size() - sizeof head);
    return MessageBuilder{bytes, *layout};
  }

  /// Empty if T has no tail with this name and type of elements.
  template <typename Element>
  std::span<Element> tail(std::string_view name) const noexcept {
    const std::size_t i = find_tail(type_info(Tag<T>{}), name, detail::kind_of<Element>());
    if (i == kMaxTails) return {};
    return {reinterpret_cast<Element*>(bytes_.data() + layout_.offset(i)), layout_.count(i)};
  }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  MessageBuilder(std::span<std::byte> bytes, const TailLayout& layout) noexcept
      : bytes_{bytes}, layout_{layout} {}
  std::span<std::byte> bytes_;
  TailLayout layout_;
};

/// RT-safe. Whether no number in the message is NaN or infinite. Checks the fields (of arrays the
/// elements in use) and the tails. A limit that is +infinity (MotorCommand::max_velocity) counts as
/// finite: it means that there is none. False for bytes that are not a message of the type.
bool is_finite(const TypeInfo& type, std::span<const std::byte> message) noexcept;
/// The path of the first number that is not finite: "pose.x", "ranges[3]"; empty if all are.
std::string first_not_finite(const TypeInfo& type, std::span<const std::byte> message);

/// The same, for a message as a struct.
template <typename T>
requires requires {
  type_info(Tag<T>{});
}
bool is_finite(const T& message) noexcept {
  return is_finite(type_info(Tag<T>{}), std::as_bytes(std::span{&message, 1}));
}

}  // namespace horus::shm

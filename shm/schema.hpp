// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <horus/message.hpp>
#include <horus/result.hpp>

/// The layout of a message type as one line of text. It is the same whoever declares the type, in
/// C++ or in Python. Two types are the same if their schemas are equal: TypeInfo::hash is made from
/// it.
///
///   Wheel{speed:f32@0;slip:f32[4]@4}20/4
///
///   type    = name "{" field *( ";" field ) *( ";" tail ) "}" size "/" alignment
///   field   = name ":" element [ "[" count [ ":" counted-by ] "]" ] "@" offset
///   tail    = name ":" element "[*:" counted-by [ "*" counted-by ] "]"
///   element = "u8" / "i8" / "u16" / "i16" / "u32" / "i32" / "u64" / "i64" / "f32" / "f64" /
///             "bool" / "s" size / type
///
/// Sizes and offsets are bytes in decimal, without leading zeros; fields stand in the order of
/// their offsets. A tail is an array of numbers behind the message's fields, only of the outermost
/// type. Padding, units and texts for people are no part of it.
namespace horus::shm {

/// The FNV-1a hash of a schema.
std::uint64_t hash_of(std::string_view schema) noexcept;

/// A message type made from its schema. Its constructor takes each field, then each tail, in order.
class ParsedType {
 public:
  struct Storage;
  explicit ParsedType(std::shared_ptr<const Storage> storage) noexcept;
  /// Valid as long as any copy of this object.
  const TypeInfo& info() const noexcept;

 private:
  std::shared_ptr<const Storage> storage_;
};

inline constexpr std::size_t kMaxSchema = 65536;   ///< Bytes of text.
inline constexpr std::uint32_t kMaxFields = 1024;  ///< Those of nested types included.
inline constexpr std::uint32_t kMaxNesting = 8;
inline constexpr std::size_t kMaxIdentifier = 63;

/// Parses a schema that may come from anywhere. kInvalidArgument, whose subject says what is wrong
/// and where, for a text that schema_of() would not have written or that exceeds the limits above:
/// fields that overlap or lie outside, unknown elements, and names that are not identifiers
/// ([A-Za-z_][A-Za-z0-9_]*) or that occur twice.
Result<ParsedType> parse_schema(std::string_view text);

}  // namespace horus::shm

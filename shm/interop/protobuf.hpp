// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <horus/message.hpp>
#include <horus/result.hpp>

#include "shm/interop/descriptors.hpp"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

/// Writes messages as protobuf by their field tables. Field i of the table has the number `first` +
/// i; the tails follow. Padding has a number, too, and is not written. Elements are written as
///
///   u8 u16 u32 -> uint32      i8 i16 i32 -> sint32      u64 -> fixed64      i64 -> sfixed64
///   f32 -> float   f64 -> double   bool -> bool   text -> string (UTF-8)   message -> message
///
/// An array of u8 is written as bytes, any other as a repeated field, up to the number of elements
/// in use. A scalar whose bytes are all 0 is not written, as always in proto3.
namespace horus::interop {

/// The type's name with our package: "horus.Imu".
std::string proto_name(const shm::TypeInfo& type);

/// The fields and tails, as a descriptor lists them. `skipped`: names of fields that the caller
/// writes in another way.
std::vector<ProtoField> proto_fields(const shm::TypeInfo& type, std::uint32_t first,
                                     std::span<const std::string_view> skipped = {});
/// The message types of its fields, and theirs, each once; without the type itself.
std::vector<ProtoMessage> nested_messages(const shm::TypeInfo& type);

/// Appends the message to `out`. It must be as long as its type says, tails included.
void encode_fields(protozero::pbf_writer& out, const shm::TypeInfo& type,
                   std::span<const std::byte> message, std::uint32_t first,
                   std::span<const std::string_view> skipped = {});

/// Builds a message from what encode_fields() has written. Elements that are not in use are 0.
class FieldDecoder {
 public:
  FieldDecoder(const shm::TypeInfo& type, std::uint32_t first);

  /// Takes the field at which `in` is; ignores one with an unknown number. kCorrupt for a field of
  /// another kind, or for more elements than fit.
  Status take(protozero::pbf_reader& in);
  /// The message without tails, for fields that the caller reads in another way.
  std::span<std::byte> head() noexcept { return head_; }
  /// Sets a tail, by its name, that the caller has read in another way.
  void set_tail(std::string_view name, std::span<const std::byte> elements);
  /// The whole message. kCorrupt if its arrays are not as long as its head says.
  Result<std::vector<std::byte>> finish() const;

 private:
  Status take_elements(protozero::pbf_reader& in, const shm::FieldInfo& field, std::size_t place);

  const shm::TypeInfo& type_;
  std::uint32_t first_;
  std::vector<std::byte> head_;
  std::vector<std::uint32_t> seen_;  ///< For each field, how many elements came one by one.
  std::vector<std::vector<std::byte>> tails_;
};

/// Reads the field at which `in` is with `get`. A field of another wire type is skipped, and reads
/// as 0 or empty: protozero relies on the caller to check the wire type.
template <typename Get>
auto read_as(protozero::pbf_reader& in, protozero::pbf_wire_type wanted, Get get)
    -> decltype((in.*get)()) {
  if (in.wire_type() == wanted) return (in.*get)();
  in.skip();
  return {};
}
double double_of(protozero::pbf_reader& in);
std::string_view bytes_of(protozero::pbf_reader& in);
protozero::pbf_reader message_of(protozero::pbf_reader& in);
/// Calls `use` with each number of a packed field.
template <typename Use>
void each_double(protozero::pbf_reader& in, Use use) {
  using protozero::pbf_reader;
  for (const double one :
       read_as(in, protozero::pbf_wire_type::length_delimited, &pbf_reader::get_packed_double)) {
    use(one);
  }
}

/// Text up to its first zero. Bytes that are not UTF-8 become U+FFFD: protobuf allows only UTF-8.
std::string utf8_of(std::span<const std::byte> text);

/// The time that a message itself states, ns since 1970: its `timestamp_ns` or `timestamp_ms`; 0 if
/// it has neither.
std::uint64_t stamp_ns_of(const shm::TypeInfo& type, std::span<const std::byte> message) noexcept;

}  // namespace horus::interop

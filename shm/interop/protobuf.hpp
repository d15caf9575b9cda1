// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/result.hpp"
#include "shm/interop/descriptors.hpp"
#include "shm/message.hpp"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

/// Messages by their field tables, as protobuf: field i of the table has the number `first` + i,
/// each tail follows; padding has a number, and is not written. An element is written as
///
///   u8 u16 u32 -> uint32      i8 i16 i32 -> sint32      u64 -> fixed64      i64 -> sfixed64
///   f32 -> float   f64 -> double   bool -> bool   text -> string (UTF-8)   message -> message
///
/// an array of u8 as bytes, any other as a repeated field, as far as its count says that it is in
/// use. A scalar whose bytes are all 0 is not written, as everywhere in proto3.
namespace horus::interop {

/// Our package's name in front of the type's: "horus.Imu".
std::string proto_name(const shm::TypeInfo& type);

/// Fields, and tails, as a descriptor shows them. `skipped`: names that are written otherwise.
std::vector<ProtoField> proto_fields(const shm::TypeInfo& type, std::uint32_t first,
                                     std::span<const std::string_view> skipped = {});
/// The types that the type's fields are made of, itself not; each once.
std::vector<ProtoMessage> nested_messages(const shm::TypeInfo& type);

/// Appends. `message` is as long as its type says, its tails included.
void encode_fields(protozero::pbf_writer& out, const shm::TypeInfo& type,
                   std::span<const std::byte> message, std::uint32_t first,
                   std::span<const std::string_view> skipped = {});

/// Makes a message of what encode_fields() wrote. Elements that are not in use are 0.
class FieldDecoder {
 public:
  FieldDecoder(const shm::TypeInfo& type, std::uint32_t first);

  /// Takes the field that `in` is at; one of another number is left out. kCorrupt for a field of
  /// another kind, or more elements than fit.
  Status take(protozero::pbf_reader& in);
  /// Of the message: for what was written otherwise.
  std::span<std::byte> head() noexcept { return head_; }
  /// Sets a tail that was written otherwise, by its name.
  void set_tail(std::string_view name, std::span<const std::byte> elements);
  /// The whole message. kCorrupt where its arrays are not as long as its head says.
  Result<std::vector<std::byte>> finish() const;

 private:
  Status take_elements(protozero::pbf_reader& in, const shm::FieldInfo& field, std::size_t place);

  const shm::TypeInfo& type_;
  std::uint32_t first_;
  std::vector<std::byte> head_;
  std::vector<std::uint32_t> seen_;  ///< Elements that came one by one, of each field.
  std::vector<std::vector<std::byte>> tails_;
};

/// What `get` reads of the field that `in` is at; a field of another wire type is left out, and
/// reads as nothing. Their reader takes it for granted that it is of that type.
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

/// Text up to its first zero; what is no UTF-8 becomes U+FFFD, since protobuf has no other text.
std::string utf8_of(std::span<const std::byte> text);

/// When a message says that it was made, ns since 1970: its `timestamp_ns`, or `timestamp_ms`; 0:
/// it does not say so.
std::uint64_t stamp_ns_of(const shm::TypeInfo& type, std::span<const std::byte> message) noexcept;

}  // namespace horus::interop

// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/codec.hpp"

#include <horus/message.hpp>

#include "shm/interop/payloads.hpp"
#include "shm/interop/protobuf.hpp"
#include "shm/interop/well_known.hpp"

namespace horus::interop {

namespace {

constexpr const char* kProtobuf = "protobuf";

std::vector<ProtoFile> files_of(const shm::TypeInfo& type) {
  if (const WellKnown* const known = find_well_known(type)) {
    return well_known_files(known->schema, proto_fields(type, kFurther, known->written),
                            nested_messages(type));
  }
  ProtoFile file{.name = "horus/" + std::string{type.name} + ".proto", .package = "horus"};
  file.messages = nested_messages(type);
  file.messages.push_back({.name = std::string{type.name}, .fields = proto_fields(type, 1)});
  return {file};
}

Error no_message(const shm::TypeInfo& type) {
  return Error{Errc::kCorrupt, "record message: it is not as long as it says", 0,
               Name<200>::clipped(type.name)};
}

}  // namespace

Format format_of(const shm::TypeInfo& type) {
  const WellKnown* const known = find_well_known(type);
  return {.encoding = kProtobuf,
          .schema_name = known != nullptr ? std::string{known->schema} : proto_name(type),
          .schema = descriptor_set(files_of(type))};
}

Format format_of(const shm::PayloadKind& kind) {
  return {.encoding = kProtobuf,
          .schema_name = std::string{payload_schema(kind)},
          .schema = descriptor_set(payload_files(kind))};
}

Format json_format() {
  return {.encoding = "json"};
}

Status encode(const shm::TypeInfo& type, std::span<const std::byte> message, std::string& bytes) {
  const bool whole = type.tails.empty() ? message.size() == type.size
                                        : shm::TailLayout::of_message(type, message).has_value();
  if (!whole) return no_message(type);
  protozero::pbf_writer out{bytes};
  const WellKnown* const known = find_well_known(type);
  if (known == nullptr) {
    encode_fields(out, type, message, 1);
  } else {
    known->encode(out, message);
    encode_fields(out, type, message, kFurther, known->written);
  }
  return {};
}

Result<std::vector<std::byte>> decode(const shm::TypeInfo& type, std::string_view bytes) {
  const WellKnown* const known = find_well_known(type);
  FieldDecoder message{type, known != nullptr ? kFurther : 1};
  try {
    for (protozero::pbf_reader in{bytes.data(), bytes.size()}; in.next();) {
      if (known != nullptr && in.tag() < kFurther) {
        known->decode(in, message);
      } else if (const Status taken = message.take(in); !taken) {
        return taken.error();
      }
    }
  } catch (const protozero::exception&) {
    return Error{Errc::kCorrupt, "read recorded message", 0, Name<200>::clipped(type.name)};
  }
  return message.finish();
}

}  // namespace horus::interop

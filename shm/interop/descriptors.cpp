// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/descriptors.hpp"

#include <protozero/pbf_writer.hpp>

namespace horus::interop {

namespace {

using protozero::pbf_writer;

// Field numbers of descriptor.proto.
namespace set_at {
constexpr std::uint32_t kFile = 1;
}  // namespace set_at
namespace file_at {
constexpr std::uint32_t kName = 1;
constexpr std::uint32_t kPackage = 2;
constexpr std::uint32_t kDependency = 3;
constexpr std::uint32_t kMessage = 4;
constexpr std::uint32_t kSyntax = 12;
}  // namespace file_at
namespace message_at {
constexpr std::uint32_t kName = 1;
constexpr std::uint32_t kField = 2;
constexpr std::uint32_t kEnum = 4;
}  // namespace message_at
namespace field_at {
constexpr std::uint32_t kName = 1;
constexpr std::uint32_t kNumber = 3;
constexpr std::uint32_t kLabel = 4;
constexpr std::uint32_t kType = 5;
constexpr std::uint32_t kTypeName = 6;
constexpr std::int32_t kOptional = 1;
constexpr std::int32_t kRepeated = 3;
}  // namespace field_at
namespace enum_at {
constexpr std::uint32_t kName = 1;
constexpr std::uint32_t kValue = 2;
constexpr std::uint32_t kNumber = 2;
}  // namespace enum_at

void write(pbf_writer& out, const ProtoField& one) {
  out.add_string(field_at::kName, one.name);
  out.add_int32(field_at::kNumber, static_cast<std::int32_t>(one.number));
  out.add_enum(field_at::kLabel, one.repeated ? field_at::kRepeated : field_at::kOptional);
  out.add_enum(field_at::kType, static_cast<std::int32_t>(one.type));
  if (!one.of.empty()) out.add_string(field_at::kTypeName, "." + one.of);
}

void write(pbf_writer& out, const ProtoEnum& one) {
  out.add_string(enum_at::kName, one.name);
  std::int32_t number = 0;
  for (const std::string& name : one.values) {
    pbf_writer value{out, enum_at::kValue};
    value.add_string(enum_at::kName, name);
    value.add_int32(enum_at::kNumber, number++);
  }
}

void write(pbf_writer& out, const ProtoMessage& one) {
  out.add_string(message_at::kName, one.name);
  for (const ProtoField& each : one.fields) {
    pbf_writer inner{out, message_at::kField};
    write(inner, each);
  }
  for (const ProtoEnum& each : one.enums) {
    pbf_writer inner{out, message_at::kEnum};
    write(inner, each);
  }
}

}  // namespace

std::string descriptor_set(std::span<const ProtoFile> files) {
  std::string bytes;
  pbf_writer all{bytes};
  for (const ProtoFile& one : files) {
    pbf_writer out{all, set_at::kFile};
    out.add_string(file_at::kName, one.name);
    out.add_string(file_at::kPackage, one.package);
    for (const std::string& name : one.needs) out.add_string(file_at::kDependency, name);
    for (const ProtoMessage& each : one.messages) {
      pbf_writer inner{out, file_at::kMessage};
      write(inner, each);
    }
    out.add_string(file_at::kSyntax, "proto3");
  }
  return bytes;
}

}  // namespace horus::interop

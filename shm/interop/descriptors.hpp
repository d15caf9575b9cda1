// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Writes Protocol Buffers' own description of messages, so that readers know what a file contains.
/// Source: protobuf.dev, "Encoding"; github.com/protocolbuffers, descriptor.proto.
namespace horus::interop {

/// The type of a field; the numbers are those of FieldDescriptorProto.
enum class ProtoType : std::uint8_t {
  kDouble = 1,
  kFloat = 2,
  kInt64 = 3,
  kInt32 = 5,
  kFixed64 = 6,
  kFixed32 = 7,
  kBool = 8,
  kString = 9,
  kMessage = 11,
  kBytes = 12,
  kUint32 = 13,
  kEnum = 14,
  kSfixed64 = 16,
  kSint32 = 17,
};

struct ProtoField {
  std::string name;
  std::uint32_t number = 0;
  ProtoType type = ProtoType::kDouble;
  std::string of{};  ///< For kMessage and kEnum: the full type name, "foxglove.Pose".
  bool repeated = false;
};

struct ProtoEnum {
  std::string name;
  std::vector<std::string> values{};  ///< Names of the values, which count from 0.
};

struct ProtoMessage {
  std::string name;  ///< Without the package.
  std::vector<ProtoField> fields{};
  std::vector<ProtoEnum> enums{};
};

/// One .proto file.
struct ProtoFile {
  std::string name;  ///< "foxglove/Pose.proto"
  std::string package;
  std::vector<std::string> needs{};  ///< Names of the files that it imports.
  std::vector<ProtoMessage> messages{};
};

/// A FileDescriptorSet in binary. A file must stand before the files that need it.
std::string descriptor_set(std::span<const ProtoFile> files);

}  // namespace horus::interop

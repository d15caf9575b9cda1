// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Protocol Buffers' own description of messages, for those who read what we write.
/// Source: protobuf.dev, "Encoding"; github.com/protocolbuffers, descriptor.proto.
namespace horus::interop {

/// What a field is; the numbers are those of FieldDescriptorProto.
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
  std::string of{};  ///< kMessage, kEnum: its whole name, "foxglove.Pose".
  bool repeated = false;
};

struct ProtoEnum {
  std::string name;
  std::vector<std::string> values{};  ///< From 0 on.
};

struct ProtoMessage {
  std::string name;  ///< Without its package.
  std::vector<ProtoField> fields{};
  std::vector<ProtoEnum> enums{};
};

/// One .proto file.
struct ProtoFile {
  std::string name;  ///< "foxglove/Pose.proto"
  std::string package;
  std::vector<std::string> needs{};  ///< Names of other files.
  std::vector<ProtoMessage> messages{};
};

/// A FileDescriptorSet; whoever is needed stands before those who need it.
std::string descriptor_set(std::span<const ProtoFile> files);

}  // namespace horus::interop

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <horus/message.hpp>
#include <horus/payload.hpp>
#include <horus/result.hpp>

/// Writes the messages of a topic in formats of other tools (protobuf, JSON), and reads them again.
namespace horus::interop {

/// What a recording says about a topic's messages before the first of them.
struct Format {
  std::string encoding{};     ///< Encoding of the messages: "protobuf" or "json".
  std::string schema_name{};  ///< "foxglove.LaserScan"; empty: no schema.
  std::string schema{};       ///< A FileDescriptorSet, in binary; empty: no schema.
};

Format format_of(const shm::TypeInfo& type);
Format format_of(const shm::PayloadKind& kind);
/// The format of MessagePack values, which have no type.
Format json_format();

/// Appends one message to `out`. kCorrupt if it is not as long as its type says.
Status encode(const shm::TypeInfo& type, std::span<const std::byte> message, std::string& out);
/// Reads a message that encode() has written. kCorrupt for any other bytes.
Result<std::vector<std::byte>> decode(const shm::TypeInfo& type, std::string_view bytes);

}  // namespace horus::interop

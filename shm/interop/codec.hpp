// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rt/base/result.hpp"
#include "shm/message.hpp"
#include "shm/payload.hpp"

/// How the messages of one topic are written for other tools, and read again.
namespace horus::interop {

/// What a file says of a topic's messages before it has any.
struct Format {
  std::string encoding{};     ///< Of messages: "protobuf", "json".
  std::string schema_name{};  ///< "foxglove.LaserScan"; empty: none.
  std::string schema{};       ///< A FileDescriptorSet.
};

Format format_of(const shm::TypeInfo& type);
Format format_of(const shm::PayloadKind& kind);
/// Of values of any shape.
Format json_format();

/// Appends one message, which is as long as its type says; kCorrupt for one that is not.
Status encode(const shm::TypeInfo& type, std::span<const std::byte> message, std::string& out);
/// The message again. kCorrupt for bytes that encode() would not have written.
Result<std::vector<std::byte>> decode(const shm::TypeInfo& type, std::string_view bytes);

}  // namespace horus::interop

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include <horus/message.hpp>
#include <horus/result.hpp>

/// Messages as JSON, for people and for recordings of values that have no type.
namespace horus::interop {

/// Keeps the order of fields.
using MessageJson = nlohmann::ordered_json;

/// The shortest decimal number that reads as `value`: 0.1F is shown as 0.1, not
/// 0.10000000149011612.
double as_written(float value);

/// A message as JSON, by its field table, without tails. `bytes` has type.size bytes or more;
/// counts in it are clipped to what fits.
MessageJson typed_message(const shm::TypeInfo& type, std::span<const std::byte> bytes);
/// The same with tails. kCorrupt if the message is not as long as its head says.
Result<MessageJson> whole_message(const shm::TypeInfo& type, std::span<const std::byte> bytes);
/// A MessagePack value as JSON. kCorrupt for other bytes; kExhausted if it is nested too deeply.
Result<MessageJson> generic_message(std::span<const std::byte> bytes);

/// A MessagePack value that consists of one message of a type that is known here.
struct MessageIn {
  const shm::TypeInfo& type;
  std::span<const std::byte> bytes;
};
std::optional<MessageIn> message_in(std::span<const std::byte> value) noexcept;

/// One line of JSON in ASCII. NaN and infinities, which JSON does not have, become null.
std::string message_line(const MessageJson& message);

}  // namespace horus::interop

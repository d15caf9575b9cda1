// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "rt/base/result.hpp"
#include "shm/message.hpp"

/// Messages as JSON, for people and for recordings of values that have no type.
namespace horus::interop {

/// Messages keep the order of their fields.
using MessageJson = nlohmann::ordered_json;

/// 0.1F is 0.1 to the user, not 0.10000000149011612.
double as_written(float value);

/// A typed message by its field table. `bytes` is type.size bytes or more; counts in it are
/// bounded. Without tails.
MessageJson typed_message(const shm::TypeInfo& type, std::span<const std::byte> bytes);
/// The same with tails. Fails with kCorrupt for one that is not as long as its head says.
Result<MessageJson> whole_message(const shm::TypeInfo& type, std::span<const std::byte> bytes);
/// A MessagePack value. Fails with kCorrupt, or kExhausted when it is nested too deeply.
Result<MessageJson> generic_message(std::span<const std::byte> bytes);

/// A value that is nothing but a message of a type that is known here.
struct MessageIn {
  const shm::TypeInfo& type;
  std::span<const std::byte> bytes;
};
std::optional<MessageIn> message_in(std::span<const std::byte> value) noexcept;

/// One line of JSON, all ASCII; NaN and infinities, which JSON does not have, are null.
std::string message_line(const MessageJson& message);

}  // namespace horus::interop

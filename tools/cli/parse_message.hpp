// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <horus/message.hpp>
#include <horus/result.hpp>

#include "tools/cli/show_message.hpp"

namespace horus::cli {

/// Parses one JSON value. Fails with kInvalidArgument; the error says where the text is wrong, or
/// that it nests deeper than 60 levels.
Result<MessageJson> parse_json(const std::string& text);

/// The bytes of a typed message from a JSON object. Its keys are fields, as `topic echo` prints
/// them, or arguments of the constructor ("x" for "pose.x").
///   - A field that is not named keeps the constructor's default, else 0; a tail likewise.
///   - An array may be shorter than its field, and sets the field that counts its elements.
///   - null stands for NaN; for infinity in a field whose default is infinite.
/// Fails with kInvalidArgument; the error names the field, the value found and the values that fit.
Result<std::vector<std::byte>> typed_bytes(const shm::TypeInfo& type, const MessageJson& json);

/// Any JSON value as MessagePack, for a topic of values.
std::vector<std::byte> generic_bytes(const MessageJson& json);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "shm/message.hpp"
#include "tools/cli/show_message.hpp"

namespace horus::cli {

/// One JSON value. Fails with kInvalidArgument and where the text breaks off.
Result<MessageJson> parse_json(const std::string& text);

/// The bytes of a typed message: an object whose keys are fields, as `topic echo` prints them, or
/// arguments of the constructor ("x" for "pose.x"). What is not named has the constructor's
/// default, else 0. An array may be shorter than its field, and sets the count that belongs to
/// it; null stands for NaN. A tail that is not named holds what a new message holds. Fails with
/// kInvalidArgument: the field, what was found, what fits.
Result<std::vector<std::byte>> typed_bytes(const shm::TypeInfo& type, const MessageJson& json);

/// Any JSON value as MessagePack, as a generic topic carries it.
std::vector<std::byte> generic_bytes(const MessageJson& json);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "rt/base/result.hpp"
#include "tools/cli/show_message.hpp"

namespace horus::cli {

/// A part of a message as people write it: "linear", "pose.x", "ranges[3]"; or a JSON pointer
/// ("/pose/x", RFC 6901), for keys with dots or brackets in them. Fails with kInvalidArgument.
Result<MessageJson::json_pointer> parse_field_path(std::string_view text);

}  // namespace horus::cli

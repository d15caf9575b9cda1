// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <horus/result.hpp>

#include "tools/cli/show_message.hpp"

namespace horus::cli {

/// Parses the path of a part of a message. It is written like code ("linear", "pose.x",
/// "ranges[3]"), or as a JSON pointer ("/pose/x", RFC 6901) for keys that have dots or brackets in
/// them. Anything else fails with kInvalidArgument.
Result<MessageJson::json_pointer> parse_field_path(std::string_view text);

}  // namespace horus::cli

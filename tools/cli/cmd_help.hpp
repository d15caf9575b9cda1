// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace horus::cli {

/// What the user calls us: "horus" or "horusctl", whatever the path.
std::string program_name(std::string_view path);

/// The commands, one line each.
std::string overview(std::string_view program);
/// How to use the command that `words` name ("topic", "echo"), or the group of commands, or all.
/// Empty when there is none.
std::string help_text(std::string_view program, const std::vector<std::string>& words);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace horus::cli {

/// The name by which the user has called the program: "horus" or "horusctl". `path`: argv[0].
std::string program_name(std::string_view path);

/// The list of commands, one line each.
std::string overview(std::string_view program);
/// The help of the command that `words` name ("topic", "echo"), of a group ("topic"), or of all
/// commands (no words). Empty where there is no such command.
std::string help_text(std::string_view program, const std::vector<std::string>& words);

}  // namespace horus::cli

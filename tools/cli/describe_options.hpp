// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tools/cli/command.hpp"

namespace horus::cli {

/// One option or argument of a command, as it was declared.
struct OptionUsage {
  std::string spelling;  ///< "--node NAME", "--watch [INTERVAL]", "TOPIC".
  std::string name;      ///< "--node"; empty: a positional argument.
  std::string type;      ///< "NAME"; empty: a flag.
  std::string text;      ///< The description.
};
struct CommandUsage {
  std::string synopsis;  ///< All options, to follow the command's name; begins with a blank.
  std::vector<OptionUsage> options;  ///< In the order of declaration.
  std::string footer;                ///< Text after the options; may be empty.
};

/// Reads back the options that `command` declares, for help, completion and the man page.
CommandUsage describe_options(const Command& command);

}  // namespace horus::cli

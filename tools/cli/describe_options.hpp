// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tools/cli/command.hpp"

namespace horus::cli {

/// One option or argument of a command, as its declaration says.
struct OptionUsage {
  std::string spelling;  ///< "--node NAME", "--watch [INTERVAL]", "TOPIC".
  std::string name;      ///< "--node"; empty: an argument by position.
  std::string type;      ///< "NAME"; empty: a flag.
  std::string text;
};
struct CommandUsage {
  std::string synopsis;  ///< What follows the command's name, with a blank before it.
  std::vector<OptionUsage> options;
  std::string footer;
};

/// Reads back what `command` declares: help, completion and the man page are printed from this.
CommandUsage describe_options(const Command& command);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace horus::cli {

/// Replaces this process (execv) by another program of HORUS that is not in $PATH. The program is
/// looked for beside this one, as in a build tree, and in ../libexec/horus, where packages put it.
/// `command`: the command that the user gave, for errors. Returns only on failure, with the exit
/// code.
int become(const std::string& program, const std::string& command,
           const std::vector<std::string>& arguments);

}  // namespace horus::cli

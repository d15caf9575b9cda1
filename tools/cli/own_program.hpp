// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace horus::cli {

/// Becomes one of our own programs that is no command for users: it lies beside this one in a build
/// tree, else where a package puts it. Returns only when that failed, with the exit code. `command`
/// is what the user called.
int become(const std::string& program, const std::string& command,
           const std::vector<std::string>& arguments);

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace horus::py {

/// Ends a child process that a callback made with fork(), once it comes back out of that callback:
/// it has no scheduler threads to go on with. sys.exit() ends it with its exit code. A return, or
/// another exception that is set (which is printed), ends it with a line that says what happened.
/// With the GIL.
[[noreturn]] void end_child(const char* callback, std::string_view node) noexcept;

}  // namespace horus::py

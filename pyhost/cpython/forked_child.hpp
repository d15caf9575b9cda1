// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace horus::py {

/// Ends a child that fork() made in a callback and that has left it, by a return or by the
/// exception that is set: sys.exit() ends it as it says, anything else with a line that says what
/// happened. With the GIL.
[[noreturn]] void end_child(const char* callback, std::string_view node) noexcept;

}  // namespace horus::py

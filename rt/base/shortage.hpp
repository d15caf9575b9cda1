// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <horus/result.hpp>

namespace horus {

/// The errno of a shortage of memory, space or descriptors; 0 when `error` is not a shortage.
inline int shortage_of(const Error& error) noexcept {
  return error.code == Errc::kExhausted ? error.os_errno : 0;
}

/// The latest errno that errc_of() mapped to kExhausted on this thread since forget_shortage(); 0:
/// none. For callers that catch an exception from foreign code, which carries no Error.
[[nodiscard]] int last_shortage() noexcept;
/// Clears last_shortage() of the calling thread.
void forget_shortage() noexcept;

/// Advice on a shortage, to append to an error line, e.g. "; raise LimitFSIZE= in the unit, ...".
/// Empty for 0. Allocates.
std::string cure_of(int shortage);

}  // namespace horus

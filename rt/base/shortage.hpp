// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "rt/base/result.hpp"

namespace horus {

/// errno of what the system was short of; 0: of nothing.
inline int shortage_of(const Error& error) noexcept {
  return error.code == Errc::kExhausted ? error.os_errno : 0;
}

/// What to do about a shortage, to be put behind a line; empty for 0. Allocates.
std::string cure_of(int shortage);

}  // namespace horus

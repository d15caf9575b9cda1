// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// Readable once the process has ended; empty, with errno set, where there is none.
/// Not pidfd_open(3): glibc 2.36 declares it without extern "C".
inline UniqueFd open_pidfd(pid_t pid) noexcept {
  return UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

}  // namespace horus::service

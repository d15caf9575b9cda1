// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// A descriptor that is readable once the process has ended; empty, with errno set, on an error.
/// The system call itself, as glibc 2.36 declares pidfd_open() without extern "C".
inline UniqueFd open_pidfd(pid_t pid) noexcept {
  return UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

}  // namespace horus::service

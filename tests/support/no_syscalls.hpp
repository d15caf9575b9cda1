// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/no_alloc.hpp"

namespace horus::test {

/// While one lives, a system call of its thread aborts the process and says its number. Waking a
/// sleeper is allowed, and what debug builds do to blocks that were sent. Link no_syscalls.cpp
/// into the test program.
class NoSyscalls {
 public:
  NoSyscalls() noexcept;
  ~NoSyscalls();
  NoSyscalls(const NoSyscalls&) = delete;
  NoSyscalls& operator=(const NoSyscalls&) = delete;
  /// Whether this kernel tells of system calls; where it does not, none is trapped.
  static bool works() noexcept;
};

/// Neither memory nor system calls.
struct RtTrap {
  NoSyscalls calls;
  NoAlloc memory;
};

}  // namespace horus::test

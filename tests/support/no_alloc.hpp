// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <horus/scheduler.hpp>

#include "rt/group_hook.hpp"

namespace horus::test {

/// While one lives, an allocation or release of memory by its thread aborts the process and says
/// so. Link no_alloc.cpp into the test program.
class NoAlloc {
 public:
  NoAlloc() noexcept;
  ~NoAlloc();
  NoAlloc(const NoAlloc&) = delete;
  NoAlloc& operator=(const NoAlloc&) = delete;
};

/// Sets the trap on each executor thread of a scheduler, from its first release to its last.
class NoAllocHooks final : public HookFactory {
 public:
  std::unique_ptr<GroupHook> make(const ThreadRole& role) override;
};

}  // namespace horus::test

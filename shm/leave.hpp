// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace horus::shm {

/// For a process that ends in this moment although threads of it are still inside: removes what
/// it has under `base`, but for statistics. Their mappings stay; others see a dead process.
void leave_at_once(const std::string& base) noexcept;
/// Whether it is under way: nothing is made again.
bool leaving() noexcept;

}  // namespace horus::shm

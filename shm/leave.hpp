// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace horus::shm {

/// For a process that ends right now although threads of it are still inside: releases the locks on
/// its files under `base` and removes the files, except statistics. The mappings stay; others see a
/// dead process.
void leave_at_once(const std::string& base) noexcept;
/// Whether leave_at_once() was called. The helper thread then makes nothing again.
bool leaving() noexcept;

}  // namespace horus::shm

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <horus/result.hpp>

namespace horus::shm {

/// A file that a dead process of this user left.
struct Leftover {
  std::string path{};  ///< For messages.
  std::uint64_t bytes = 0;
};

/// Removes what dead processes of this user left under `base` (which need not exist): pools, holds,
/// bells, rings, cursors, statistics, and types that no topic needs any more. Never a file of a
/// living process or of another user. Returns what was removed, or, with `dry_run`, what would be.
Result<std::vector<Leftover>> clean(const std::string& base, bool dry_run);

}  // namespace horus::shm

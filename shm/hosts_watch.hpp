// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <string>
#include <utility>

#include <horus/time.hpp>

#include "shm/folder.hpp"

namespace horus::shm {

/// Tells whether hosts' pages may have come or gone in a base. It looks at the time of the folder's
/// last change: one system call, however many pages there are.
///
/// Thread safety: one thread at a time.
class HostsWatch {
 public:
  /// The names are read at least this often, whatever the folder's time says: somebody may have
  /// replaced the base, or the folder could not be read.
  static constexpr Nanos kReadAnyway = 1s;

  explicit HostsWatch(std::string base) : base_{std::move(base)} {}

  /// Whether to read the names now. After true, the caller must read them before the next call.
  bool changed();

 private:
  const std::string base_;
  FolderPtr hosts_;
  TimePoint entered_{};
  timespec stamp_{};       ///< Time of the folder's last change.
  TimePoint stamped_{};    ///< When that time was first seen.
  bool is_quiet_ = false;  ///< The names were read after the last change.
};

}  // namespace horus::shm

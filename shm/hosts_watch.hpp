// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <string>
#include <utility>

#include "rt/base/time.hpp"
#include "shm/folder.hpp"

namespace horus::shm {

/// Tells whether files may have come or gone among the hosts' pages of a base: by the time of the
/// folder's last change, which is one system call however many pages there are.
///
/// Thread safety: one thread at a time.
class HostsWatch {
 public:
  /// Whatever the folder says, its names are to be read that often: somebody may have put another
  /// base in its place, or it could not be read.
  static constexpr Nanos kReadAnyway = 1s;

  explicit HostsWatch(std::string base) : base_{std::move(base)} {}

  /// Whether to read the names now. Who is told so reads them before he asks again.
  bool changed();

 private:
  const std::string base_;
  FolderPtr hosts_;
  TimePoint entered_{};
  timespec stamp_{};       ///< Of the folder's last change.
  TimePoint stamped_{};    ///< When that was seen first.
  bool is_quiet_ = false;  ///< The names were read since.
};

}  // namespace horus::shm

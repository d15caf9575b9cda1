// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace horus::service {

/// Finds out from the statistics pages whether hosts died, and whether nodes missed deadlines.
///
/// Thread safety: one thread.
class HostWatch {
 public:
  /// `misses`: look for missed deadlines as well.
  HostWatch(std::string base, bool misses) : base_{std::move(base)}, misses_{misses} {}

  /// What happened since the last look. Of several deaths, or several misses, one is named.
  struct Happened {
    std::string death{};  ///< E.g. "host 'arm' died"; empty: none.
    std::string miss{};   ///< Whose deadline was missed; empty: none.
  };
  /// Reads all pages. The first call reports no misses.
  Happened look();

 private:
  struct Seen {
    pid_t pid = 0;
    bool alive = false;
    std::uint64_t lives = 0;                        ///< Which life of the host this is.
    std::map<std::string, std::uint64_t> misses{};  ///< Missed deadlines by node.
  };

  std::string base_;
  bool misses_;
  bool first_ = true;  ///< No look yet: misses from before the recording do not count.
  std::map<std::string, Seen> seen_;
};

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace horus::service {

/// Looks from outside whether hosts died, and whether their nodes missed deadlines.
///
/// Thread safety: one thread.
class HostWatch {
 public:
  /// `misses`: they count, too.
  HostWatch(std::string base, bool misses) : base_{std::move(base)}, misses_{misses} {}

  /// What happened since the last look, in words: "host 'arm' died". Empty: nothing.
  struct Happened {
    std::string death{};
    std::string miss{};
  };
  Happened look();

 private:
  struct Seen {
    pid_t pid = 0;
    bool alive = false;
    std::uint64_t lives = 0;
    std::map<std::string, std::uint64_t> misses{};  ///< By node.
  };

  std::string base_;
  bool misses_;
  bool first_ = true;  ///< What was before the recording began is none of its business.
  std::map<std::string, Seen> seen_;
};

}  // namespace horus::service

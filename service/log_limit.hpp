// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "rt/base/time.hpp"

namespace horus::service {

/// Lets the first lines of each source pass and counts the rest, so that a node that complains at
/// 1 kHz neither fills the journal nor hides the others. Pure: time comes in.
class LogLimit {
 public:
  static constexpr Nanos kWindow = 5s;
  static constexpr std::uint32_t kPerWindow = 20;
  static constexpr std::size_t kMaxSources = 1024;

  struct Decision {
    bool pass = false;
    std::uint64_t suppressed = 0;  ///< Lines of this source that did not pass before this one.
  };

  Decision decide(std::string_view source, TimePoint now) {
    // Sources are nodes and hosts, so the bound is for a caller that makes names up.
    if (sources_.size() >= kMaxSources) sources_.clear();
    Source& state = sources_[std::string{source}];
    if (now - state.since >= kWindow) {
      state.since = now;
      state.passed = 0;
    }
    if (state.passed == kPerWindow) {
      ++state.suppressed;
      return {};
    }
    ++state.passed;
    const Decision decision{.pass = true, .suppressed = state.suppressed};
    state.suppressed = 0;
    return decision;
  }

 private:
  struct Source {
    TimePoint since{};
    std::uint32_t passed = 0;
    std::uint64_t suppressed = 0;
  };
  std::map<std::string, Source> sources_;
};

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <horus/time.hpp>

namespace horus::service {

/// Limits log lines per source: in each window of 5 s the first 20 lines pass, the rest are
/// counted. So a node that complains at 1 kHz neither fills the journal nor hides other nodes.
/// Pure: the caller gives the time. One thread at a time.
class SourceLogLimit {
 public:
  static constexpr Nanos kWindow = 5s;
  static constexpr std::uint32_t kPerWindow = 20;
  static constexpr std::size_t kMaxSources = 1024;

  struct Decision {
    bool pass = false;
    std::uint64_t suppressed = 0;  ///< With `pass`: lines of the source suppressed since the last.
  };

  /// Whether a line of `source` (a node's name) is to be logged.
  Decision decide(std::string_view source, TimePoint now) {
    // Sources are nodes, of which there are few. The bound is for a caller that makes up names.
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
    TimePoint since{};             ///< When its window began.
    std::uint32_t passed = 0;      ///< Lines that passed in this window.
    std::uint64_t suppressed = 0;  ///< Lines suppressed since one last passed.
  };
  std::map<std::string, Source> sources_;
};

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace horus {

enum class StopReason : std::uint8_t {
  kRequested,    ///< request_stop().
  kDuration,     ///< The given time is over.
  kMissPolicy,   ///< A node with on_miss = stop missed its deadline.
  kNodeFailure,  ///< A node with failure policy fatal threw, or one with restart too often.
  kNotStarted,   ///< A node's init() threw.
};

/// In the words of who stopped.
const char* to_text(StopReason reason) noexcept;

struct StopReport {
  StopReason reason = StopReason::kRequested;
  std::string node;   ///< Which node, where one caused it.
  std::string error;  ///< what() of its exception.
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "rt/base/words.hpp"

namespace horus {

enum class StopReason : std::uint8_t {
  kRequested,    ///< request_stop().
  kDuration,     ///< The given time is over.
  kMissPolicy,   ///< A node with on_miss = stop missed its deadline.
  kNodeFailure,  ///< A node with failure policy fatal threw, or one with restart too often.
  kNotStarted,   ///< A node's init() threw.
};

/// In the words of who stopped.
constexpr auto words_of(StopReason /*any*/) noexcept {
  return words_in_order<StopReason>("asked to", "the time is over",
                                    "missed its deadline, and its policy is to stop",
                                    "failed, and its policy is fatal", "did not start");
}

struct StopReport {
  StopReason reason = StopReason::kRequested;
  std::string node;   ///< Which node, where one caused it.
  std::string error;  ///< what() of its exception.
};

}  // namespace horus

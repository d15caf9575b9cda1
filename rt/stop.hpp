// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "rt/base/words.hpp"

namespace horus {

/// Why a run stopped.
enum class StopReason : std::uint8_t {
  kRequested,    ///< request_stop().
  kDuration,     ///< The given time is over.
  kMissPolicy,   ///< A node with on_miss = stop missed its deadline.
  kNodeFailure,  ///< A node with failure policy fatal threw; or one with restart, too often.
  kNotStarted,   ///< A node's init() threw.
};

/// The reason in words, for messages.
constexpr auto words_of(StopReason /*any*/) noexcept {
  return words_in_order<StopReason>("asked to", "the time is over",
                                    "missed its deadline, and its policy is to stop",
                                    "failed, and its policy is fatal", "did not start");
}

/// Why a run stopped, with the node that caused it.
struct StopReport {
  StopReason reason = StopReason::kRequested;
  std::string node;   ///< The node that caused the stop; empty: none did.
  std::string error;  ///< what() of its exception, or another detail; may be empty.
};

}  // namespace horus

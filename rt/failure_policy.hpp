// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rt/base/time.hpp"
#include "rt/node_config.hpp"

namespace horus {

/// How a node has fared: what the failure policy remembers between two failures.
struct FailureRecord {
  int in_a_row = 0;          ///< Failures since the last good tick, or since the last rest.
  int retries = 0;           ///< Restarts that a healthy minute has not yet forgiven.
  TimePoint last_failure{};  ///< When it failed last; the epoch of the clock before it ever did.
};

/// What follows a failure.
enum class FailureAction : std::uint8_t {
  kContinue,  ///< Tick at the next release.
  kRest,      ///< Do not tick for `pause`.
  kRestart,   ///< shutdown(); init() after `pause`.
  kStop,      ///< Stop the scheduler.
};

struct FailureStep {
  FailureRecord record{};
  FailureAction action = FailureAction::kContinue;
  Nanos pause{};
};

/// A node that runs for this long without a failure has its retries forgiven.
inline constexpr Nanos kHealthyAfter = 60s;
/// The longest wait before a restart.
inline constexpr Nanos kLongestDelay = 30s;

/// RT-safe. The step after a failure at `now` of a node that has fared as `record` says.
[[nodiscard]] FailureStep after_failure(const FailurePolicy& policy, FailureRecord record,
                                        TimePoint now) noexcept;

}  // namespace horus

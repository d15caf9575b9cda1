// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <horus/node.hpp>
#include <horus/time.hpp>

namespace horus {

/// What the failure policy remembers of a node between two failures.
struct FailureRecord {
  int in_a_row = 0;          ///< Failures since the last good tick, or since the last rest.
  int retries = 0;           ///< Restarts since the last healthy period, see kHealthyAfter.
  TimePoint last_failure{};  ///< When it failed last; zero before the first failure.
};

/// What follows a failure.
enum class FailureAction : std::uint8_t {
  kContinue,  ///< Tick at the next release.
  kRest,      ///< Do not tick for `pause`.
  kRestart,   ///< shutdown(); init() after `pause`.
  kStop,      ///< Stop the scheduler.
};

/// The result of after_failure().
struct FailureStep {
  FailureRecord record{};  ///< The record to pass at the next failure.
  FailureAction action = FailureAction::kContinue;
  Nanos pause{};  ///< For kRest and kRestart.
};

/// After this time without a failure a node's earlier restarts no longer count.
inline constexpr Nanos kHealthyAfter = 60s;
/// The longest pause before a restart.
inline constexpr Nanos kLongestDelay = 30s;

/// RT-safe. Pure. What follows a failure at `now` of a node whose record is `record`.
[[nodiscard]] FailureStep after_failure(const FailurePolicy& policy, FailureRecord record,
                                        TimePoint now) noexcept;

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/failure_policy.hpp"

#include <algorithm>

namespace horus {
namespace {

FailureStep restart(const FailurePolicy& policy, FailureRecord record, bool healthy) noexcept {
  if (healthy) record.retries = 0;
  if (record.retries >= policy.retries) return {.record = record, .action = FailureAction::kStop};
  // The pause doubles with each restart, up to kLongestDelay.
  Nanos pause = std::min(policy.delay, kLongestDelay);
  for (int i = 0; i < record.retries && pause < kLongestDelay; ++i) {
    pause = std::min(2 * pause, kLongestDelay);
  }
  ++record.retries;
  return {.record = record, .action = FailureAction::kRestart, .pause = pause};
}

FailureStep skip(const FailurePolicy& policy, FailureRecord record) noexcept {
  if (record.in_a_row < policy.failures) return {.record = record};
  record.in_a_row = 0;
  return {.record = record, .action = FailureAction::kRest, .pause = policy.rest};
}

}  // namespace

FailureStep after_failure(const FailurePolicy& policy, FailureRecord record,
                          TimePoint now) noexcept {
  const bool healthy = now - record.last_failure >= kHealthyAfter;
  record.last_failure = now;
  ++record.in_a_row;
  switch (policy.kind) {
    case FailureKind::kFatal: return {.record = record, .action = FailureAction::kStop};
    case FailureKind::kRestart: return restart(policy, record, healthy);
    case FailureKind::kSkip: return skip(policy, record);
    case FailureKind::kLog:
    case FailureKind::kIgnore: break;
  }
  return {.record = record};
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/failure_policy.hpp"

#include <gtest/gtest.h>

namespace horus {
namespace {

constexpr TimePoint kStart = from_ns(3'600'000'000'000);

TEST(FailurePolicy, of_kind_log_or_ignore_goes_on_for_ever) {
  for (const auto kind : {FailureKind::kLog, FailureKind::kIgnore}) {
    FailureRecord record;
    for (int i = 0; i < 100; ++i) {
      const auto step = after_failure({.kind = kind}, record, kStart + i * 1ms);
      ASSERT_EQ(step.action, FailureAction::kContinue);
      record = step.record;
    }
    EXPECT_EQ(record.in_a_row, 100);
  }
}

TEST(FailurePolicy, of_kind_fatal_stops_at_once) {
  EXPECT_EQ(after_failure({.kind = FailureKind::kFatal}, {}, kStart).action, FailureAction::kStop);
}

TEST(FailurePolicy, of_kind_restart_doubles_its_delay_and_gives_up) {
  const FailurePolicy policy{.kind = FailureKind::kRestart};
  FailureRecord record;
  Nanos delay = 100ms;
  for (int i = 0; i < 5; ++i) {
    const auto step = after_failure(policy, record, kStart + i * 1s);
    ASSERT_EQ(step.action, FailureAction::kRestart);
    ASSERT_EQ(step.pause, delay);
    delay *= 2;
    record = step.record;
  }
  EXPECT_EQ(after_failure(policy, record, kStart + 6s).action, FailureAction::kStop);
}

TEST(FailurePolicy, of_kind_restart_forgives_after_a_healthy_minute) {
  const FailurePolicy policy{.kind = FailureKind::kRestart, .retries = 1};
  const auto first = after_failure(policy, {}, kStart);
  const auto just_before = after_failure(policy, first.record, kStart + 60s - 1ns);
  EXPECT_EQ(just_before.action, FailureAction::kStop);
  const auto after = after_failure(policy, first.record, kStart + 60s);
  EXPECT_EQ(after.action, FailureAction::kRestart);
  EXPECT_EQ(after.pause, 100ms);
}

TEST(FailurePolicy, of_kind_restart_waits_at_most_half_a_minute) {
  const FailurePolicy policy{.kind = FailureKind::kRestart, .retries = 100, .delay = 1s};
  FailureRecord record;
  for (int i = 0; i < 50; ++i) {
    const auto step = after_failure(policy, record, kStart + i * 1s);
    ASSERT_LE(step.pause, 30s);
    record = step.record;
  }
}

TEST(FailurePolicy, of_kind_skip_rests_after_so_many_failures_in_a_row) {
  const FailurePolicy policy{.kind = FailureKind::kSkip};
  FailureRecord record;
  for (int i = 0; i < 4; ++i) {
    const auto step = after_failure(policy, record, kStart);
    ASSERT_EQ(step.action, FailureAction::kContinue);
    record = step.record;
  }
  const auto fifth = after_failure(policy, record, kStart);
  EXPECT_EQ(fifth.action, FailureAction::kRest);
  EXPECT_EQ(fifth.pause, 30s);
  EXPECT_EQ(fifth.record.in_a_row, 0) << "after the rest it starts afresh";
}

}  // namespace
}  // namespace horus

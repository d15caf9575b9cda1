// SPDX-License-Identifier: Apache-2.0
#include "rt/node_config.hpp"

#include <gmock/gmock.h>

#include <string>

#include <gtest/gtest.h>

#include <horus/node.hpp>
#include <horus/realtime.hpp>
#include <horus/result.hpp>

namespace horus {
namespace {

using ::testing::HasSubstr;

NodeConfig good() {
  return {.name = NodeName::clipped("motor"), .rate = 1000_hz};
}

template <typename Change>
std::string refusal(Change change) {
  NodeConfig config = good();
  change(config);
  const Status status = validate(config);
  if (status) return {};
  EXPECT_EQ(status.error().code, Errc::kInvalidArgument);
  return status.error().what;
}

TEST(Validate, accepts_what_is_sane) {
  EXPECT_TRUE(validate(good()));
  EXPECT_EQ(refusal([](auto& c) { c.budget = 1ms; }), "") << "a budget may fill the period";
  EXPECT_EQ(refusal([](auto& c) { c.deadline = 5ms; }), "") << "a deadline may be beyond it";
  EXPECT_EQ(refusal([](auto& c) { c.priority = 1; }), "");
  EXPECT_EQ(refusal([](auto& c) { c.priority = 98; }), "");
  EXPECT_EQ(refusal([](auto& c) { c.priority = 99; }), "priority must be 1 to 98");
  EXPECT_EQ(refusal([](auto& c) { c.order = 255; }), "");
  EXPECT_EQ(refusal([](auto& c) { c.cpu = 0; }), "");
  EXPECT_TRUE(validate({.name = NodeName::clipped("e"), .node_class = NodeClass::kEvent}));
  EXPECT_TRUE(validate({.name = NodeName::clipped("b"), .node_class = NodeClass::kBestEffort}));
}

TEST(Validate, says_that_a_budget_beyond_the_period_looks_like_microseconds) {
  EXPECT_THAT(refusal([](auto& c) { c.budget = 300s; }), "budget is longer than the period 1/rate");
  EXPECT_THAT(refusal([](auto& c) { c.budget = 1ms + 1ns; }), HasSubstr("budget"));
}

TEST(Validate, refuses_each_value_outside_of_its_limits_by_name) {
  EXPECT_THAT(refusal([](auto& c) { c.name = {}; }), HasSubstr("name"));
  EXPECT_THAT(refusal([](auto& c) { c.name = NodeName::clipped("a\nb"); }), HasSubstr("name"));
  EXPECT_THAT(refusal([](auto& c) { c.rate.reset(); }), HasSubstr("rate"));
  EXPECT_THAT(refusal([](auto& c) { c.budget = 0ns; }), HasSubstr("budget"));
  EXPECT_THAT(refusal([](auto& c) { c.budget = -1us; }), HasSubstr("budget"));
  EXPECT_THAT(refusal([](auto& c) { c.deadline = 0ns; }), HasSubstr("deadline"));
  EXPECT_THAT(refusal([](auto& c) { c.watchdog = -1ns; }), HasSubstr("watchdog"));
  EXPECT_THAT(refusal([](auto& c) { c.order = -1; }), HasSubstr("order"));
  EXPECT_THAT(refusal([](auto& c) { c.order = 256; }), HasSubstr("order"));
  EXPECT_THAT(refusal([](auto& c) { c.priority = 0; }), HasSubstr("priority"));
  EXPECT_THAT(refusal([](auto& c) { c.priority = 100; }), HasSubstr("priority"));
  EXPECT_THAT(refusal([](auto& c) { c.cpu = -1; }), HasSubstr("cpu"));
  EXPECT_THAT(refusal([](auto& c) { c.cpu = CpuSet::kMaxCpus; }), HasSubstr("cpu"));
  EXPECT_THAT(refusal([](auto& c) { c.failure.retries = -1; }), HasSubstr("retries"));
  EXPECT_THAT(refusal([](auto& c) { c.failure.delay = -1ns; }), HasSubstr("delay"));
  EXPECT_THAT(refusal([](auto& c) { c.failure.failures = 0; }), HasSubstr("failure"));
  EXPECT_THAT(refusal([](auto& c) { c.failure.rest = -1ns; }), HasSubstr("rest"));
}

TEST(Validate, wants_a_rate_for_each_class_but_event_and_best_effort) {
  EXPECT_THAT(refusal([](auto& c) {
                c.node_class = NodeClass::kCompute;
                c.rate.reset();
              }),
              HasSubstr("rate"));
  EXPECT_THAT(refusal([](auto& c) {
                c.node_class = NodeClass::kAsync;
                c.rate.reset();
              }),
              HasSubstr("rate"));
  EXPECT_THAT(refusal([](auto& c) { c.node_class = NodeClass::kEvent; }), HasSubstr("rate"));
}

TEST(Validate, names_the_node) {
  NodeConfig config = good();
  config.order = 300;
  EXPECT_EQ(validate(config).error().subject.view(), "motor");
}

TEST(Validate, refuses_a_deadline_below_the_budget) {
  const auto with = [](Nanos deadline) {
    return refusal([deadline](auto& c) {
      c.budget = 500us;
      c.deadline = deadline;
    });
  };
  EXPECT_THAT(with(499us), HasSubstr("deadline is below budget"));
  EXPECT_EQ(with(500us), "");
}

TEST(EffectiveBudget, is_a_share_of_the_period_by_default) {
  const Budget budget = effective_budget(good());
  EXPECT_EQ(budget.execution, 800us);
  EXPECT_EQ(budget.deadline, 950us);
}

TEST(EffectiveBudget, takes_the_budget_for_the_deadline_if_only_that_is_given) {
  NodeConfig config = good();
  config.budget = 300us;
  EXPECT_EQ(effective_budget(config).execution, 300us);
  EXPECT_EQ(effective_budget(config).deadline, 300us);
  config.deadline = 700us;
  EXPECT_EQ(effective_budget(config).deadline, 700us);
  config.budget.reset();
  EXPECT_EQ(effective_budget(config).execution, 800us);
  EXPECT_EQ(effective_budget(config).deadline, 700us);
}

TEST(EffectiveBudget, of_event_async_and_best_effort_nodes_is_what_was_given) {
  for (const auto node_class : {NodeClass::kEvent, NodeClass::kAsync, NodeClass::kBestEffort}) {
    NodeConfig config{.name = NodeName::clipped("n"), .node_class = node_class};
    if (node_class == NodeClass::kAsync) config.rate = 30_hz;
    EXPECT_EQ(effective_budget(config).execution, 0ns);
    EXPECT_EQ(effective_budget(config).deadline, 0ns);
    config.budget = 1ms;
    EXPECT_EQ(effective_budget(config).execution, 1ms);
    EXPECT_EQ(effective_budget(config).deadline, 1ms);
  }
}

TEST(ParsePolicies, know_their_texts_and_no_others) {
  EXPECT_EQ(parse_word<MissPolicy>("warn"), MissPolicy::kWarn);
  EXPECT_EQ(parse_word<MissPolicy>("skip"), MissPolicy::kSkip);
  EXPECT_EQ(parse_word<MissPolicy>("safe_mode"), MissPolicy::kSafeMode);
  EXPECT_EQ(parse_word<MissPolicy>("safemode"), MissPolicy::kSafeMode);
  EXPECT_EQ(parse_word<MissPolicy>("stop"), MissPolicy::kStop);
  EXPECT_EQ(parse_word<FailureKind>("log"), FailureKind::kLog);
  EXPECT_EQ(parse_word<FailureKind>("fatal"), FailureKind::kFatal);
  EXPECT_EQ(parse_word<FailureKind>("restart"), FailureKind::kRestart);
  EXPECT_EQ(parse_word<FailureKind>("skip"), FailureKind::kSkip);
  EXPECT_EQ(parse_word<FailureKind>("ignore"), FailureKind::kIgnore);
  for (const char* text : {"", "Warn", "warn ", "safe mode", "none"}) {
    EXPECT_FALSE(parse_word<MissPolicy>(text)) << text;
    EXPECT_FALSE(parse_word<FailureKind>(text)) << text;
  }
}

TEST(ParsePolicies, each_policy_has_a_text_of_its_own) {
  EXPECT_STREQ(to_text(MissPolicy::kSafeMode), "safe_mode") << "the first of its two";
  for (const auto policy :
       {MissPolicy::kWarn, MissPolicy::kSkip, MissPolicy::kSafeMode, MissPolicy::kStop}) {
    EXPECT_EQ(parse_word<MissPolicy>(to_text(policy)), policy);
  }
  for (const auto kind : {FailureKind::kLog, FailureKind::kFatal, FailureKind::kRestart,
                          FailureKind::kSkip, FailureKind::kIgnore}) {
    EXPECT_EQ(parse_word<FailureKind>(to_text(kind)), kind);
  }
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/plan.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace horus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

NodeConfig node(const char* name, Rate rate) {
  return {.name = NodeName::clipped(name), .rate = rate};
}

PlanLimits limits(const char* realtime, const char* allowed = "0-3") {
  return {.realtime = CpuSet::parse(realtime).value(),
          .housekeeping = CpuSet::of(0),
          .allowed = CpuSet::parse(allowed).value(),
          .priority_ceiling = 80};
}

const GroupPlan& group_of(const std::vector<GroupPlan>& plan, std::size_t node_index) {
  return *std::find_if(plan.begin(), plan.end(), [node_index](const GroupPlan& group) {
    return std::count(group.nodes.begin(), group.nodes.end(), node_index) == 1;
  });
}

TEST(MakePlan, of_nothing_is_empty) {
  EXPECT_TRUE(make_plan({}, limits("1")).value().empty());
}

TEST(MakePlan, puts_nodes_of_one_rate_onto_one_thread_in_their_order) {
  std::vector<NodeConfig> configs{node("c", 100_hz), node("a", 100_hz), node("b", 100_hz)};
  configs[0].order = 2;
  const auto plan = make_plan(configs, limits("1")).value();
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_THAT(plan[0].nodes, ElementsAre(1, 2, 0)) << "by order, then as they were added";
  EXPECT_EQ(plan[0].period, 10ms);
  EXPECT_EQ(plan[0].cpu, 1);
}

TEST(MakePlan, gives_shorter_periods_higher_priorities_below_the_ceiling) {
  const std::vector<NodeConfig> configs{node("slow", 10_hz), node("fast", 1000_hz),
                                        node("middle", 100_hz)};
  const auto plan = make_plan(configs, limits("1")).value();
  EXPECT_EQ(group_of(plan, 1).priority, 80);
  EXPECT_EQ(group_of(plan, 2).priority, 79);
  EXPECT_EQ(group_of(plan, 0).priority, 78);
}

TEST(MakePlan, never_goes_below_the_lowest_priority) {
  std::vector<NodeConfig> configs;
  for (int i = 1; i <= 10; ++i) {
    configs.push_back(node(("n" + std::to_string(i)).c_str(), Rate::from_hz(i)));
  }
  PlanLimits few = limits("1");
  few.priority_ceiling = 4;
  for (const auto& group : make_plan(configs, few).value()) {
    EXPECT_GE(group.priority, 1);
    EXPECT_LE(group.priority, 4);
  }
}

TEST(MakePlan, uses_no_priority_without_a_ceiling) {
  std::vector<NodeConfig> configs{node("a", 100_hz)};
  configs[0].priority = 50;
  PlanLimits ordinary = limits("1");
  ordinary.priority_ceiling = 0;
  EXPECT_EQ(make_plan(configs, ordinary).value()[0].priority, 0);
}

TEST(MakePlan, gives_a_node_with_a_priority_of_its_own_a_thread_with_that_priority) {
  std::vector<NodeConfig> configs{node("a", 100_hz), node("b", 100_hz)};
  configs[1].priority = 42;
  const auto plan = make_plan(configs, limits("1")).value();
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(group_of(plan, 0).priority, 80);
  EXPECT_EQ(group_of(plan, 1).priority, 42);
}

TEST(MakePlan, puts_a_node_on_the_cpu_that_it_names) {
  std::vector<NodeConfig> configs{node("a", 100_hz), node("b", 100_hz)};
  configs[1].cpu = 3;
  const auto plan = make_plan(configs, limits("1-2")).value();
  EXPECT_EQ(group_of(plan, 1).cpu, 3);
  EXPECT_EQ(group_of(plan, 1).cpus, CpuSet::of(3));
}

TEST(MakePlan, spreads_rates_over_the_real_time_cpus_by_their_need) {
  std::vector<NodeConfig> configs{node("a", 1000_hz), node("b", 500_hz), node("c", 100_hz)};
  configs[0].budget = 700us;   // 70 %
  configs[1].budget = 1000us;  // 50 %
  configs[2].budget = 4000us;  // 40 %
  const auto plan = make_plan(configs, limits("1-2")).value();
  EXPECT_EQ(group_of(plan, 0).cpu, 1);
  EXPECT_EQ(group_of(plan, 1).cpu, 2);
  EXPECT_EQ(group_of(plan, 2).cpu, 2);
}

TEST(MakePlan, spreads_rates_of_unknown_need_too) {
  const std::vector<NodeConfig> configs{node("a", 1000_hz), node("b", 500_hz)};
  const auto plan = make_plan(configs, limits("1-2")).value();
  EXPECT_NE(group_of(plan, 0).cpu, group_of(plan, 1).cpu);
}

TEST(MakePlan, lets_threads_roam_where_no_real_time_cpu_is_named) {
  const std::vector<NodeConfig> configs{node("a", 1000_hz)};
  PlanLimits roaming = limits("");
  const auto plan = make_plan(configs, roaming).value();
  EXPECT_EQ(plan[0].cpu, -1);
  EXPECT_TRUE(plan[0].cpus.empty());
}

TEST(MakePlan, gives_compute_and_event_nodes_an_ordinary_thread_each_on_the_housekeeping_cpus) {
  std::vector<NodeConfig> configs{node("a", 100_hz), node("b", 100_hz), node("c", 100_hz)};
  configs[0].node_class = NodeClass::kCompute;
  configs[1].node_class = NodeClass::kCompute;
  configs[2].node_class = NodeClass::kEvent;
  configs[2].rate.reset();
  const auto plan = make_plan(configs, limits("1")).value();
  ASSERT_EQ(plan.size(), 3U);
  for (const auto& group : plan) {
    EXPECT_EQ(group.cpus, CpuSet::of(0));
    EXPECT_EQ(group.priority, 0);
  }
  EXPECT_EQ(group_of(plan, 2).period, 0ns);
}

TEST(MakePlan, lets_an_event_node_have_a_priority_and_a_cpu_of_its_own) {
  std::vector<NodeConfig> configs{
      {.name = NodeName::clipped("e"), .node_class = NodeClass::kEvent, .priority = 60, .cpu = 2}};
  const auto plan = make_plan(configs, limits("1")).value();
  EXPECT_EQ(plan[0].priority, 60);
  EXPECT_EQ(plan[0].cpu, 2);
}

TEST(MakePlan, keeps_best_effort_nodes_apart_from_real_time_ones_of_the_same_rate) {
  std::vector<NodeConfig> configs{node("a", 100_hz), node("b", 100_hz)};
  configs[1].node_class = NodeClass::kBestEffort;
  const auto plan = make_plan(configs, limits("1")).value();
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(group_of(plan, 1).priority, 0);
}

TEST(MakePlan, refuses_a_cpu_that_is_not_there_by_the_nodes_name) {
  std::vector<NodeConfig> configs{node("a", 100_hz), node("stray", 100_hz)};
  configs[1].cpu = 7;
  const auto plan = make_plan(configs, limits("1"));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Errc::kInvalidArgument);
  EXPECT_EQ(plan.error().subject.view(), "node 'stray', CPU 7, allowed: 0-3, real-time: 1");
}

TEST(MakePlan, refuses_budgets_that_one_period_cannot_hold) {
  std::vector<NodeConfig> configs{node("motor", 100_hz), node("imu", 100_hz)};
  configs[0].budget = 6ms;
  configs[1].budget = 5ms;
  const auto plan = make_plan(configs, limits("1-2"));
  ASSERT_FALSE(plan);
  EXPECT_THAT(std::string{plan.error().what}, HasSubstr("period"));
  EXPECT_EQ(plan.error().subject.view(), "motor 60 %, imu 50 %");
}

TEST(MakePlan, refuses_budgets_that_one_cpu_cannot_hold) {
  std::vector<NodeConfig> configs{node("motor", 1000_hz), node("imu", 500_hz)};
  configs[0].budget = 800us;
  configs[1].budget = 500us;
  const auto plan = make_plan(configs, limits("1"));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().subject.view(), "motor 80 %, imu 25 %");
  EXPECT_TRUE(make_plan(configs, limits("1-2"))) << "a second CPU holds them";
}

TEST(MakePlan, refuses_budgets_that_all_cpus_cannot_hold) {
  std::vector<NodeConfig> configs{node("a", 1000_hz), node("b", 500_hz)};
  configs[0].budget = 800us;
  configs[1].budget = 1800us;
  EXPECT_FALSE(make_plan(configs, limits("", "0")));
  EXPECT_TRUE(make_plan(configs, limits("", "0-1")));
}

TEST(MakePlan, counts_the_real_time_cpus_although_the_planning_thread_keeps_off_them) {
  std::vector<NodeConfig> configs{node("left", 100_hz), node("right", 100_hz)};
  for (NodeConfig& config : configs) config.budget = 9ms;
  configs[0].cpu = 2;
  const auto plan = make_plan(configs, limits("2-3", "0"));
  ASSERT_TRUE(plan) << plan.error().subject.view();
  EXPECT_EQ(group_of(plan.value(), 0).cpu, 2);
  EXPECT_EQ(group_of(plan.value(), 1).cpu, 3);
}

TEST(MakePlan, counts_no_cpu_for_a_node_that_has_another) {
  std::vector<NodeConfig> configs{node("outside", 100_hz), node("inside", 100_hz)};
  configs[0].budget = 5ms;
  configs[0].cpu = 0;
  configs[1].budget = 6ms;
  EXPECT_TRUE(make_plan(configs, limits("3", "0-1")));
  configs[0].cpu = 3;
  EXPECT_FALSE(make_plan(configs, limits("3", "0-1"))) << "both on one";
}

TEST(MakePlan, accepts_a_cpu_that_is_exactly_full) {
  std::vector<NodeConfig> configs{node("a", 1000_hz), node("b", 500_hz)};
  configs[0].budget = 600us;
  configs[1].budget = 800us;
  EXPECT_TRUE(make_plan(configs, limits("1")));
}

TEST(MakePlan, does_not_count_compute_nodes_or_unknown_budgets_against_a_cpu) {
  std::vector<NodeConfig> configs{node("a", 1000_hz), node("b", 1000_hz), node("c", 10_hz)};
  configs[0].budget = 1ms;
  configs[2].node_class = NodeClass::kCompute;
  configs[2].budget = 100ms;
  EXPECT_TRUE(make_plan(configs, limits("1", "0-1")));
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
// Nodes that leave, or get another rate, between two ticks of a thread that goes on.
#include <gmock/gmock.h>

#include "rt/executor.hpp"
#include "tests/support/fake_node.hpp"

namespace horus {
namespace {

using ::testing::ElementsAre;

class LeavingNode final : public Node {
 public:
  explicit LeavingNode(test::ManualClock& clock) : inner{clock} {}
  void tick(const Tick& tick) override { inner.tick(tick); }
  void shutdown() override { inner.shutdown(); }
  void enter_safe_state() noexcept override { inner.enter_safe_state(); }
  void removed() noexcept override { ++removals; }

  test::FakeNode inner;
  int removals = 0;
};

class ChangeTest : public ::testing::Test {
 protected:
  ChangeTest() {
    std::vector<std::unique_ptr<NodeRunner>> runners;
    for (std::size_t i = 0; i < 2; ++i) {
      const NodeConfig config{.name = NodeName::clipped(i == 0 ? "arm" : "leg"), .rate = 1000_hz};
      runners.push_back(std::make_unique<NodeRunner>(
          *nodes[i], config, *stats[i], RunnerContext{.clock = clock, .control = control}));
    }
    group = std::make_unique<RateGroup>(std::move(runners));
    group->init();
    executor = std::make_unique<Executor>(
        1ms, *group, nullptr, ExecutorContext{.clock = clock, .control = control, .gate = gate});
  }
  void run(Nanos duration) {
    control.end_at(epoch + duration);
    executor->tick_periodically(epoch);
  }
  std::vector<Nanos> releases(const LeavingNode& node) const {
    std::vector<Nanos> offsets;
    for (const Tick& tick : node.inner.ticks) offsets.push_back(tick.release - epoch);
    return offsets;
  }
  NodeRunner& runner(std::size_t index) { return *group->runners()[index]; }

  test::ManualClock clock;
  const TimePoint epoch = clock.now() + 5ms;
  RunControl control;
  StartGate gate;
  LeavingNode arm{clock};
  LeavingNode leg{clock};
  std::array<LeavingNode*, 2> nodes{&arm, &leg};
  std::array<std::unique_ptr<NodeStats>, 2> stats{std::make_unique<NodeStats>(),
                                                  std::make_unique<NodeStats>()};
  std::unique_ptr<RateGroup> group;
  std::unique_ptr<Executor> executor;
};

TEST_F(ChangeTest, a_faster_rate_begins_one_new_period_after_the_latest_release) {
  arm.inner.on_tick = [&](const Tick& tick) {
    if (tick.number == 2) runner(0).set_timing(500us, {.execution = 400us, .deadline = 475us});
  };
  run(4ms);
  EXPECT_THAT(releases(arm), ElementsAre(0ms, 1ms, 2ms, 2500us, 3ms, 3500us));
  EXPECT_THAT(releases(leg), ElementsAre(0ms, 1ms, 2ms, 3ms)) << "keeps its own grid";
  EXPECT_EQ(arm.inner.ticks.back().period, 500us);
  EXPECT_EQ(arm.inner.ticks.back().budget.deadline, 475us);
  EXPECT_EQ(stats[0]->period_ns.value(), 500'000);
  EXPECT_EQ(stats[0]->skipped.value() + stats[1]->skipped.value(), 0U);
}

TEST_F(ChangeTest, a_slower_rate_leaves_out_what_lies_between) {
  leg.inner.on_tick = [&](const Tick& tick) {
    if (tick.number == 1) runner(1).set_timing(3ms, {});
  };
  run(8ms);
  EXPECT_THAT(releases(leg), ElementsAre(0ms, 1ms, 4ms, 7ms));
  EXPECT_EQ(releases(arm).size(), 8U);
  EXPECT_EQ(stats[1]->skipped.value(), 0U);
}

TEST_F(ChangeTest, skips_are_counted_on_each_node_s_own_grid) {
  arm.inner.on_tick = [&](const Tick& tick) {
    if (tick.number == 0) runner(0).set_timing(2ms, {});
    if (tick.number == 1) clock.advance(5ms);
  };
  run(10ms);
  // The tick at 2 ms ends at 7 ms: releases 4 of the one, 3 to 6 of the other are given up.
  EXPECT_THAT(releases(arm), ElementsAre(0ms, 2ms, 6ms, 8ms));
  EXPECT_EQ(stats[0]->skipped.value(), 1U);
  EXPECT_EQ(stats[1]->ticks.value() + stats[1]->skipped.value(), 10U);
}

TEST_F(ChangeTest, a_node_that_leaves_shuts_down_once_and_the_others_go_on) {
  arm.inner.on_tick = [&](const Tick& tick) {
    if (tick.number == 1) runner(1).remove();
  };
  run(4ms);
  EXPECT_THAT(releases(leg), ElementsAre(0ms, 1ms)) << "the batch that runs is ended";
  EXPECT_EQ(releases(arm).size(), 4U);
  EXPECT_EQ(leg.inner.shutdowns, 1);
  EXPECT_EQ(leg.removals, 1);
  EXPECT_EQ(stats[1]->skipped.value(), 0U);
  EXPECT_EQ(stats[1]->state.value(), NodeState::kStopped);
  EXPECT_FALSE(group->empty());
  control.safety().request_safe_state(StopCause::kMisses, "");
  EXPECT_TRUE(group->safe_state_due());
  group->follow_safe_state();
  EXPECT_EQ(arm.inner.safe_states, 1);
  EXPECT_EQ(leg.inner.safe_states, 0);
  EXPECT_FALSE(group->safe_state_due()) << "nobody waits for who has left";
  group->shutdown();
  EXPECT_EQ(leg.inner.shutdowns, 1);
  EXPECT_EQ(leg.removals, 1);
}

TEST_F(ChangeTest, no_release_behind_the_end_is_ticked_with_a_late_one_before_it) {
  leg.inner.on_tick = [&](const Tick& tick) {
    if (tick.number == 0) runner(1).set_timing(1500us, {});
    if (tick.number == 1) clock.wake_error = 1050us;
  };
  run(2900us);
  // The wake-up for 2 ms comes at 3.05 ms.
  EXPECT_THAT(releases(leg), ElementsAre(0ms, 1500us));
  EXPECT_EQ(stats[0]->ticks.value() + stats[0]->skipped.value(), 3U);
}

TEST_F(ChangeTest, is_followed_by_a_thread_that_has_no_time_to_sleep) {
  arm.inner.on_tick = [&](const Tick& tick) {
    clock.advance(1500us);
    if (tick.number == 2) runner(0).remove();
  };
  run(100ms);
  EXPECT_EQ(arm.inner.ticks.size(), 3U);
  EXPECT_EQ(arm.removals, 1);
}

TEST_F(ChangeTest, a_thread_whose_nodes_have_all_left_ends) {
  arm.inner.on_tick = [&](const Tick&) {
    runner(0).remove();
    runner(1).remove();
  };
  run(1h);
  EXPECT_EQ(arm.inner.ticks.size() + leg.inner.ticks.size(), 2U);
  EXPECT_TRUE(group->empty());
  EXPECT_FALSE(group->change_due());
  EXPECT_EQ(group->next_release(), RunControl::kNever);
  EXPECT_LT(clock.now(), epoch + 1min) << "at once, not at the end of the run";
}

}  // namespace
}  // namespace horus

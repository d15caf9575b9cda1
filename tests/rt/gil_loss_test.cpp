// SPDX-License-Identifier: Apache-2.0
// What a tick has lost of its thread's GIL, as a node's statistics and verdicts tell it.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rt/group_hook.hpp"
#include "rt/rate_group.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/manual_clock.hpp"

namespace horus {
namespace {

/// Tells of losses, one after the other.
class LosingHook final : public GroupHook {
 public:
  bool ticked() noexcept override { return next.lost || next.awaited != Nanos{}; }
  TickLoss loss() noexcept override { return std::exchange(next, {}); }
  bool holder_was_off_cpu() noexcept override { return off_cpu; }

  TickLoss next{};
  bool off_cpu = false;
};

class GilLossTest : public ::testing::Test {
 protected:
  NodeRunner& make() {
    NodeConfig config{.name = NodeName::clipped("arm"), .rate = 1000_hz};
    config.budget = 300us;
    config.deadline = 900us;
    runner_.emplace(node, config, *stats,
                    RunnerContext{.clock = clock, .control = control, .hook = &hook});
    EXPECT_TRUE(runner_->init());
    return *runner_;
  }
  /// One tick that takes `time`, of which it lost `lost` to thread 7.
  void tick(Nanos time, Nanos lost) {
    node.on_tick = [this, time, lost](const Tick&) {
      clock.advance(time);
      hook.next = {.lost = lost != 0ns, .time = lost, .to = 7};
    };
    const TimePoint release = clock.now();
    runner_->run(release, release);
  }

  test::ManualClock clock;
  RunControl control;
  test::FakeNode node{clock};
  LosingHook hook;
  std::unique_ptr<NodeStats> stats = std::make_unique<NodeStats>();

 private:
  std::optional<NodeRunner> runner_;
};

TEST_F(GilLossTest, is_part_of_the_execution_and_of_the_deadline_but_not_of_the_budget) {
  make();
  tick(500us, 250us);
  EXPECT_EQ(stats->last_execution_ns.value(), 500'000);
  EXPECT_EQ(stats->overruns.value(), 0U) << "250 us of its own are within the budget of 300";
  tick(600us, 250us);
  EXPECT_EQ(stats->overruns.value(), 1U) << "350 us are not";
  EXPECT_EQ(stats->misses.value(), 0U);
  tick(950us, 900us);
  EXPECT_EQ(stats->overruns.value(), 1U);
  EXPECT_EQ(stats->misses.value(), 1U);
}

TEST_F(GilLossTest, is_counted_and_timed_and_the_longest_keeps_its_tick_and_its_thread) {
  make();
  tick(100us, 0us);
  tick(100us, 40us);
  tick(100us, 70us);
  tick(100us, 50us);
  EXPECT_EQ(stats->gil_losses.value(), 3U);
  EXPECT_EQ(stats->gil_lost.snapshot().count(), 3U);
  EXPECT_EQ(stats->gil_lost.snapshot().max_ns, 70'000);
  EXPECT_EQ(stats->gil_lost_tick.value(), 2U);
  EXPECT_EQ(stats->gil_lost_to.value(), 7);
}

TEST_F(GilLossTest, that_went_unseen_is_counted_and_not_timed) {
  make();
  node.on_tick = [this](const Tick&) { hook.next = {.lost = true, .time = 0ns, .to = 7}; };
  clock.advance(1ms);
  const TimePoint release = clock.now();
  NodeRunner& runner = make();
  runner.run(release, release);
  EXPECT_EQ(stats->gil_losses.value(), 1U);
  EXPECT_EQ(stats->gil_lost.snapshot().count(), 0U);
  EXPECT_EQ(stats->gil_lost_to.value(), 0);
}

TEST_F(GilLossTest, is_never_more_than_the_execution) {
  make();
  tick(400us, 1ms);
  EXPECT_EQ(stats->overruns.value(), 0U);
  EXPECT_EQ(stats->last_execution_ns.value(), 400'000);
}

TEST_F(GilLossTest, a_wait_is_counted_for_the_nodes_of_its_batch_after_the_last_of_them) {
  test::FakeNode slow_node{clock};
  const auto slow_stats = std::make_unique<NodeStats>();
  const RunnerContext context{.clock = clock, .control = control, .hook = &hook};
  const NodeConfig fast{.name = NodeName::clipped("fast"), .rate = 1000_hz};
  const NodeConfig slow{.name = NodeName::clipped("slow"), .rate = 500_hz};
  std::vector<std::unique_ptr<NodeRunner>> runners;
  runners.push_back(std::make_unique<NodeRunner>(node, fast, *stats, context));
  runners.push_back(std::make_unique<NodeRunner>(slow_node, slow, *slow_stats, context));
  RateGroup group{std::move(runners)};
  group.init();
  std::vector<std::uint64_t> counted_before;
  slow_node.on_tick = [&](const Tick&) {
    counted_before.push_back(stats->gil_wait.snapshot().count());
  };
  group.begin_grid(clock.now());
  for (int i = 0; i < 4; ++i) {
    group.tick_due(clock.now(), TimePoint::max(), 5us);
    clock.advance(1ms);
  }
  EXPECT_EQ(stats->gil_wait.snapshot().count(), 4U);
  EXPECT_EQ(slow_stats->gil_wait.snapshot().count(), 2U);
  EXPECT_EQ(counted_before, (std::vector<std::uint64_t>{0, 2}));
}

TEST_F(GilLossTest, waits_of_100_ms_are_counted_apart_and_so_are_those_for_want_of_a_cpu) {
  NodeRunner& runner = make();
  runner.record_gil_wait(99'999us);
  EXPECT_EQ(stats->gil_long_waits.value(), 0U);
  runner.record_gil_wait(100ms);
  hook.off_cpu = true;
  runner.record_gil_wait(2s);
  EXPECT_EQ(stats->gil_long_waits.value(), 2U);
  EXPECT_EQ(stats->gil_long_waits_off_cpu.value(), 1U);
  EXPECT_EQ(stats->gil_wait.snapshot().count(), 3U);
}

TEST_F(GilLossTest, what_a_tick_awaits_is_told_apart_and_no_execution) {
  make();
  node.on_tick = [this](const Tick&) {
    clock.advance(800us);
    hook.next = {.awaited = 600us};
  };
  const TimePoint release = clock.now();
  make().run(release, release);
  EXPECT_EQ(stats->last_execution_ns.value(), 200'000);
  EXPECT_EQ(stats->awaited.snapshot().max_ns, 600'000);
  EXPECT_EQ(stats->response.snapshot().max_ns, 800'000);
  EXPECT_EQ(stats->overruns.value(), 0U);
  EXPECT_EQ(stats->misses.value(), 0U);
}

}  // namespace
}  // namespace horus

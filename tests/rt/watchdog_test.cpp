// SPDX-License-Identifier: Apache-2.0
#include "rt/watchdog.hpp"

#include <unistd.h>

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_node.hpp"

namespace horus {
namespace {

TEST(JudgeSilence, goes_up_with_each_multiple_of_the_limit) {
  EXPECT_EQ(judge_silence(99ms, 100ms), Silence::kMoves);
  EXPECT_EQ(judge_silence(100ms, 100ms), Silence::kWarned);
  EXPECT_EQ(judge_silence(200ms, 100ms), Silence::kUnhealthy);
  EXPECT_EQ(judge_silence(300ms, 100ms), Silence::kHung);
  EXPECT_EQ(judge_silence(-1ms, 100ms), Silence::kMoves) << "the release is still to come";
}

TEST(SilenceLimit, is_the_nodes_own_or_the_schedulers_or_ten_periods) {
  NodeConfig config{.rate = 20_hz};
  EXPECT_EQ(silence_limit(config, 0ms), 500ms);
  EXPECT_EQ(silence_limit(config, 70ms), 70ms);
  config.watchdog = 30ms;
  EXPECT_EQ(silence_limit(config, 70ms), 30ms);
  EXPECT_EQ(silence_limit({.rate = 1000_hz}, 0ms), 100ms);
  EXPECT_EQ(silence_limit({.node_class = NodeClass::kEvent}, 0ms), 1s);
}

class WatchdogTest : public ::testing::Test {
 protected:
  WatchdogTest() {
    std::vector<std::unique_ptr<NodeRunner>> runners;
    for (int i = 0; i < 2; ++i) {
      const NodeConfig config{.name = NodeName::clipped(i == 0 ? "hangs" : "shares"),
                              .rate = 1000_hz};
      runners.push_back(std::make_unique<NodeRunner>(
          i == 0 ? hangs : shares, config, stats[static_cast<std::size_t>(i)],
          RunnerContext{.clock = clock, .control = control}));
    }
    group = std::make_unique<RateGroup>(std::move(runners));
    watchdog.watch(*group);
  }
  void pass(Nanos time) {
    for (Nanos passed{}; passed < time; passed += watchdog.interval()) {
      clock.advance(watchdog.interval());
      watchdog.look();
    }
  }

  test::ManualClock clock;
  RunControl control;
  test::FakeNode hangs{clock};
  test::FakeNode shares{clock};
  std::vector<NodeStats> stats = std::vector<NodeStats>(2);
  std::unique_ptr<RateGroup> group;
  Watchdog watchdog{clock, control, 100ms};
};

TEST_F(WatchdogTest, looks_several_times_within_a_limit) {
  EXPECT_EQ(watchdog.interval(), 25ms);
}

TEST_F(WatchdogTest, leaves_an_executor_alone_that_owes_nothing) {
  pass(10s);
  EXPECT_TRUE(watchdog.alive());
  EXPECT_EQ(control.safe_episodes(), 0U);
}

TEST_F(WatchdogTest, leaves_an_executor_alone_that_waits_for_a_release_to_come) {
  group->progress().owe(clock.now() + 20s);
  pass(10s);
  EXPECT_TRUE(watchdog.alive());
}

TEST_F(WatchdogTest, counts_a_silence_of_twice_the_limit_as_not_alive) {
  group->progress().owe(clock.now());
  clock.advance(199ms);
  EXPECT_TRUE(watchdog.alive());
  clock.advance(1ms);
  EXPECT_FALSE(watchdog.alive());
  group->progress().owe(clock.now());
  EXPECT_TRUE(watchdog.alive()) << "a sign of life heals";
}

TEST_F(WatchdogTest, counts_each_episode_of_silence_once) {
  for (std::uint64_t episode = 1; episode <= 2; ++episode) {
    group->progress().owe(clock.now());
    pass(75ms);
    EXPECT_EQ(watchdog.expirations(), episode - 1);
    pass(500ms);
    EXPECT_EQ(watchdog.expirations(), episode);
    group->progress().owe(clock.now() + 1s);
    watchdog.look();
  }
}

TEST_F(WatchdogTest, isolates_the_node_that_hangs_and_makes_all_others_safe) {
  group->progress().owe(clock.now());
  group->progress().running = 0;
  pass(250ms);
  EXPECT_EQ(control.safe_episodes(), 0U);
  EXPECT_FALSE(group->runners()[0]->isolated());
  pass(100ms);
  EXPECT_EQ(control.safe_episodes(), 1U);
  EXPECT_TRUE(group->runners()[0]->isolated());
  EXPECT_FALSE(group->runners()[1]->isolated());
  EXPECT_EQ(hangs.safe_states, 1) << "called from the watchdog, the node's thread hangs";
  EXPECT_EQ(shares.safe_states, 1) << "it cannot follow on its own: its thread hangs too";
  EXPECT_EQ(stats[0].state.value(), NodeState::kError);
  pass(10s);
  EXPECT_EQ(control.safe_episodes(), 1U) << "once an episode";
}

TEST_F(WatchdogTest, isolates_no_node_when_the_thread_does_not_get_to_run) {
  group->progress().owe(clock.now());
  pass(500ms);
  EXPECT_EQ(control.safe_episodes(), 1U);
  EXPECT_FALSE(group->runners()[0]->isolated());
}

TEST_F(WatchdogTest, gives_executors_time_after_a_stall_of_the_whole_machine) {
  group->progress().owe(clock.now());
  group->progress().running = 0;
  clock.advance(10s);
  watchdog.look();
  EXPECT_FALSE(group->runners()[0]->isolated());
  group->progress().owe(clock.now());
  pass(50ms);
  EXPECT_EQ(control.safe_episodes(), 0U);
}

TEST_F(WatchdogTest, writes_what_the_kernel_counted_since_the_base) {
  stats[0].tid.set(::gettid());
  // The kernel counts a thread's time at its own ticks: without a base there is nothing to
  // subtract.
  while (read_thread_usage(::gettid())->cpu_time_ns == 0) {
  }
  watchdog.take_usage_base();
  const auto base = read_thread_usage(::gettid());
  ASSERT_TRUE(base);
  std::uint64_t used = 0;
  while (used <= base->cpu_time_ns) used = read_thread_usage(::gettid())->cpu_time_ns;
  watchdog.store_usage();
  EXPECT_GT(stats[0].thread.cpu_time_ns.value(), 0U);
  EXPECT_LT(stats[0].thread.cpu_time_ns.value(), used);
  EXPECT_EQ(stats[1].thread.cpu_time_ns.value(), stats[0].thread.cpu_time_ns.value());
  EXPECT_GE(stats[0].thread.last_cpu.value(), 0);
}

}  // namespace
}  // namespace horus

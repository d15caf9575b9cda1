// SPDX-License-Identifier: Apache-2.0
#include "rt/watchdog.hpp"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

TEST(JudgeSilence, goes_up_with_each_multiple_of_the_limit) {
  EXPECT_EQ(judge_silence(99ms, 100ms), Silence::kMoves);
  EXPECT_EQ(judge_silence(100ms, 100ms), Silence::kWarned);
  EXPECT_EQ(judge_silence(200ms, 100ms), Silence::kUnhealthy);
  EXPECT_EQ(judge_silence(300ms, 100ms), Silence::kHung);
  EXPECT_EQ(judge_silence(1h, 0ms), Silence::kMoves) << "there is no limit";
  EXPECT_EQ(judge_silence(-1ms, 100ms), Silence::kMoves) << "the release is still to come";
}

TEST(SilenceLimit, is_the_nodes_own_or_the_schedulers_or_ten_periods) {
  NodeConfig config{.rate = 20_hz};
  EXPECT_EQ(silence_limit(config, 0ms), 1s) << "ten periods would be less than a second";
  EXPECT_EQ(silence_limit(config, 70ms), 70ms);
  config.watchdog = 30ms;
  EXPECT_EQ(silence_limit(config, 70ms), 30ms);
  config.watchdog = 0ms;
  EXPECT_EQ(silence_limit(config, 70ms), 0ms) << "switched off";
  EXPECT_EQ(silence_limit({.rate = 2_hz}, 0ms), 5s);
  EXPECT_EQ(silence_limit({.node_class = NodeClass::kCompute, .rate = 20_hz}, 0ms), 30s);
  EXPECT_EQ(silence_limit({.node_class = NodeClass::kCompute, .rate = 0.1_hz}, 0ms), 100s);
  EXPECT_EQ(silence_limit({.node_class = NodeClass::kEvent}, 0ms), 1s);
}

/// Its owner is in something on its own thread.
class Owner final : public RunGuard {
 public:
  std::optional<BlockedCall> own_call() noexcept override { return call; }
  void hung(const BlockedCall& /*call*/, std::string_view why) noexcept override {
    hangs.emplace_back(why);
  }
  std::optional<BlockedCall> call;
  std::vector<std::string> hangs;
};

TEST(Watchdog, tells_of_what_the_owner_does_for_a_node_once_an_episode) {
  test::ManualClock clock;
  RunControl control;
  Owner owner;
  Watchdog watchdog{clock, control, {.hang_timeout = 2s, .guard = &owner}};
  owner.call = {.node = NodeName::clipped("arm"), .in = NodeActivity::kSafeState, .since = 2999ms};
  watchdog.look();
  EXPECT_TRUE(owner.hangs.empty());
  owner.call->since = 3s;
  watchdog.look();
  watchdog.look();
  ASSERT_EQ(owner.hangs.size(), 1U);
  EXPECT_EQ(owner.hangs[0],
            "node 'arm' has been in its safe_state for 3000 ms, on the thread that called run()");
  owner.call.reset();
  watchdog.look();
  owner.call = {.node = {}, .in = NodeActivity::kNone, .since = 1min};
  watchdog.look();
  ASSERT_EQ(owner.hangs.size(), 2U) << "another episode";
  EXPECT_TRUE(owner.hangs[1].starts_with("the main thread has been in its signal handler for"));
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
          RunnerContext{.clock = clock, .control = control, .hook = &hook}));
    }
    group = std::make_unique<RateGroup>(std::move(runners));
    watchdog.watch(*group);
    EXPECT_TRUE(watchdog.start({}));
  }
  void pass(Nanos time) {
    for (Nanos passed{}; passed < time; passed += watchdog.interval()) {
      clock.advance(watchdog.interval());
      watchdog.look();
      watchdog.await_rest();
    }
  }

  class Hook final : public GroupHook {
   public:
    bool debugged() noexcept override { return held; }
    bool awaits() noexcept override { return waits; }
    bool held = false;
    bool waits = false;
  };

  test::ManualClock clock;
  RunControl control;
  Hook hook;
  test::FakeNode hangs{clock};
  test::FakeNode shares{clock};
  std::vector<NodeStats> stats = std::vector<NodeStats>(2);
  std::unique_ptr<RateGroup> group;
  class Told final : public Outputs {
   public:
    bool isolate(const NodeName& node, bool isolated) noexcept override {
      if (busy) return false;
      said.push_back(std::string{node.view()} + (isolated ? " out" : " back"));
      return true;
    }
    bool busy = false;
    std::vector<std::string> said;
  };
  Told outputs;
  Watchdog watchdog{clock, control, {.fallback = 100ms, .outputs = &outputs}};
};

TEST_F(WatchdogTest, looks_several_times_within_a_limit) {
  EXPECT_EQ(watchdog.interval(), 25ms);
}

TEST_F(WatchdogTest, leaves_an_executor_alone_that_owes_nothing) {
  pass(10s);
  EXPECT_TRUE(watchdog.alive());
  EXPECT_EQ(control.safety().episode(), 0U);
}

TEST_F(WatchdogTest, leaves_an_executor_alone_that_waits_for_a_release_to_come) {
  group->progress().expect(clock.now() + 20s);
  pass(10s);
  EXPECT_TRUE(watchdog.alive());
}

TEST_F(WatchdogTest, counts_a_silence_as_not_alive_that_is_isolated_for) {
  group->progress().expect(clock.now());
  clock.advance(299ms);
  EXPECT_TRUE(watchdog.alive());
  clock.advance(1ms);
  EXPECT_FALSE(watchdog.alive());
  group->progress().expect(clock.now());
  EXPECT_TRUE(watchdog.alive()) << "a sign of life heals";
}

TEST_F(WatchdogTest, counts_each_episode_of_silence_once) {
  for (std::uint64_t episode = 1; episode <= 2; ++episode) {
    group->progress().expect(clock.now());
    pass(75ms);
    EXPECT_EQ(watchdog.expirations(), episode - 1);
    pass(500ms);
    EXPECT_EQ(watchdog.expirations(), episode);
    EXPECT_EQ(stats[0].hangs.value(), episode);
    EXPECT_EQ(stats[1].hangs.value(), 0U);
    group->progress().expect(clock.now() + 1s);
    watchdog.look();
  }
}

TEST_F(WatchdogTest, isolates_the_node_that_hangs_and_makes_all_others_safe) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  pass(250ms);
  EXPECT_EQ(control.safety().episode(), 0U);
  EXPECT_FALSE(group->runners()[0]->isolated());
  pass(100ms);
  EXPECT_EQ(control.safety().episode(), 1U);
  EXPECT_TRUE(group->runners()[0]->isolated());
  EXPECT_FALSE(group->runners()[1]->isolated());
  EXPECT_EQ(hangs.safe_states, 0) << "not beside its tick";
  EXPECT_EQ(shares.safe_states, 1) << "it cannot follow on its own: its thread hangs too";
  EXPECT_EQ(stats[0].state.value(), NodeState::kError);
  EXPECT_EQ(control.safety().note()->cause, StopCause::kHang);
  pass(10s);
  EXPECT_EQ(control.safety().episode(), 1U) << "once an episode";
  EXPECT_EQ(shares.safe_states, 1);
  // The tick has come back.
  group->runners()[0]->run(clock.now(), clock.now());
  EXPECT_EQ(hangs.safe_states, 1);
  EXPECT_TRUE(hangs.ticks.empty());
}

TEST_F(WatchdogTest, a_node_that_hangs_is_called_beside_its_tick_where_it_says_that_it_may_be) {
  group = std::make_unique<RateGroup>([&] {
    std::vector<std::unique_ptr<NodeRunner>> runners;
    runners.push_back(std::make_unique<NodeRunner>(
        hangs,
        NodeConfig{.name = NodeName::clipped("hangs"), .rate = 1000_hz, .safe_state_async = true},
        stats[0], RunnerContext{.clock = clock, .control = control}));
    return runners;
  }());
  Watchdog other{clock, control, {.fallback = 100ms}};
  ASSERT_TRUE(other.start({}));
  other.watch(*group);
  group->progress().expect(clock.now());
  group->progress().running = 0;
  for (int i = 0; i < 20; ++i) {
    clock.advance(other.interval());
    other.look();
    other.await_rest();
  }
  EXPECT_EQ(hangs.safe_states, 1);
}

TEST_F(WatchdogTest, that_a_node_hangs_which_the_robot_cannot_do_without_is_a_stop) {
  std::vector<std::unique_ptr<NodeRunner>> runners;
  runners.push_back(std::make_unique<NodeRunner>(
      hangs, NodeConfig{.name = NodeName::clipped("hangs"), .rate = 1000_hz, .critical = true},
      stats[0], RunnerContext{.clock = clock, .control = control}));
  RateGroup hung{std::move(runners)};
  Watchdog other{clock, control, {.fallback = 100ms}};
  ASSERT_TRUE(other.start({}));
  other.watch(hung);
  hung.progress().expect(clock.now());
  hung.progress().running = 0;
  for (int i = 0; i < 12; ++i) {
    EXPECT_FALSE(control.safety().look().resting());
    clock.advance(other.interval());
    other.look();
  }
  EXPECT_TRUE(control.safety().look().stopped());
  EXPECT_EQ(control.safety().note()->cause, StopCause::kNode);
  EXPECT_EQ(control.safety().note()->node.view(), "hangs");
}

TEST_F(WatchdogTest, who_hangs_does_not_serve_until_it_has_come_back) {
  std::vector<std::unique_ptr<NodeRunner>> runners;
  runners.push_back(std::make_unique<NodeRunner>(
      hangs, NodeConfig{.name = NodeName::clipped("hangs"), .rate = 1000_hz, .critical = true},
      stats[0], RunnerContext{.clock = clock, .control = control}));
  RateGroup hung{std::move(runners)};
  const NodeRunner& runner = *hung.runners()[0];
  ASSERT_TRUE(hung.runners()[0]->init());
  Watchdog other{clock, control, {.isolates_by_default = false}};
  ASSERT_TRUE(other.start({}));
  other.watch(hung);
  EXPECT_TRUE(runner.serves());
  hung.progress().expect(clock.now());
  hung.progress().running = 0;
  for (int i = 0; i < 100'000 && !control.safety().look().stopped(); ++i) {
    clock.advance(other.interval());
    other.look();
  }
  ASSERT_TRUE(control.safety().look().stopped());
  EXPECT_FALSE(runner.isolated());
  EXPECT_FALSE(runner.serves());
  hung.progress().expect_nothing();
  other.look();
  EXPECT_TRUE(runner.serves());
}

TEST_F(WatchdogTest, who_shares_a_thread_that_hangs_follows_each_rest) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  pass(350ms);
  EXPECT_EQ(shares.safe_states, 1);
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  pass(25ms);
  control.safety().request_stop(StopCause::kCall, "fire");
  pass(25ms);
  EXPECT_EQ(shares.safe_states, 2);
  EXPECT_EQ(hangs.safe_states, 0);
  // Its thread moves again: it follows by itself.
  group->progress().expect_nothing();
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  control.safety().request_stop(StopCause::kCall, "fire");
  pass(50ms);
  EXPECT_EQ(shares.safe_states, 2);
}

TEST_F(WatchdogTest, a_thread_that_has_moved_between_two_looks_follows_by_itself) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  pass(350ms);
  ASSERT_EQ(shares.safe_states, 1);
  group->progress().expect(clock.now());
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  control.safety().request_stop(StopCause::kCall, "fire");
  pass(50ms);
  EXPECT_EQ(shares.safe_states, 1);
}

TEST_F(WatchdogTest, brings_first_to_rest_who_moves_something) {
  std::vector<std::unique_ptr<NodeRunner>> runners;
  for (int i = 0; i < 2; ++i) {
    const NodeConfig config{.name = NodeName::clipped(i == 0 ? "plans" : "drives"),
                            .rate = 1000_hz,
                            .actuator = i == 1};
    runners.push_back(std::make_unique<NodeRunner>(
        i == 0 ? hangs : shares, config, stats[static_cast<std::size_t>(i)],
        RunnerContext{.clock = clock, .control = control}));
  }
  RateGroup hung{std::move(runners)};
  test::FakeNode slow{clock};
  NodeStats slow_stats;
  std::vector<std::unique_ptr<NodeRunner>> slow_runners;
  slow_runners.push_back(std::make_unique<NodeRunner>(
      slow, NodeConfig{.name = NodeName::clipped("slow"), .rate = 1000_hz}, slow_stats,
      RunnerContext{.clock = clock, .control = control}));
  RateGroup other_group{std::move(slow_runners)};
  Watchdog other{clock, control, {.fallback = 100ms}};
  ASSERT_TRUE(other.start({}));
  other.watch(other_group);
  other.watch(hung);
  // One of its two threads blocks, so that the other one calls all others.
  std::atomic<bool> entered{false};
  std::atomic<bool> blocks{true};
  slow.on_safe_state = [&] {
    entered = true;
    blocks.wait(true);
  };
  other_group.progress().expect(clock.now());
  other_group.progress().running = -1;
  for (int i = 0; i < 20; ++i) {
    clock.advance(other.interval());
    other.look();
  }
  test::wait_until([&] { return entered.load(); });
  std::vector<std::string> order;
  hangs.on_safe_state = [&] { order.emplace_back("plans"); };
  shares.on_safe_state = [&] { order.emplace_back("drives"); };
  hung.progress().expect(clock.now());
  hung.progress().running = -1;
  for (int i = 0; i < 20; ++i) {
    clock.advance(other.interval());
    other.look();
  }
  test::wait_until([&] { return !hung.safe_state_due(); });
  blocks = false;
  blocks.notify_all();
  other.await_rest();
  EXPECT_EQ(order, (std::vector<std::string>{"drives", "plans"}));
}

TEST_F(WatchdogTest, tells_the_outputs_once_who_hangs) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  pass(250ms);
  EXPECT_TRUE(outputs.said.empty());
  outputs.busy = true;
  pass(100ms);
  EXPECT_TRUE(group->runners()[0]->isolated());
  outputs.busy = false;
  pass(25ms);
  EXPECT_EQ(outputs.said, std::vector<std::string>{"hangs out"}) << "at the next look";
  pass(10s);
  EXPECT_EQ(outputs.said.size(), 1U);
}

TEST_F(WatchdogTest, tells_the_outputs_whom_a_ladder_isolates_and_who_is_back) {
  stats[1].rung.set(Rung::kDegraded);
  watchdog.look();
  EXPECT_TRUE(outputs.said.empty());
  stats[1].rung.set(Rung::kIsolated);
  watchdog.look();
  stats[1].rung.set(Rung::kNone);
  watchdog.look();
  EXPECT_EQ(outputs.said, (std::vector<std::string>{"shares out", "shares back"}));
}

TEST_F(WatchdogTest, its_lines_name_the_node_and_the_tick_that_does_not_end) {
  test::MemorySink sink;
  LogQueue log{sink};
  stats[1].ticks.set(17);
  stats[1].carried_ticks.set(5);
  group->progress().expect(clock.now());
  group->progress().running = 1;
  pass(150ms);
  log.drain();
  const auto line = sink.find("has been in its tick for 100 ms");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->node.view(), "shares");
  EXPECT_EQ(line->tick, 12U);
  EXPECT_EQ(log_source(), nullptr) << "nobody else's lines";
}

TEST_F(WatchdogTest, goes_on_beside_a_safe_state_that_blocks_and_names_it) {
  test::MemorySink sink;
  LogQueue log{sink};
  std::atomic<bool> release{false};
  std::atomic<bool> entered{false};
  shares.on_safe_state = [&] {
    entered = true;
    release.wait(false);
  };
  group->progress().expect(clock.now());
  group->progress().running = 0;
  const auto look_on = [this](Nanos time) {
    clock.advance(time);
    watchdog.look();
  };
  for (int i = 0; i < 4; ++i) look_on(100ms);
  test::wait_until([&] { return entered.load(); });
  ASSERT_TRUE(watchdog.resting());
  EXPECT_EQ(watchdog.resting()->node.view(), "shares");
  EXPECT_EQ(watchdog.resting()->in, NodeActivity::kSafeState);
  test::wait_until([&] {
    look_on(1ms);
    log.drain();
    return sink.find("node 'shares' is not at rest").has_value();
  });
  // Another hang, in which nobody waits for the first one; the rest is the same.
  group->progress().expect(clock.now());
  for (int i = 0; i < 4; ++i) look_on(100ms);
  EXPECT_EQ(control.safety().episode(), 1U);
  release = true;
  release.notify_all();
  watchdog.await_rest();
  EXPECT_FALSE(watchdog.resting());
  EXPECT_EQ(hangs.safe_states, 0) << "it hangs";
}

TEST_F(WatchdogTest, isolates_a_node_that_hangs_while_another_safe_state_is_called) {
  std::atomic<bool> release{false};
  std::atomic<bool> entered{false};
  hangs.on_safe_state = [&] {
    if (entered.exchange(true)) return;
    release.wait(false);
  };
  const auto episode = [this](int running) {
    group->progress().expect(clock.now());
    group->progress().running = running;
    for (int i = 0; i < 4; ++i) {
      clock.advance(100ms);
      watchdog.look();
    }
  };
  episode(-1);
  test::wait_until([&] { return entered.load(); });
  episode(1);
  EXPECT_TRUE(group->runners()[1]->isolated());
  EXPECT_EQ(stats[1].state.value(), NodeState::kError);
  release = true;
  release.notify_all();
  watchdog.await_rest();
  watchdog.look();
  watchdog.await_rest();
  EXPECT_FALSE(group->runners()[0]->safe_state_due())
      << "what was asked for meanwhile is followed, too";
  EXPECT_EQ(hangs.safe_states, 1) << "once an episode, which holds";
}

TEST_F(WatchdogTest, counts_no_time_that_a_debugger_held_the_thread) {
  group->progress().expect(clock.now());
  hook.held = true;
  pass(10s);
  EXPECT_TRUE(watchdog.alive());
  EXPECT_EQ(watchdog.expirations(), 0U);
  EXPECT_EQ(control.safety().episode(), 0U);
  hook.held = false;
  pass(75ms);
  EXPECT_EQ(watchdog.expirations(), 0U);
  pass(50ms);
  EXPECT_EQ(watchdog.expirations(), 1U);
}

TEST_F(WatchdogTest, counts_no_time_that_a_tick_waited_which_will_be_told_when_to_go_on) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  hook.waits = true;
  pass(10s);
  EXPECT_TRUE(watchdog.alive());
  EXPECT_EQ(watchdog.expirations(), 0U);
  hook.waits = false;
  pass(125ms);
  EXPECT_EQ(watchdog.expirations(), 1U);
}

TEST_F(WatchdogTest, counts_also_what_it_waits_where_a_limit_is_given_while_it_runs) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  hook.waits = true;
  pass(1s);
  EXPECT_EQ(watchdog.expirations(), 0U);
  watchdog.update({.name = NodeName::clipped("hangs"), .rate = 1000_hz, .watchdog = 100ms});
  pass(200ms);
  EXPECT_EQ(watchdog.expirations(), 1U);
}

TEST_F(WatchdogTest, counts_the_shutdown_of_a_node_that_leaves_and_not_the_stops) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  group->progress().activity = NodeActivity::kShutdown;
  pass(125ms);
  EXPECT_EQ(watchdog.expirations(), 1U);
  pass(250ms);
  EXPECT_FALSE(watchdog.alive());
  control.request_stop();
  EXPECT_TRUE(watchdog.alive()) << "how long a stop may take is judged elsewhere";
}

TEST_F(WatchdogTest, counts_what_waits_for_its_turn) {
  group->progress().expect(clock.now());
  hook.waits = true;
  pass(125ms);
  EXPECT_EQ(watchdog.expirations(), 1U) << "no tick runs that could wait";
}

TEST_F(WatchdogTest, a_debugger_takes_no_release_to_come_forward) {
  group->progress().expect(clock.now() + 20s);
  hook.held = true;
  pass(10s);
  EXPECT_EQ(group->progress().expected_since_ns.load(), to_ns(clock.now() + 10s));
}

TEST_F(WatchdogTest, isolates_no_node_when_the_thread_does_not_get_to_run) {
  group->progress().expect(clock.now());
  pass(500ms);
  EXPECT_EQ(control.safety().episode(), 1U);
  EXPECT_FALSE(group->runners()[0]->isolated());
}

TEST_F(WatchdogTest, gives_executors_time_after_a_stall_of_the_whole_machine) {
  group->progress().expect(clock.now());
  group->progress().running = 0;
  clock.advance(10s);
  watchdog.look();
  EXPECT_FALSE(group->runners()[0]->isolated());
  group->progress().expect(clock.now());
  pass(50ms);
  EXPECT_EQ(control.safety().episode(), 0U);
}

TEST_F(WatchdogTest, writes_what_the_kernel_counted_since_the_base) {
  stats[0].tid.set(::gettid());
  // The kernel counts a thread's time at its own ticks: without a base there is nothing to
  // subtract.
  while (read_thread_usage(::gettid())->cpu_time_ns == 0) {
  }
  watchdog.store_usage();
  EXPECT_EQ(stats[0].cpu_time_ns.value(), 0U) << "the inits are not done";
  watchdog.take_usage_base();
  const auto base = read_thread_usage(::gettid());
  ASSERT_TRUE(base);
  std::uint64_t used = 0;
  while (used <= base->cpu_time_ns) used = read_thread_usage(::gettid())->cpu_time_ns;
  watchdog.store_usage();
  EXPECT_GT(stats[0].cpu_time_ns.value(), 0U);
  EXPECT_LT(stats[0].cpu_time_ns.value(), used);
  EXPECT_EQ(stats[1].cpu_time_ns.value(), stats[0].cpu_time_ns.value());
  EXPECT_GE(stats[0].last_cpu.value(), 0);
}

}  // namespace
}  // namespace horus

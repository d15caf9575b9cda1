// SPDX-License-Identifier: Apache-2.0
// What follows when a node does not come back: who is blamed, who is told, and when.
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rt/group_hook.hpp"
#include "rt/watchdog.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

/// Keeps what it is told.
class Told final : public RunGuard {
 public:
  void slow_start(const BlockedCall& call) noexcept override { slow.push_back(call); }
  void isolated(const BlockedCall& call) noexcept override { lost.push_back(call); }
  void hung(const BlockedCall& call, std::string_view why) noexcept override {
    hangs.push_back(call);
    words = why;
  }

  std::vector<BlockedCall> slow;
  std::vector<BlockedCall> lost;
  std::vector<BlockedCall> hangs;
  std::string words;
};

/// Says that somebody has the GIL.
class Kept final : public GroupHook {
 public:
  Holder holder() noexcept override { return now; }
  Holder now{};
};

/// One executor thread of two nodes that have ticked.
struct Lane {
  Lane(RunControl& control, test::ManualClock& its_clock, NodeConfig config, std::int32_t tid)
      : clock{its_clock} {
    std::vector<std::unique_ptr<NodeRunner>> runners;
    for (std::size_t i = 0; i < 2; ++i) {
      config.name = NodeName::clipped((i == 0 ? "a" : "b") + std::to_string(tid));
      runners.push_back(
          std::make_unique<NodeRunner>(i == 0 ? first : second, config, stats[i],
                                       RunnerContext{.clock = clock, .control = control}));
      stats[i].tid.set(tid);
      stats[i].first_release_ns.set(1);
    }
    group = std::make_unique<RateGroup>(std::move(runners));
    group->progress().activity = NodeActivity::kTick;
  }
  /// `node` -1: it waits for its turn.
  void enter(int node) {
    group->progress().expect(clock.now());
    group->progress().running = node;
  }

  test::ManualClock& clock;
  test::FakeNode first{clock};
  test::FakeNode second{clock};
  std::vector<NodeStats> stats = std::vector<NodeStats>(2);
  std::unique_ptr<RateGroup> group;
  Kept hook;
};

class HangTest : public ::testing::Test {
 protected:
  Watchdog& watch(WatchdogOptions options, const NodeConfig& config, int count = 1) {
    options.guard = &told;
    watchdog_ = std::make_unique<Watchdog>(clock, control, options);
    EXPECT_TRUE(watchdog_->start({}));
    for (int i = 0; i < count; ++i) {
      // Numbers that no thread of this process has: nothing is read of them.
      threads.push_back(std::make_unique<Lane>(control, clock, config, 1'000'000'000 + i));
      watchdog_->watch(*threads.back()->group, &threads.back()->hook);
    }
    return *watchdog_;
  }
  void add(Lane& lane) { watchdog_->watch(*lane.group, &lane.hook); }
  void pass(Nanos time) {
    for (Nanos passed{}; passed < time; passed += watchdog_->interval()) {
      look_on(watchdog_->interval());
      watchdog_->await_rest();
    }
  }
  /// Without a wait for the safe states that it has called.
  void look_on(Nanos time) {
    for (Nanos passed{}; passed < time; passed += watchdog_->interval()) {
      clock.advance(watchdog_->interval());
      watchdog_->look();
    }
  }

  Told told;
  test::ManualClock clock;
  RunControl control;
  std::vector<std::unique_ptr<Lane>> threads;

 private:
  std::unique_ptr<Watchdog> watchdog_;
};

TEST_F(HangTest, ten_seconds_after_its_limit_a_node_is_lost) {
  watch({}, {.rate = 50_hz});
  threads[0]->enter(1);
  pass(10s + 750ms);
  EXPECT_TRUE(told.hangs.empty());
  pass(500ms);
  ASSERT_EQ(told.hangs.size(), 1U);
  EXPECT_EQ(told.hangs[0].node.view(), "b1000000000");
  EXPECT_EQ(told.hangs[0].in, NodeActivity::kTick);
  EXPECT_GE(told.hangs[0].since, 11s);
  EXPECT_EQ(told.words, "node 'b1000000000' has been in its tick for 11000 ms");
  pass(1min);
  EXPECT_EQ(told.hangs.size(), 1U) << "once an episode";
}

TEST_F(HangTest, a_safe_state_that_hangs_is_named_and_asked_for_no_more) {
  watch({.fallback = 200ms, .hang_timeout = 1s}, {.rate = 50_hz});
  threads[0]->enter(1);
  threads[0]->group->progress().activity = NodeActivity::kSafeState;
  pass(2s);
  EXPECT_EQ(control.safety().episode(), 0U);
  EXPECT_EQ(threads[0]->first.safe_states + threads[0]->second.safe_states, 0);
  ASSERT_EQ(told.lost.size(), 1U);
  EXPECT_EQ(told.lost[0].in, NodeActivity::kSafeState);
  ASSERT_EQ(told.hangs.size(), 1U);
  EXPECT_EQ(told.hangs[0].in, NodeActivity::kSafeState);
  EXPECT_EQ(told.words.substr(0, 52), "node 'b1000000000' has been in its safe_state for 12");
}

TEST_F(HangTest, the_hang_timeout_is_the_one_that_was_given) {
  watch({.fallback = 200ms, .hang_timeout = 1s}, {.rate = 50_hz});
  threads[0]->enter(0);
  pass(1s + 100ms);
  EXPECT_TRUE(told.hangs.empty());
  pass(200ms);
  EXPECT_EQ(told.hangs.size(), 1U);
}

TEST_F(HangTest, a_new_episode_is_told_again) {
  watch({.fallback = 200ms, .hang_timeout = 1s}, {.rate = 50_hz});
  for (std::size_t episode = 1; episode <= 2; ++episode) {
    threads[0]->enter(0);
    pass(3s);
    EXPECT_EQ(told.hangs.size(), episode);
    threads[0]->group->progress().running = -1;
    threads[0]->group->progress().expect(clock.now() + 1s);
    pass(500ms);
  }
}

TEST_F(HangTest, a_compute_node_is_reported_and_not_lost) {
  Watchdog& watchdog = watch({}, {.node_class = NodeClass::kCompute, .rate = 50_hz});
  threads[0]->enter(0);
  pass(10min);
  EXPECT_EQ(control.safety().episode(), 1U);
  EXPECT_FALSE(threads[0]->group->runners()[0]->isolated());
  EXPECT_TRUE(watchdog.alive());
  EXPECT_TRUE(told.lost.empty());
  EXPECT_TRUE(told.hangs.empty());
}

TEST_F(HangTest, a_compute_node_is_isolated_where_its_limit_was_given) {
  Watchdog& watchdog =
      watch({}, {.node_class = NodeClass::kCompute, .rate = 50_hz, .watchdog = 1s});
  threads[0]->enter(0);
  pass(4s);
  EXPECT_TRUE(threads[0]->group->runners()[0]->isolated());
  EXPECT_FALSE(watchdog.alive());
  EXPECT_EQ(told.lost.size(), 1U);
}

TEST_F(HangTest, a_compute_node_is_lost_where_a_hang_timeout_was_asked_for) {
  watch({.hang_timeout = 5s}, {.node_class = NodeClass::kCompute, .rate = 50_hz});
  threads[0]->enter(0);
  pass(34s);
  EXPECT_TRUE(told.hangs.empty());
  pass(2s);
  EXPECT_EQ(told.hangs.size(), 1U);
}

TEST_F(HangTest, a_node_without_a_watchdog_may_take_for_ever) {
  Watchdog& watchdog = watch({}, {.rate = 50_hz, .watchdog = 0ms});
  threads[0]->enter(0);
  pass(1h);
  EXPECT_TRUE(watchdog.alive());
  EXPECT_EQ(watchdog.expirations(), 0U);
  EXPECT_TRUE(told.hangs.empty());
  EXPECT_EQ(threads[0]->stats[0].busy_in.value(), NodeActivity::kTick) << "but it is shown";
}

TEST_F(HangTest, the_first_tick_has_a_time_of_its_own) {
  Watchdog& watchdog = watch({.first_tick = 1min}, {.rate = 50_hz});
  threads[0]->stats[0].first_release_ns.set(0);
  threads[0]->enter(0);
  pass(59s);
  EXPECT_TRUE(watchdog.alive());
  EXPECT_EQ(watchdog.expirations(), 0U);
  pass(2s);
  EXPECT_EQ(watchdog.expirations(), 1U);
  EXPECT_EQ(told.hangs.size(), 1U) << "it has had its time";
}

TEST_F(HangTest, a_default_limit_isolates_nobody_where_it_is_a_guess) {
  watch({.isolates_by_default = false}, {.rate = 50_hz});
  threads[0]->enter(0);
  pass(5s);
  EXPECT_EQ(control.safety().episode(), 1U);
  EXPECT_FALSE(threads[0]->group->runners()[0]->isolated());
  EXPECT_EQ(threads[0]->first.safe_states, 0) << "it is in its tick";
  EXPECT_EQ(threads[0]->second.safe_states, 1);
}

TEST_F(HangTest, a_limit_that_was_given_isolates) {
  watch({.isolates_by_default = false}, {.rate = 50_hz, .watchdog = 1s});
  threads[0]->enter(0);
  pass(5s);
  EXPECT_TRUE(threads[0]->group->runners()[0]->isolated());
  ASSERT_EQ(told.lost.size(), 1U);
  EXPECT_EQ(told.lost[0].node.view(), "a1000000000");
}

TEST_F(HangTest, safe_state_comes_once_an_episode_also_when_the_thread_goes_on) {
  watch({.fallback = 100ms}, {.rate = 50_hz});
  threads[0]->enter(0);
  pass(500ms);
  // The thread comes back, and each of its nodes looks whether it has to follow.
  threads[0]->group->follow_safe_state();
  EXPECT_EQ(threads[0]->first.safe_states, 1);
  EXPECT_EQ(threads[0]->second.safe_states, 1);
}

TEST_F(HangTest, a_thread_that_goes_on_is_not_brought_to_rest_by_another) {
  watch({.fallback = 100ms}, {.rate = 50_hz});
  Lane& lane = *threads[0];
  std::atomic<bool> entered{false};
  std::atomic<bool> over{false};
  lane.second.on_safe_state = [&] {
    entered = true;
    test::wait_until([&] { return over.load(); });
  };
  lane.enter(0);
  look_on(500ms);
  test::wait_until([&] { return entered.load(); });
  lane.group->progress().expect_nothing();
  look_on(500ms);
  EXPECT_TRUE(control.safety().release(control.safety().look()));
  control.safety().request_stop(StopCause::kCall, "fire");
  look_on(500ms);
  over = true;
  pass(500ms);
  EXPECT_EQ(lane.first.safe_states, 0) << "it follows by itself";
}

TEST_F(HangTest, who_waits_for_the_gil_is_not_isolated_and_the_line_says_who_has_it) {
  watch({.fallback = 100ms, .hang_timeout = 1s}, {.rate = 50_hz});
  threads[0]->enter(-1);
  threads[0]->hook.now = {.thread = 77, .turn = 1};
  pass(2s);
  EXPECT_FALSE(threads[0]->group->runners()[0]->isolated());
  ASSERT_EQ(told.hangs.size(), 1U);
  EXPECT_NE(told.words.find("waiting for the GIL"), std::string::npos) << told.words;
  EXPECT_NE(told.words.find("thread 77 has it"), std::string::npos) << told.words;
}

TEST_F(HangTest, the_node_that_keeps_the_gil_is_lost_before_those_that_wait_for_it) {
  watch({.fallback = 100ms, .hang_timeout = 1s}, {.rate = 50_hz}, 2);
  threads[0]->enter(-1);
  threads[1]->enter(0);
  threads[0]->hook.now = {.thread = 1'000'000'001, .turn = 1};
  threads[1]->hook.now = threads[0]->hook.now;
  pass(1s + 500ms);
  ASSERT_EQ(told.hangs.size(), 1U);
  EXPECT_EQ(told.hangs[0].node.view(), "a1000000001");
  EXPECT_EQ(control.safety().episode(), 1U) << "asked for by the one that hangs";
}

TEST_F(HangTest, nobody_is_lost_who_waits_for_a_node_that_is_only_reported) {
  watch({}, {.rate = 50_hz}, 1);
  NodeConfig computes{.node_class = NodeClass::kCompute, .rate = 50_hz};
  Lane keeper{control, clock, computes, 1'000'000'009};
  add(keeper);
  threads[0]->enter(-1);
  keeper.enter(0);
  threads[0]->hook.now = {.thread = 1'000'000'009, .turn = 1};
  keeper.hook.now = threads[0]->hook.now;
  pass(2min);
  EXPECT_TRUE(told.hangs.empty()) << told.words;
}

TEST_F(HangTest, nobody_is_silent_who_waits_for_a_node_that_may_take_so_long) {
  Watchdog& watchdog = watch({.first_tick = 1min}, {.rate = 50_hz}, 2);
  threads[1]->stats[0].first_release_ns.set(0);
  threads[0]->enter(-1);
  threads[1]->enter(0);
  threads[0]->hook.now = {.thread = 1'000'000'001, .turn = 1};
  pass(50s);
  EXPECT_EQ(watchdog.expirations(), 0U);
}

TEST_F(HangTest, a_tick_that_waits_for_something_else_is_not_excused_by_a_busy_gil) {
  watch({.fallback = 100ms}, {.rate = 50_hz});
  threads[0]->enter(0);
  for (std::uint64_t turn = 1; turn < 40; ++turn) {
    threads[0]->hook.now = {.thread = 77, .turn = turn};
    pass(25ms);
  }
  EXPECT_TRUE(threads[0]->group->runners()[0]->isolated());
}

CpuShare share_of_all{};

CpuShare fake_share(std::int32_t /*tid*/) noexcept {
  return share_of_all;
}

TEST_F(HangTest, who_gets_no_cpu_is_not_hung) {
  Watchdog& watchdog = watch({.cpu_share = fake_share}, {.rate = 50_hz});
  share_of_all = {};
  threads[0]->enter(0);
  for (int i = 0; i < 60; ++i) {
    share_of_all.waited += 240ms;
    share_of_all.ran += 1ms;
    pass(250ms);
  }
  EXPECT_EQ(watchdog.expirations(), 0U);
  EXPECT_TRUE(watchdog.alive());
  EXPECT_TRUE(told.hangs.empty());
}

TEST_F(HangTest, who_has_run_for_half_of_its_limit_is_not_short_of_cpu) {
  Watchdog& watchdog = watch({.cpu_share = fake_share}, {.rate = 50_hz});
  share_of_all = {};
  threads[0]->enter(0);
  for (int i = 0; i < 60; ++i) {
    share_of_all.waited += 200ms;
    share_of_all.ran += 50ms;
    pass(250ms);
  }
  EXPECT_EQ(watchdog.expirations(), 1U);
  EXPECT_EQ(told.hangs.size(), 1U);
}

TEST_F(HangTest, a_long_init_is_told_once_and_is_no_hang) {
  Watchdog& watchdog = watch({}, {.rate = 50_hz});
  threads[0]->group->progress().activity = NodeActivity::kInit;
  threads[0]->enter(1);
  pass(29s);
  EXPECT_TRUE(told.slow.empty());
  pass(2min);
  ASSERT_EQ(told.slow.size(), 1U);
  EXPECT_EQ(told.slow[0].node.view(), "b1000000000");
  EXPECT_TRUE(told.hangs.empty());
  EXPECT_TRUE(watchdog.alive());
}

TEST_F(HangTest, who_was_shut_down_for_a_blocked_thread_does_not_tick_again) {
  watch({}, {.rate = 50_hz});
  Lane& lane = *threads[0];
  lane.group->init();
  lane.enter(0);
  std::atomic<const NodeRunner*> calls{nullptr};
  const NodeRunner* called = nullptr;
  lane.second.on_shutdown = [&] { called = calls; };
  lane.group->shut_down_others(calls);
  EXPECT_EQ(called, lane.group->runners()[1].get());
  EXPECT_EQ(calls, nullptr);
  lane.group->tick(clock.now(), clock.now(), Nanos{-1});
  EXPECT_EQ(lane.second.shutdowns, 1);
  EXPECT_TRUE(lane.second.ticks.empty());
  EXPECT_EQ(lane.first.ticks.size(), 1U) << "it is the one that came back";
  lane.group->shutdown();
  EXPECT_EQ(lane.first.shutdowns, 1);
  EXPECT_EQ(lane.second.shutdowns, 1);
}

TEST_F(HangTest, the_init_of_a_restart_is_an_init) {
  NodeConfig config{.rate = 50_hz};
  config.failure.kind = FailureKind::kRestart;
  watch({}, config);
  Lane& lane = *threads[0];
  lane.group->init();
  lane.first.on_tick = [](const Tick&) { throw std::runtime_error{"once"}; };
  lane.group->tick(clock.now(), clock.now(), Nanos{-1});
  lane.first.on_tick = nullptr;
  NodeActivity during = NodeActivity::kNone;
  lane.first.on_init = [&] { during = lane.group->progress().activity; };
  clock.advance(1s);
  lane.group->tick(clock.now(), clock.now(), Nanos{-1});
  EXPECT_EQ(lane.first.inits, 2);
  EXPECT_EQ(during, NodeActivity::kInit);
  EXPECT_EQ(lane.group->progress().activity, NodeActivity::kTick);
  EXPECT_EQ(lane.first.ticks.size(), 2U);
}

TEST(Progress, what_comes_next_is_not_owed_since_before_the_last_tick_ended) {
  Progress progress;
  progress.expect_next(from_ns(10));
  EXPECT_EQ(progress.expected_since_ns, 10);
  progress.expect(from_ns(100));
  progress.expect_next(from_ns(20));
  EXPECT_EQ(progress.expected_since_ns, 100) << "a release that the long tick has passed over";
  progress.expect_next(from_ns(120));
  EXPECT_EQ(progress.expected_since_ns, 120);
}

TEST_F(HangTest, what_takes_long_is_shown_until_it_is_over) {
  watch({}, {.rate = 50_hz});
  const auto began = to_ns(clock.now());
  threads[0]->enter(1);
  const NodeStats& node = threads[0]->stats[1];
  pass(750ms);
  EXPECT_EQ(node.busy_in.value(), NodeActivity::kNone);
  pass(250ms);
  EXPECT_EQ(node.busy_in.value(), NodeActivity::kTick);
  EXPECT_EQ(node.busy_since_ns.value(), began);
  EXPECT_EQ(threads[0]->stats[0].busy_in.value(), NodeActivity::kNone);
  threads[0]->group->progress().running = -1;
  pass(250ms);
  EXPECT_EQ(node.busy_in.value(), NodeActivity::kNone);
  EXPECT_EQ(node.busy_since_ns.value(), 0);
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "rt/base/acting.hpp"
#include "rt/node_runner.hpp"
#include "rt/safety.hpp"
#include "tests/support/fake_node.hpp"

namespace horus {
namespace {

class ActuatorTest : public testing::Test {
 protected:
  std::unique_ptr<NodeRunner> make(const NodeConfig& config, bool first_life = true) {
    stats = std::make_unique<NodeStats>();
    control.safety().use({.nodes = {stats.get(), 1}});
    auto runner = std::make_unique<NodeRunner>(
        node, config, *stats,
        RunnerContext{.clock = clock, .control = control, .may_arm_at_start = first_life});
    EXPECT_TRUE(runner->init());
    return runner;
  }
  static NodeConfig config() {
    return {.name = NodeName::clipped("drive"), .rate = Rate::from_hz(1000), .actuator = true};
  }
  SafetyState state() const { return stats->safety.value(); }
  bool shut() const { return stats->outputs_shut.load() != 0; }

  test::ManualClock clock;
  RunControl control;
  std::unique_ptr<NodeStats> stats;
  test::FakeNode node{clock};
};

TEST_F(ActuatorTest, waits_for_somebody_who_arms_it) {
  const auto runner = make(config());
  EXPECT_EQ(state(), SafetyState::kDisarmed);
  EXPECT_TRUE(shut());
  runner->run(clock.now(), clock.now());
  EXPECT_FALSE(node.ticks.at(0).armed());
  EXPECT_FALSE(node.ticks.at(0).safe());
  EXPECT_TRUE(runner->arm());
  EXPECT_FALSE(shut());
  runner->run(clock.now(), clock.now());
  EXPECT_TRUE(node.ticks.at(1).armed());
  runner->disarm();
  EXPECT_TRUE(shut());
  EXPECT_EQ(state(), SafetyState::kDisarmed);
}

TEST_F(ActuatorTest, arms_itself_where_it_may_and_never_after_a_crash) {
  NodeConfig itself = config();
  itself.arm_at_start = true;
  EXPECT_TRUE(make(itself, true));
  EXPECT_EQ(state(), SafetyState::kArmed);
  EXPECT_TRUE(make(itself, false));
  EXPECT_EQ(state(), SafetyState::kDisarmed);
  EXPECT_TRUE(shut());
}

TEST(SafetyOfAHost, is_that_of_the_node_that_may_most) {
  using S = SafetyState;
  EXPECT_EQ(more_of(S::kDisarmed, S::kDisarmed), S::kDisarmed);
  EXPECT_EQ(more_of(S::kDisarmed, S::kStopped), S::kDisarmed);
  EXPECT_EQ(more_of(S::kDisarmed, S::kDegraded), S::kDegraded);
  EXPECT_EQ(more_of(S::kDegraded, S::kArmed), S::kArmed);
  EXPECT_EQ(more_of(S::kArmed, S::kDegraded), S::kArmed);
}

TEST_F(ActuatorTest, is_degraded_while_it_acts_at_half_its_rate) {
  NodeConfig slow = config();
  slow.ladder = LadderConfig{.recover = 2, .least = 0ms};
  slow.degrade = true;
  const auto runner = make(slow);
  ASSERT_TRUE(runner->arm());
  int number = 0;
  const auto tick = [&](Nanos takes) {
    node.on_tick = [&, takes](const Tick&) { clock.advance(takes); };
    const TimePoint release = clock.now();
    runner->run(release, release);
    clock.advance(4ms);
    ++number;
  };
  while (stats->rung.value() != Rung::kDegraded && number < 100) tick(2ms);
  EXPECT_EQ(state(), SafetyState::kDegraded);
  EXPECT_FALSE(shut());
  runner->disarm();
  EXPECT_EQ(state(), SafetyState::kDisarmed);
  ASSERT_TRUE(runner->arm());
  tick(0ms);
  EXPECT_EQ(state(), SafetyState::kDegraded) << "whoever arms it meanwhile";
  while (stats->rung.value() != Rung::kNone && number < 200) tick(0ms);
  EXPECT_EQ(state(), SafetyState::kArmed);
}

TEST_F(ActuatorTest, is_shut_at_once_by_a_stop_and_ticks_on_as_safe) {
  const auto runner = make(config());
  ASSERT_TRUE(runner->arm());
  control.safety().request_stop(StopCause::kCall, "fire");
  EXPECT_TRUE(shut()) << "before its thread has seen it";
  bool open_here = false;
  bool open_elsewhere = true;
  node.on_safe_state = [&] {
    open_here = held_back(stats.get()) == nullptr;
    std::thread{[&] { open_elsewhere = held_back(stats.get()) == nullptr; }}.join();
  };
  runner->run(clock.now(), clock.now());
  EXPECT_TRUE(open_here) << "for its way to rest";
  EXPECT_FALSE(open_elsewhere) << "another thread is not on that way";
  EXPECT_EQ(held_back(stats.get()), stats.get());
  EXPECT_EQ(node.safe_states, 1);
  EXPECT_TRUE(node.ticks.at(0).safe());
  runner->run(clock.now(), clock.now());
  EXPECT_EQ(node.safe_states, 1) << "once an episode";
  const Status refused = runner->arm();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kBusy);
  EXPECT_TRUE(shut());
}

TEST_F(ActuatorTest, holds_back_what_its_callbacks_send_as_nobody) {
  std::vector<bool> went_out;
  const auto sends = [&] { went_out.push_back(held_back(nullptr) == nullptr); };
  node.on_init = sends;
  node.on_tick = [&](const Tick& /*tick*/) { sends(); };
  node.on_shutdown = sends;
  const auto runner = make(config());
  runner->run(clock.now(), clock.now());
  ASSERT_TRUE(runner->arm());
  runner->run(clock.now(), clock.now());
  runner->disarm();
  runner->shutdown();
  EXPECT_EQ(went_out, (std::vector{false, false, true, false}));
  sends();
  EXPECT_TRUE(went_out.back()) << "outside of its callbacks the thread is anybody's";
}

TEST_F(ActuatorTest, stops_the_robot_from_its_tick) {
  const auto runner = make(config());
  node.on_tick = [](const Tick& tick) { tick.estop("a wheel is off"); };
  runner->run(clock.now(), clock.now());
  EXPECT_TRUE(control.safety().look().stopped());
  EXPECT_EQ(control.safety().note()->text, "a wheel is off");
  EXPECT_EQ(control.safety().note()->cause, StopCause::kCall);
  Tick{}.estop("nobody runs it");
}

TEST_F(ActuatorTest, is_disarmed_by_a_release_and_told_of_it) {
  const auto runner = make(config());
  ASSERT_TRUE(runner->arm());
  control.safety().request_stop(StopCause::kCall, "fire");
  runner->run(clock.now(), clock.now());
  runner->hold_at_rest();
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  runner->end_rest();
  EXPECT_EQ(state(), SafetyState::kDisarmed);
  runner->run(clock.now(), clock.now());
  EXPECT_EQ(node.left_safe_states, 1);
  EXPECT_TRUE(shut());
  EXPECT_FALSE(node.ticks.back().safe());
  EXPECT_TRUE(runner->arm());
}

TEST_F(ActuatorTest, hears_of_a_rest_that_is_over_before_it_looked) {
  const auto runner = make(config());
  control.safety().request_stop(StopCause::kCall, "fire");
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  runner->run(clock.now(), clock.now());
  EXPECT_EQ(node.safe_states, 1);
  EXPECT_EQ(node.left_safe_states, 1);
}

TEST_F(ActuatorTest, stays_safe_after_a_miss_that_asks_for_it) {
  NodeConfig strict = config();
  strict.on_miss = MissPolicy::kSafeMode;
  const auto runner = make(strict);
  ASSERT_TRUE(runner->arm());
  node.durations = {5ms};
  runner->run(clock.now(), clock.now());
  EXPECT_EQ(node.safe_states, 1);
  EXPECT_EQ(state(), SafetyState::kSafe);
  EXPECT_TRUE(shut());
  runner->run(clock.now(), clock.now());
  EXPECT_TRUE(node.ticks.back().safe()) << "a good tick does not change it";
  EXPECT_FALSE(runner->arm());
  EXPECT_TRUE(control.safety().release(control.safety().look()));
  runner->end_rest();
  EXPECT_EQ(state(), SafetyState::kDisarmed);
  EXPECT_EQ(node.left_safe_states, 0) << "it hears of it on its own thread";
  runner->run(clock.now(), clock.now());
  runner->run(clock.now(), clock.now());
  EXPECT_EQ(node.left_safe_states, 1);
  EXPECT_TRUE(runner->arm());
}

TEST_F(ActuatorTest, says_why_the_robot_is_at_rest_that_it_is_not_armed_for) {
  const auto runner = make(config());
  control.safety().request_stop(StopCause::kCommand, "a hand in the cell");
  const Status refused = runner->arm();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kBusy);
  EXPECT_EQ(refused.error().subject.view(),
            std::string{config().name.view()} + " (command: a hand in the cell)");
}

TEST_F(ActuatorTest, leaves_once_where_it_rested_by_itself_and_with_its_run) {
  NodeConfig strict = config();
  strict.on_miss = MissPolicy::kSafeMode;
  const auto runner = make(strict);
  node.durations = {5ms};
  runner->run(clock.now(), clock.now());
  control.safety().request_stop(StopCause::kCall, "fire");
  runner->run(clock.now(), clock.now());
  runner->hold_at_rest();
  ASSERT_TRUE(control.safety().release(control.safety().look()));
  runner->end_rest();
  runner->run(clock.now(), clock.now());
  runner->run(clock.now(), clock.now());
  EXPECT_EQ(node.left_safe_states, 1);
}

TEST_F(ActuatorTest, is_shut_whoever_comes_first_a_stop_or_an_arming) {
  constexpr int kRounds = 300;
  const auto runner = make(config());
  std::atomic<int> round{0};
  std::atomic<int> done{0};
  std::thread armer{[&] {
    for (int i = 1; i <= kRounds; ++i) {
      while (round.load() < i) std::this_thread::yield();
      static_cast<void>(runner->arm());
      done.store(i);
    }
  }};
  int open = 0;
  for (int i = 1; i <= kRounds; ++i) {
    round.store(i);
    control.safety().request_stop(StopCause::kCall, "fire");
    while (done.load() < i) std::this_thread::yield();
    open += outputs_open(*stats) ? 1 : 0;
    runner->hold_at_rest();
    static_cast<void>(control.safety().release(control.safety().look()));
    runner->end_rest();
  }
  armer.join();
  EXPECT_EQ(open, 0);
}

TEST_F(ActuatorTest, is_nothing_that_others_have_to_be) {
  NodeConfig free = config();
  free.actuator = false;
  const auto runner = make(free);
  EXPECT_EQ(state(), SafetyState::kArmed);
  EXPECT_FALSE(shut());
  control.safety().request_stop(StopCause::kCall, "fire");
  EXPECT_FALSE(shut()) << "it goes on telling what it sees";
  runner->run(clock.now(), clock.now());
  EXPECT_TRUE(node.ticks.back().safe());
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
// Nodes that the robot cannot do without, and what an actuator waits for before it is armed.
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <horus/scheduler.hpp>

#include "rt/node_runner.hpp"
#include "rt/stats_block.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

class CriticalTest : public testing::Test {
 protected:
  std::unique_ptr<NodeRunner> make(const NodeConfig& config) {
    stats = std::make_unique<NodeStats>();
    control.safety().use({.nodes = {stats.get(), 1}});
    auto runner = std::make_unique<NodeRunner>(node, config, *stats,
                                               RunnerContext{.clock = clock, .control = control});
    EXPECT_TRUE(runner->init());
    return runner;
  }
  static NodeConfig config(bool critical = true) {
    return {.name = NodeName::clipped("lidar"), .rate = Rate::from_hz(1000), .critical = critical};
  }
  void tick(NodeRunner& runner, int times = 1) {
    for (int i = 0; i < times; ++i) {
      runner.run(clock.now(), clock.now());
      clock.advance(1ms);
    }
  }
  /// Why the run is stopped; empty: it is not.
  std::string why() const {
    const auto note = control.safety().note();
    if (!control.safety().look().stopped() || !note) return {};
    EXPECT_EQ(note->cause, StopCause::kNode);
    EXPECT_EQ(note->node.view(), "lidar");
    return std::string{note->text.view()};
  }

  test::ManualClock clock;
  RunControl control;
  std::unique_ptr<NodeStats> stats;
  test::FakeNode node{clock};
};

TEST_F(CriticalTest, that_it_rests_after_failures_is_a_stop) {
  for (const bool critical : {false, true}) {
    NodeConfig skips = config(critical);
    skips.failure = {.kind = FailureKind::kSkip, .failures = 2};
    node.on_tick = [](const Tick& /*tick*/) { throw std::runtime_error{"no scan"}; };
    const auto runner = make(skips);
    tick(*runner);
    EXPECT_EQ(why(), "") << "once is no loss";
    EXPECT_TRUE(runner->serves());
    tick(*runner);
    EXPECT_EQ(why(), critical ? "node 'lidar', which the robot cannot do without, has failed too "
                                "often in a row, and rests"
                              : "");
    EXPECT_EQ(static_cast<bool>(runner->serves()), !critical);
  }
}

TEST_F(CriticalTest, that_it_ends_the_run_is_a_stop) {
  NodeConfig fatal = config();
  fatal.failure = {.kind = FailureKind::kFatal};
  node.on_tick = [](const Tick& /*tick*/) { throw std::runtime_error{"no scan"}; };
  const auto runner = make(fatal);
  tick(*runner);
  EXPECT_EQ(why(), "node 'lidar', which the robot cannot do without, has failed, and ends the run");
}

TEST_F(CriticalTest, that_a_miss_of_it_ends_the_run_is_a_stop) {
  NodeConfig strict = config();
  strict.on_miss = MissPolicy::kStop;
  const auto runner = make(strict);
  node.durations = {5ms};
  tick(*runner);
  EXPECT_EQ(why(),
            "node 'lidar', which the robot cannot do without, has missed its deadline, and ends "
            "the run");
}

TEST_F(CriticalTest, that_its_ladder_isolates_it_is_a_stop) {
  for (const bool critical : {false, true}) {
    NodeConfig climbs = config(critical);
    climbs.ladder = {.warn = 1, .degrade = 2, .isolate = 3, .stop = 100, .least = 1ms};
    const auto runner = make(climbs);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(why(), "");
      EXPECT_TRUE(runner->serves());
      node.durations = {5ms};
      tick(*runner);
    }
    EXPECT_EQ(why(), critical ? "node 'lidar', which the robot cannot do without, misses its "
                                "deadlines, and is isolated"
                              : "");
    EXPECT_EQ(static_cast<bool>(runner->serves()), !critical);
  }
}

TEST_F(CriticalTest, that_it_is_started_again_is_none_and_meanwhile_it_does_not_serve) {
  NodeConfig restarts = config();
  restarts.failure = {.kind = FailureKind::kRestart, .retries = 3};
  bool fails = true;
  node.on_tick = [&](const Tick& /*tick*/) {
    if (fails) throw std::runtime_error{"no scan"};
  };
  const auto runner = make(restarts);
  tick(*runner);
  EXPECT_EQ(why(), "");
  const Status serves = runner->serves();
  ASSERT_FALSE(serves);
  EXPECT_EQ(serves.error().subject.view(), "lidar");
  fails = false;
  clock.advance(1s);
  ASSERT_TRUE(runner->restart());
  tick(*runner);
  EXPECT_TRUE(runner->serves());
}

TEST_F(CriticalTest, isolated_it_does_not_serve) {
  const auto runner = make(config());
  EXPECT_TRUE(runner->serves());
  runner->isolate();
  EXPECT_FALSE(runner->serves());
}

TEST_F(CriticalTest, an_actuator_with_a_stale_input_is_not_armed) {
  NodeConfig drive = config(false);
  drive.actuator = true;
  const auto runner = make(drive);
  StaleInput input{.topic = Name<208>::clipped("cmd_vel"), .since_ns = 7, .timeout_ns = 1};
  stats->stale.inputs[1].store(input);
  const Status armed = runner->arm();
  ASSERT_FALSE(armed);
  EXPECT_EQ(armed.error().code, Errc::kBusy);
  EXPECT_EQ(armed.error().subject.view(), "cmd_vel");
  EXPECT_NE(std::string{armed.error().what}.find("stale"), std::string::npos);
  EXPECT_EQ(stats->safety.value(), SafetyState::kDisarmed);
  input.since_ns = 0;
  stats->stale.inputs[1].store(input);
  EXPECT_TRUE(runner->arm());
}

TEST_F(CriticalTest, an_actuator_that_hangs_is_shown_as_safe) {
  NodeConfig drive = config(false);
  drive.actuator = true;
  const auto runner = make(drive);
  ASSERT_TRUE(runner->arm());
  runner->isolate();
  EXPECT_EQ(stats->safety.value(), SafetyState::kSafe);
  EXPECT_NE(stats->outputs_shut.load(), 0U);
}

TEST_F(CriticalTest, does_not_tick_while_another_thread_brings_it_to_rest) {
  const auto runner = make(config());
  control.safety().request_stop(StopCause::kCall, "fire");
  // As its own thread would, should it come back now.
  node.on_safe_state = [&] { tick(*runner); };
  runner->follow_safe_state_for();
  EXPECT_EQ(node.safe_states, 1);
  EXPECT_TRUE(node.ticks.empty());
  EXPECT_EQ(stats->skipped.value(), 1U);
  tick(*runner);
  EXPECT_EQ(node.ticks.size(), 1U);
}

class Fails final : public Node {
 public:
  void tick(const Tick& /*tick*/) override { throw std::runtime_error{"no scan"}; }
};
class Idles final : public Node {
 public:
  void tick(const Tick& /*tick*/) override {}
};

TEST(Scheduler, arms_nobody_while_a_node_rests_that_the_robot_cannot_do_without) {
  for (const bool critical : {false, true}) {
    Fails lidar;
    Idles drive;
    test::MemorySink sink;
    SchedulerOptions options;
    options.log = &sink;
    Scheduler scheduler{options};
    const NodeConfig rests{.name = NodeName::clipped("lidar"),
                           .rate = 1000_hz,
                           .failure = {.kind = FailureKind::kRestart, .delay = 1h},
                           .critical = critical};
    ASSERT_TRUE(scheduler.add(lidar, rests));
    ASSERT_TRUE(scheduler.add(
        drive, {.name = NodeName::clipped("drive"), .rate = 1000_hz, .actuator = true}));
    std::vector<NodeStats> stats(2);
    ASSERT_TRUE(scheduler.start({.nodes = stats}));
    test::wait_until([&] {
      return stats[0].errors.value() > 0 && stats[0].state.value() == NodeState::kError &&
             stats[1].ticks.value() > 0;
    });
    for (const char* const node : {"drive", ""}) {
      const Status armed = scheduler.arm(node);
      ASSERT_EQ(static_cast<bool>(armed), !critical);
      if (critical) {
        EXPECT_EQ(armed.error().subject.view(), "lidar");
      }
    }
    EXPECT_EQ(stats[1].safety.value(), critical ? SafetyState::kDisarmed : SafetyState::kArmed);
    scheduler.request_stop();
    scheduler.wait();
  }
}

}  // namespace
}  // namespace horus

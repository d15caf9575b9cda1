// SPDX-License-Identifier: Apache-2.0
// A stop with a node that does not come back, on real threads.
#include <atomic>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "rt/base/tick_stats.hpp"
#include "rt/run_guard.hpp"
#include "tests/support/heap_stats.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

using test::CountingNode;
using test::HeapStats;
using test::named;

/// In the place of ending the process it lets the node come back.
class Releases final : public RunGuard {
 public:
  void interrupt(const BlockedCall& call) noexcept override { asked = call; }
  bool hurried() noexcept override { return true; }
  void give_up(const BlockedCall& call) noexcept override {
    left = call;
    others_shut_down = other.shutdowns.load();
    go = true;
  }
  void wait() {
    while (!go.load()) std::this_thread::yield();
  }

  CountingNode other;  ///< On the thread of the blocked one.
  BlockedCall asked;
  BlockedCall left;
  int others_shut_down = -1;
  std::atomic<bool> go{false};
};

class BoundedStopTest : public ::testing::Test {
 protected:
  /// Runs `blocked` and another node of its thread until `entered`, then stops.
  void run_and_stop() {
    options.log = &sink;
    options.guard = &guard;
    Scheduler scheduler{options};
    ASSERT_TRUE(scheduler.add(blocked, named("blocked", 100_hz)));
    ASSERT_TRUE(scheduler.add(guard.other, named("other", 100_hz)));
    std::thread stopper{[&] {
      test::wait_until([&] { return entered.load(); });
      scheduler.request_stop();
    }};
    ASSERT_TRUE(scheduler.start(stats.block()));
    report = scheduler.wait();
    stopper.join();
  }
  void block() {
    entered = true;
    guard.wait();
  }

  SchedulerOptions options = test::quiet();
  test::MemorySink sink;
  Releases guard;
  CountingNode blocked;
  HeapStats stats{2};
  StopReport report;
  std::atomic<bool> entered{false};
};

TEST_F(BoundedStopTest, leaves_a_tick_behind_once_the_other_nodes_are_shut_down) {
  blocked.on_tick = [this](const Tick& tick) {
    if (tick.number == 3) block();
  };
  bool came_back = false;
  blocked.on_shutdown = [&] { came_back = guard.go.load(); };
  run_and_stop();
  EXPECT_TRUE(came_back) << "nobody shuts it down beside its own tick";
  EXPECT_EQ(guard.asked.node.view(), "blocked");
  EXPECT_EQ(guard.left.node.view(), "blocked");
  EXPECT_EQ(guard.left.in, NodeActivity::kTick);
  EXPECT_EQ(guard.others_shut_down, 1) << "before anybody is left behind";
  EXPECT_EQ(guard.other.shutdowns.load(), 1) << "and not once more by its own thread";
  EXPECT_EQ(blocked.shutdowns.load(), 1) << "it came back after all";
  EXPECT_EQ(report.reason, StopReason::kRequested);
  EXPECT_TRUE(sink.find("the stop waits for node 'blocked': in its tick for"));
  EXPECT_TRUE(sink.find("node 'blocked' does not come back from its tick"));
}

TEST_F(BoundedStopTest, leaves_an_init_behind) {
  blocked.on_init = [this] { block(); };
  run_and_stop();
  EXPECT_EQ(guard.left.in, NodeActivity::kInit);
  EXPECT_EQ(guard.other.ticks.load(), 0);
}

TEST_F(BoundedStopTest, leaves_a_shutdown_behind_and_shuts_down_what_comes_after_it) {
  blocked.on_tick = [this](const Tick&) { entered = true; };
  blocked.on_shutdown = [this] { guard.wait(); };
  run_and_stop();
  EXPECT_EQ(guard.left.in, NodeActivity::kShutdown);
  EXPECT_EQ(guard.others_shut_down, 1);
  EXPECT_EQ(blocked.shutdowns.load(), 1);
}

TEST_F(BoundedStopTest, leaves_the_shutdown_behind_that_blocks_in_the_place_of_its_own_thread) {
  std::atomic<bool> shuts_down{false};
  blocked.on_tick = [&](const Tick&) {
    entered = true;
    test::wait_until([&] { return shuts_down.load(); });
  };
  guard.other.on_shutdown = [&] {
    shuts_down = true;
    guard.wait();
  };
  run_and_stop();
  EXPECT_EQ(guard.left.node.view(), "other") << "though every thread of the nodes has ended";
  EXPECT_EQ(guard.left.in, NodeActivity::kShutdown);
  EXPECT_EQ(guard.other.shutdowns.load(), 1);
}

TEST_F(BoundedStopTest, leaves_the_safe_state_behind_that_blocks_in_the_place_of_its_thread) {
  options.watchdog = 40ms;
  blocked.on_tick = [this](const Tick&) { test::wait_until([&] { return entered.load(); }); };
  guard.other.on_safe_state = [this] { block(); };
  run_and_stop();
  EXPECT_EQ(guard.left.node.view(), "other") << "though every thread of the nodes has ended";
  EXPECT_EQ(guard.left.in, NodeActivity::kSafeState);
  EXPECT_TRUE(sink.find("node 'other' does not come back from its safe_state"));
}

TEST_F(BoundedStopTest, a_failing_shutdown_of_another_node_is_told) {
  blocked.on_tick = [this](const Tick&) { block(); };
  guard.other.on_shutdown = [] { throw std::runtime_error("the gripper is gone"); };
  run_and_stop();
  EXPECT_TRUE(sink.find("node 'other' failed in its shutdown: the gripper is gone"));
}

/// A signal that nobody passes on.
class Signalled final : public RunGuard {
 public:
  bool wants_stop() noexcept override { return ticked.load(); }
  std::atomic<bool> ticked{false};
};

TEST(BoundedStop, a_run_stops_when_its_guard_wants_it) {
  Signalled guard;
  CountingNode node;
  node.on_tick = [&](const Tick&) { guard.ticked = true; };
  HeapStats stats{1};
  SchedulerOptions options = test::quiet();
  options.guard = &guard;
  Scheduler scheduler{options};
  ASSERT_TRUE(scheduler.add(node, named("node", 100_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  EXPECT_EQ(scheduler.wait(60s).reason, StopReason::kRequested);
}

/// Its own thread is in a safe state, until it is left behind.
class OwnerInCall final : public RunGuard {
 public:
  std::optional<BlockedCall> own_call() noexcept override {
    if (left.load()) return std::nullopt;
    return BlockedCall{.node = NodeName::clipped("arm"), .in = NodeActivity::kSafeState};
  }
  void await_own_calls() noexcept override {
    while (!left.load()) std::this_thread::yield();
  }
  void interrupt_own_call() noexcept override { ++interrupts; }
  bool hurried() noexcept override { return true; }
  void give_up(const BlockedCall& call) noexcept override {
    behind = call;
    left = true;
  }
  std::atomic<int> interrupts{0};
  BlockedCall behind;
  std::atomic<bool> left{false};
};

TEST(BoundedStop, what_the_owner_does_on_its_own_thread_is_left_behind_as_well) {
  OwnerInCall owner;
  CountingNode node;
  HeapStats stats{1};
  test::MemorySink sink;
  SchedulerOptions options = test::quiet();
  options.guard = &owner;
  options.log = &sink;
  Scheduler scheduler{options};
  ASSERT_TRUE(scheduler.add(node, named("node", 100_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  scheduler.request_stop();
  EXPECT_EQ(scheduler.wait().reason, StopReason::kRequested);
  EXPECT_EQ(owner.behind.node, "arm");
  EXPECT_EQ(owner.behind.in, NodeActivity::kSafeState);
  EXPECT_EQ(owner.interrupts.load(), 1) << "once a call";
  EXPECT_TRUE(sink.find("the stop waits for node 'arm': in its safe_state for"));
  EXPECT_TRUE(sink.find("node 'arm' does not come back from its safe_state"));
}

TEST(BoundedStop, a_node_on_another_thread_is_shut_down_although_an_init_blocks) {
  CountingNode blocked;
  CountingNode other;
  blocked.on_init = [&] { test::wait_until([&] { return other.shutdowns.load() == 1; }); };
  HeapStats stats{2};
  Scheduler scheduler{test::quiet()};
  ASSERT_TRUE(scheduler.add(blocked, named("blocked", 100_hz)));
  ASSERT_TRUE(scheduler.add(other, named("other", 50_hz)));
  std::thread stopper{[&] {
    test::wait_until([&] { return other.inits.load() == 1; });
    scheduler.request_stop();
  }};
  ASSERT_TRUE(scheduler.start(stats.block()));
  scheduler.wait();
  stopper.join();
  EXPECT_EQ(other.shutdowns.load(), 1);
  EXPECT_EQ(other.ticks.load(), 0);
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "service/wire/windows.hpp"

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "service/wire/stats_view.hpp"

namespace horus::wire {
namespace {

/// A host with one node, and a clock of its own.
struct Fixture {
  std::unique_ptr<HostStats> host = std::make_unique<HostStats>();
  std::vector<NodeStats> nodes{1};
  TimePoint now{1000s};

  NodeStats& node() { return nodes[0]; }
  /// A second in which `ticks` were counted.
  void second(std::uint64_t ticks) {
    node().ticks.add(ticks);
    now += 1s;
    take_snapshot(*host, nodes, now);
  }
  WindowView window(Nanos length) { return window_of(*host, node(), now, length); }
};

TEST(Window, of_a_young_host_begins_with_it) {
  Fixture robot;
  robot.node().ticks.add(3);
  EXPECT_EQ(robot.window(10s).ticks, 3U);
  for (int i = 0; i < 5; ++i) robot.second(10);
  EXPECT_EQ(robot.window(10s).ticks, 53U);
}

TEST(Window, forgets_what_is_older_than_it) {
  Fixture robot;
  for (int i = 0; i < 200; ++i) robot.second(i < 100 ? 1000 : 10);
  EXPECT_EQ(robot.window(10s).ticks, 100U);
  EXPECT_EQ(robot.window(60s).ticks, 600U);
  robot.node().ticks.add(7);
  EXPECT_EQ(robot.window(10s).ticks, 107U);
}

TEST(Window, begins_with_the_oldest_snapshot_where_a_standstill_has_pushed_out_the_others) {
  Fixture robot;
  robot.node().errors.add(50);
  for (int i = 0; i < 100; ++i) robot.second(10);
  // Many within a moment, as when time that was lost is made up for.
  for (int i = 0; i < 30; ++i) take_snapshot(*robot.host, robot.nodes, robot.now);
  robot.node().errors.add(1);
  EXPECT_EQ(robot.window(60s).errors, 1U);
}

TEST(Silence, of_a_host_that_runs_is_told_from_its_last_snapshot) {
  Fixture robot;
  robot.host->ready.set(1);
  const auto silent_s = [&robot](bool alive) {
    return read_host_alone(*robot.host, robot.nodes, alive, robot.now).silent_s;
  };
  EXPECT_EQ(silent_s(true), 0) << "it has counted nothing yet";
  robot.second(10);
  EXPECT_EQ(silent_s(true), 0);
  robot.now += 5s;
  EXPECT_EQ(silent_s(true), 5);
  EXPECT_EQ(silent_s(false), 5);
  robot.host->ready.set(0);
  EXPECT_EQ(silent_s(true), 0) << "it may not tick yet";
}

/// A node of 50 Hz in a run, whose last release was just now.
struct Ticking : Fixture {
  explicit Ticking(NodeClass node_class) {
    host->epoch_ns.set(1);
    node().node_class.set(node_class);
    node().state.set(NodeState::kRunning);
    node().period_ns.set(to_ns(20ms));
    node().last_release_ns.set(to_ns(now));
  }
  std::optional<LongCall> call() { return long_call_of(*host, node(), now); }
};

TEST(LongCall, is_what_the_watchdog_shows) {
  Ticking robot{NodeClass::kTick};
  EXPECT_FALSE(robot.call());
  robot.node().busy_in.set(NodeActivity::kInit);
  robot.node().busy_since_ns.set(to_ns(robot.now - 2s));
  ASSERT_TRUE(robot.call());
  EXPECT_EQ(robot.call()->in, NodeActivity::kInit);
  EXPECT_EQ(robot.call()->since_ns, to_ns(robot.now - 2s));
  robot.node().busy_since_ns.set(to_ns(robot.now + 2s));
  EXPECT_FALSE(robot.call()) << "of another clock, or a liar's";
}

TEST(LongCall, of_an_async_node_lasts_while_releases_pass) {
  Ticking robot{NodeClass::kAsync};
  const std::int64_t last = to_ns(robot.now);
  robot.now += 999ms;
  EXPECT_FALSE(robot.call()) << "no second";
  robot.now += 1ms;
  ASSERT_TRUE(robot.call());
  EXPECT_EQ(robot.call()->in, NodeActivity::kTick);
  EXPECT_EQ(robot.call()->since_ns, last);
  robot.node().period_ns.set(to_ns(1s));
  robot.now += 8s;
  EXPECT_FALSE(robot.call()) << "no ten periods";
  robot.now += 1s;
  EXPECT_TRUE(robot.call());
}

TEST(LongCall, is_none_of_who_has_no_releases) {
  const std::vector<std::function<void(Ticking&)>> changes{
      [](Ticking& robot) { robot.node().node_class.set(NodeClass::kTick); },
      [](Ticking& robot) { robot.node().period_ns.set(0); },
      [](Ticking& robot) { robot.node().last_release_ns.set(0); },
      [](Ticking& robot) { robot.node().state.set(NodeState::kStopped); },
      [](Ticking& robot) { robot.node().rung.set(Rung::kIsolated); },
      [](Ticking& robot) { robot.host->epoch_ns.set(0); }};
  for (const auto& change : changes) {
    Ticking robot{NodeClass::kAsync};
    robot.now += 60s;
    EXPECT_TRUE(robot.call());
    change(robot);
    EXPECT_FALSE(robot.call());
  }
}

TEST(Window, has_every_count_of_a_node) {
  Fixture robot;
  for (int i = 0; i < 11; ++i) robot.second(1);
  NodeStats& node = robot.node();
  node.ticks.add(1);
  node.skipped.add(2);
  node.misses.add(3);
  node.overruns.add(4);
  node.errors.add(5);
  node.hangs.add(6);
  node.messages_missed.add(7);
  node.messages_refused.add(8);
  node.gil_long_waits.add(9);
  node.messages_old.add(10);
  take_snapshot(*robot.host, robot.nodes, robot.now);
  for (const Nanos later : {0s, 1s}) {
    const WindowView window = window_of(*robot.host, node, robot.now + later, 10s - later);
    EXPECT_EQ(window.skipped, 2U);
    EXPECT_EQ(window.misses, 3U);
    EXPECT_EQ(window.overruns, 4U);
    EXPECT_EQ(window.errors, 5U);
    EXPECT_EQ(window.hangs, 6U);
    EXPECT_EQ(window.missed, 7U);
    EXPECT_EQ(window.refused, 8U);
    EXPECT_EQ(window.gil_waits, 9U);
    EXPECT_EQ(window.old, 10U);
  }
  const WindowView after = window_of(*robot.host, node, robot.now + 1s, 1s);
  EXPECT_EQ(after.ticks + after.skipped + after.misses + after.overruns + after.errors +
                after.hangs + after.missed + after.refused + after.gil_waits + after.old,
            0U);
}

TEST(Window, of_a_dead_host_ends_with_its_last_snapshot) {
  Fixture robot;
  EXPECT_EQ(counted_until(*robot.host, false, robot.now), robot.now);
  robot.second(1);
  EXPECT_EQ(counted_until(*robot.host, false, robot.now + 1h), robot.now);
  EXPECT_EQ(counted_until(*robot.host, true, robot.now + 1h), robot.now + 1h);
}

TEST(Window, of_a_page_that_lies_is_of_no_harm) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t at : {kMost, -kMost - 1, std::int64_t{0}, std::int64_t{-1}}) {
    Fixture robot;
    for (int i = 0; i < 3; ++i) robot.second(10);
    robot.node().ticks.set(5);
    robot.host->snapshots.set(std::numeric_limits<std::uint64_t>::max());
    for (HostStats::Snapshot& snapshot : robot.host->snapshot) snapshot.at_ns.set(at);
    const TimePoint until = counted_until(*robot.host, false, robot.now);
    EXPECT_GE(until, TimePoint{});
    EXPECT_LE(until, robot.now);
    EXPECT_LE(window_of(*robot.host, robot.node(), until, 60s).ticks, 5U);
  }
}

}  // namespace
}  // namespace horus::wire

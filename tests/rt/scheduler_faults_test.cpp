// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "rt/base/tick_stats.hpp"
#include "tests/support/heap_stats.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

using test::CountingNode;
using test::HeapStats;
using test::named;
using test::quiet;
using ::testing::HasSubstr;

/// Keeps an executor busy, as a tick that computes too long does.
void burn(Nanos time) {
  const TimePoint end = MonotonicClock::now() + time;
  while (MonotonicClock::now() < end) {
  }
}

TEST(SchedulerFaults, a_duplicate_name_is_refused) {
  CountingNode node;
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, named("n", 100_hz)));
  const Status status = scheduler.add(node, named("n", 10_hz));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::kInvalidArgument);
  EXPECT_EQ(status.error().subject.view(), "n");
  EXPECT_EQ(scheduler.size(), 1U);
}

TEST(SchedulerFaults, a_configuration_that_is_not_valid_is_refused) {
  CountingNode node;
  Scheduler scheduler{quiet()};
  EXPECT_FALSE(scheduler.add(node, {.name = NodeName::clipped("n")}));
  EXPECT_EQ(scheduler.size(), 0U);
}

TEST(SchedulerFaults, an_event_node_without_a_source_is_refused) {
  CountingNode node;
  Scheduler scheduler{quiet()};
  EXPECT_FALSE(
      scheduler.add(node, {.name = NodeName::clipped("n"), .node_class = NodeClass::kEvent}));
}

TEST(SchedulerFaults, nodes_that_cannot_fit_are_refused_before_anything_runs) {
  CountingNode first;
  CountingNode second;
  NodeConfig config = named("a", 100_hz);
  config.budget = 7ms;
  HeapStats stats{2};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(first, config));
  config.name = NodeName::clipped("b");
  ASSERT_TRUE(scheduler.add(second, config));
  const Status status = scheduler.start(stats.block());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().subject.view(), "a 70 %, b 70 %");
  EXPECT_EQ(first.inits.load(), 0);
  EXPECT_EQ(scheduler.wait().reason, StopReason::kNotStarted);
}

TEST(SchedulerFaults, an_init_that_throws_stops_all_before_the_first_tick) {
  CountingNode good;
  CountingNode bad;
  bad.on_init = [] { throw std::runtime_error("no device"); };
  HeapStats stats{2};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(good, named("good", 100_hz)));
  ASSERT_TRUE(scheduler.add(bad, named("bad", 50_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  const StopReport report = scheduler.wait();
  EXPECT_EQ(report.reason, StopReason::kNotStarted);
  EXPECT_EQ(report.node, "bad");
  EXPECT_EQ(report.error, "no device");
  EXPECT_EQ(good.ticks.load() + bad.ticks.load(), 0);
  EXPECT_EQ(good.shutdowns.load(), 1);
  EXPECT_EQ(bad.shutdowns.load(), 0);
}

TEST(SchedulerFaults, a_fatal_exception_stops_all_and_is_reported) {
  CountingNode good;
  CountingNode bad;
  bad.on_tick = [](const Tick& tick) {
    if (tick.number == 3) throw std::runtime_error("no current");
  };
  NodeConfig config = named("bad", 100_hz);
  config.failure.kind = FailureKind::kFatal;
  HeapStats stats{2};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(good, named("good", 50_hz)));
  ASSERT_TRUE(scheduler.add(bad, config));
  ASSERT_TRUE(scheduler.start(stats.block()));
  const StopReport report = scheduler.wait(60s);
  EXPECT_EQ(report.reason, StopReason::kNodeFailure);
  EXPECT_EQ(report.node, "bad");
  EXPECT_EQ(report.error, "no current");
  EXPECT_EQ(bad.ticks.load(), 4);
  EXPECT_EQ(good.shutdowns.load(), 1);
  EXPECT_EQ(bad.shutdowns.load(), 1);
}

TEST(SchedulerFaults, an_exception_is_logged_with_node_and_tick_and_all_goes_on) {
  test::MemorySink sink;
  SchedulerOptions options = quiet();
  options.log = &sink;
  CountingNode node;
  node.on_tick = [](const Tick& tick) {
    if (tick.number == 2) throw std::runtime_error("no current");
  };
  HeapStats stats{1};
  {
    Scheduler scheduler{options};
    ASSERT_TRUE(scheduler.add(node, named("arm", 100_hz)));
    ASSERT_TRUE(scheduler.start(stats.block()));
    test::wait_until([&] { return node.ticks.load() > 5; });
  }
  EXPECT_EQ(stats[0].errors.value(), 1U);
  const auto record = sink.find("failed: no current");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->level, LogLevel::kError);
  EXPECT_EQ(record->node.view(), "arm");
  EXPECT_EQ(record->tick, 2U);
}

TEST(SchedulerFaults, a_sink_that_stalls_delays_no_tick) {
  test::MemorySink sink;
  sink.stall = true;
  SchedulerOptions options = quiet();
  options.log = &sink;
  CountingNode node;
  node.on_tick = [](const Tick&) { log(LogLevel::kInfo, "again"); };
  HeapStats stats{1};
  Scheduler scheduler{options};
  ASSERT_TRUE(scheduler.add(node, named("n", 1000_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return node.ticks.load() >= 300; });
  sink.stall = false;
  scheduler.request_stop();
  scheduler.wait();
  EXPECT_GT(sink.lost_records.load(), 0U) << "more than the ring holds";
}

TEST(SchedulerFaults, a_missed_deadline_stops_all_where_the_policy_is_stop) {
  CountingNode node;
  node.on_tick = [](const Tick& tick) {
    if (tick.number == 2) burn(3ms);
  };
  NodeConfig config = named("n", 100_hz);
  config.deadline = 2ms;
  config.on_miss = MissPolicy::kStop;
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, config));
  ASSERT_TRUE(scheduler.start(stats.block()));
  const StopReport report = scheduler.wait(60s);
  EXPECT_EQ(report.reason, StopReason::kMissPolicy);
  EXPECT_EQ(report.node, "n");
}

TEST(SchedulerFaults, an_overrun_gives_up_whole_releases_and_keeps_the_phase) {
  CountingNode node;
  std::vector<TimePoint> releases;
  node.on_tick = [&releases](const Tick& tick) {
    releases.push_back(tick.release);
    if (tick.number == 1) burn(45ms);
  };
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, named("n", 100_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  scheduler.wait(500ms);
  EXPECT_EQ(stats[0].ticks.value() + stats[0].skipped.value(), 50U);
  EXPECT_GE(stats[0].skipped.value(), 3U);
  EXPECT_GE(stats[0].overruns.value(), 1U);
  for (const TimePoint at : releases) EXPECT_EQ((at - scheduler.epoch()) % 10ms, 0ns);
}

TEST(SchedulerFaults, a_node_that_hangs_is_isolated_and_the_others_go_into_safe_state) {
  test::MemorySink sink;
  SchedulerOptions options = quiet();
  options.log = &sink;
  options.watchdog = 40ms;
  CountingNode hangs;
  CountingNode other;
  std::atomic<bool> release{false};
  hangs.on_tick = [&release](const Tick& tick) {
    while (tick.number == 1 && !release.load()) std::this_thread::yield();
  };
  HeapStats stats{2};
  Scheduler scheduler{options};
  ASSERT_TRUE(scheduler.add(hangs, named("hangs", 100_hz)));
  ASSERT_TRUE(scheduler.add(other, named("other", 50_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return other.safe_states.load() > 0; });
  EXPECT_FALSE(scheduler.alive());
  EXPECT_EQ(hangs.safe_states.load(), 0) << "not beside its tick";
  const int ticks = other.ticks.load();
  test::wait_until([&] { return other.ticks.load() > ticks + 2; });
  release = true;
  test::wait_until([&] { return scheduler.alive() && hangs.safe_states.load() > 0; });
  EXPECT_EQ(hangs.ticks.load(), 2) << "it never ticks again";
  EXPECT_EQ(stats[0].state.value(), NodeState::kError);
  scheduler.request_stop();
  scheduler.wait();
  EXPECT_TRUE(sink.find("isolated"));
}

TEST(SchedulerFaults, so_many_misses_in_a_row_put_every_node_into_safe_state) {
  SchedulerOptions options = quiet();
  options.max_deadline_misses = 3;
  CountingNode late;
  CountingNode other;
  late.on_tick = [](const Tick&) { burn(2ms); };
  NodeConfig config = named("late", 100_hz);
  config.deadline = 1ms;
  HeapStats stats{2};
  Scheduler scheduler{options};
  ASSERT_TRUE(scheduler.add(late, config));
  ASSERT_TRUE(scheduler.add(other, named("other", 50_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return late.safe_states.load() == 1 && other.safe_states.load() == 1; });
  scheduler.request_stop();
  scheduler.wait();
  EXPECT_EQ(late.safe_states.load(), 1) << "once an episode";
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <horus/scheduler.hpp>

#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "tests/support/heap_stats.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

using test::CountingNode;
using test::HeapStats;
using test::named;
using test::quiet;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::int64_t releases_of(NodeStats& stats) {
  return static_cast<std::int64_t>(stats.ticks.value() + stats.skipped.value());
}

TEST(Scheduler, ticks_at_every_release_of_the_given_time) {
  CountingNode node;
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, named("fast", 1000_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  const StopReport report = scheduler.wait(500ms);
  EXPECT_EQ(report.reason, StopReason::kDuration);
  EXPECT_EQ(releases_of(stats[0]), 500);
  EXPECT_EQ(stats[0].lateness.snapshot().count(), stats[0].ticks.value());
  EXPECT_EQ(stats[0].state.value(), NodeState::kStopped);
  EXPECT_EQ(node.inits.load(), 1);
  EXPECT_EQ(node.shutdowns.load(), 1);
}

/// The system's, and how often somebody spins by it.
class SpinCounter final : public Clock {
 public:
  TimePoint now() const noexcept override { return system_clock().now(); }
  void sleep_until(TimePoint wake) noexcept override { system_clock().sleep_until(wake); }
  TimePoint spin_until(TimePoint instant) noexcept override {
    ++spins;
    return system_clock().spin_until(instant);
  }
  std::atomic<int> spins{0};
};

bool spins(SchedulerOptions options, const NodeConfig& config) {
  SpinCounter clock;
  CountingNode node;
  HeapStats stats{1};
  Scheduler scheduler{options, clock};
  EXPECT_TRUE(scheduler.add(node, config));
  EXPECT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return node.ticks.load() > 3; });
  scheduler.request_stop();
  scheduler.wait();
  return clock.spins.load() > 0;
}

TEST(Scheduler, spins_only_where_a_node_asked_for_real_time_or_has_a_short_deadline) {
  SchedulerOptions options = quiet();
  options.spin_limit.reset();
  const NodeConfig ordinary = named("arm", 1000_hz);
  EXPECT_FALSE(spins(options, ordinary));
  NodeConfig short_deadline = ordinary;
  short_deadline.deadline = 400us;
  EXPECT_TRUE(spins(options, short_deadline));
  NodeConfig important = ordinary;
  important.priority = 10;
  EXPECT_TRUE(spins(options, important));
  NodeConfig compute = short_deadline;
  compute.node_class = NodeClass::kCompute;
  EXPECT_FALSE(spins(options, compute)) << "what computes shall not burn a CPU to start on time";
  options.profile.fifo = true;
  EXPECT_TRUE(spins(options, ordinary));
  options.spin_limit = 0us;
  EXPECT_FALSE(spins(options, short_deadline)) << "the user's word comes first";
  options.profile.fifo = false;
  options.spin_limit = 100us;
  EXPECT_TRUE(spins(options, ordinary));
}

TEST(Scheduler, spins_for_the_shortest_deadline_of_a_thread) {
  SpinCounter clock;
  CountingNode patient;
  CountingNode hasty;
  SchedulerOptions options = quiet();
  options.spin_limit.reset();
  NodeConfig short_deadline = named("hasty", 1000_hz);
  short_deadline.deadline = 400us;
  HeapStats stats{2};
  Scheduler scheduler{options, clock};
  ASSERT_TRUE(scheduler.add(hasty, short_deadline));
  ASSERT_TRUE(scheduler.add(patient, named("patient", 1000_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return patient.ticks.load() > 3; });
  scheduler.request_stop();
  scheduler.wait();
  EXPECT_GT(clock.spins.load(), 0);
}

TEST(Scheduler, keeps_every_release_on_the_grid_of_one_epoch) {
  std::vector<TimePoint> releases;
  CountingNode node;
  node.on_tick = [&releases](const Tick& tick) { releases.push_back(tick.release); };
  CountingNode slow;
  std::vector<TimePoint> slow_releases;
  slow.on_tick = [&slow_releases](const Tick& tick) { slow_releases.push_back(tick.release); };
  HeapStats stats{2};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, named("fast", 1000_hz)));
  ASSERT_TRUE(scheduler.add(slow, named("slow", 100_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  const TimePoint epoch = scheduler.epoch();
  EXPECT_LE(epoch, MonotonicClock::now()) << "start() returns once the first release is due";
  scheduler.wait(100ms);
  for (const TimePoint at : releases) EXPECT_EQ((at - epoch) % 1ms, 0ns);
  for (const TimePoint at : slow_releases) EXPECT_EQ((at - epoch) % 10ms, 0ns);
  EXPECT_EQ(stats.host().epoch_ns.value(), to_ns(epoch));
}

TEST(Scheduler, ticks_nodes_of_one_rate_in_their_order_on_one_thread) {
  std::vector<char> order;
  CountingNode first;
  CountingNode second;
  first.on_tick = [&order](const Tick&) { order.push_back('a'); };
  second.on_tick = [&order](const Tick&) { order.push_back('b'); };
  NodeConfig late = named("late", 100_hz);
  late.order = 5;
  HeapStats stats{2};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(second, late));
  ASSERT_TRUE(scheduler.add(first, named("early", 100_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return second.ticks.load() > 1; });
  scheduler.request_stop();
  scheduler.wait();
  ASSERT_GE(order.size(), 2U);
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i % 2 == 0 ? 'a' : 'b');
  EXPECT_EQ(stats[0].tid.value(), stats[1].tid.value());
}

TEST(Scheduler, runs_init_tick_and_shutdown_on_one_thread_of_its_own) {
  std::vector<std::thread::id> threads;
  const auto here = [&threads] { threads.push_back(std::this_thread::get_id()); };
  CountingNode node;
  node.on_init = here;
  node.on_tick = [&here](const Tick&) { here(); };
  node.on_shutdown = here;
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, named("n", 100_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return node.ticks.load() > 1; });
  scheduler.request_stop();
  scheduler.wait();
  ASSERT_GE(threads.size(), 3U);
  EXPECT_NE(threads.front(), std::this_thread::get_id());
  for (const auto& thread : threads) EXPECT_EQ(thread, threads.front());
}

TEST(Scheduler, does_not_let_a_slow_rate_delay_a_fast_one) {
  CountingNode fast;
  CountingNode slow;
  std::atomic<int> during{0};
  slow.on_tick = [&](const Tick&) {
    // The first slow tick ends only once the fast node has ticked meanwhile.
    if (during.load() > 0) return;
    const int before = fast.ticks.load();
    while (fast.ticks.load() < before + 3) std::this_thread::yield();
    ++during;
  };
  HeapStats stats{2};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(fast, named("fast", 500_hz)));
  ASSERT_TRUE(scheduler.add(slow, named("slow", 10_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return during.load() > 0; });
  scheduler.request_stop();
  scheduler.wait();
}

TEST(Scheduler, gives_a_compute_node_a_thread_of_its_own) {
  CountingNode tick;
  CountingNode compute;
  NodeConfig config = named("compute", 100_hz);
  config.node_class = NodeClass::kCompute;
  HeapStats stats{2};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(tick, named("tick", 100_hz)));
  ASSERT_TRUE(scheduler.add(compute, config));
  ASSERT_TRUE(scheduler.start(stats.block()));
  scheduler.wait(500ms);
  EXPECT_NE(stats[0].tid.value(), stats[1].tid.value());
  EXPECT_EQ(releases_of(stats[1]), 50);
  EXPECT_EQ(stats[1].node_class.value(), NodeClass::kCompute);
}

TEST(Scheduler, ticks_a_best_effort_node_without_a_rate_a_hundred_times_a_second) {
  CountingNode node;
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(
      node, {.name = NodeName::clipped("idle"), .node_class = NodeClass::kBestEffort}));
  ASSERT_TRUE(scheduler.start(stats.block()));
  scheduler.wait(500ms);
  EXPECT_EQ(releases_of(stats[0]), 50);
  EXPECT_EQ(stats[0].budget_ns.value(), 0);
}

TEST(Scheduler, ticks_an_event_node_for_each_event_and_at_once_leaves_it_when_stopped) {
  test::Signal wake;
  CountingNode node;
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(
      node, {.name = NodeName::clipped("event"), .node_class = NodeClass::kEvent}, &wake));
  ASSERT_TRUE(scheduler.start(stats.block()));
  for (int i = 1; i <= 5; ++i) {
    wake.ring();
    test::wait_until([&] { return node.ticks.load() == i; });
  }
  EXPECT_TRUE(scheduler.ready()) << "an event node holds nobody up";
  EXPECT_TRUE(scheduler.alive()) << "it is idle for lack of events";
  scheduler.request_stop();
  EXPECT_EQ(scheduler.wait().reason, StopReason::kRequested);
  EXPECT_EQ(node.shutdowns.load(), 1);
  EXPECT_GT(wake.interrupts.load(), 0);
}

TEST(Scheduler, is_stopped_by_a_signal_handler_while_everything_sleeps) {
  static Scheduler* stopping = nullptr;
  CountingNode node;
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  stopping = &scheduler;
  ASSERT_TRUE(scheduler.add(node, named("rare", Rate::from_hz(0.01))));
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { stopping->request_stop(); };
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return node.ticks.load() == 1; });
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_EQ(scheduler.wait().reason, StopReason::kRequested);
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Scheduler, is_ready_once_each_periodic_node_has_ticked) {
  CountingNode node;
  std::atomic<bool> go{false};
  node.on_tick = [&go](const Tick&) {
    while (!go.load()) std::this_thread::yield();
  };
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, named("n", 100_hz)));
  EXPECT_FALSE(scheduler.ready());
  ASSERT_TRUE(scheduler.start(stats.block()));
  EXPECT_FALSE(scheduler.ready());
  go = true;
  test::wait_until([&] { return scheduler.ready(); });
  test::wait_until([&] { return stats.host().ready.value() == 1; });
  EXPECT_GT(stats.host().heartbeat.value(), 0U);
}

TEST(Scheduler, takes_a_new_budget_while_it_runs) {
  CountingNode node;
  std::atomic<std::int64_t> seen{0};
  node.on_tick = [&seen](const Tick& tick) { seen = tick.budget.execution.count(); };
  HeapStats stats{1};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(node, named("n", 1000_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  ASSERT_TRUE(scheduler.set_budget("n", 123us));
  test::wait_until([&] { return seen.load() == 123'000; });
  EXPECT_EQ(scheduler.set_budget("n", 0us).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(scheduler.set_budget("n", 2ms).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(scheduler.set_budget("other", 1us).error().code, Errc::kNotFound);
}

TEST(Scheduler, without_nodes_waits_its_time) {
  HeapStats stats{0};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.start(stats.block()));
  EXPECT_EQ(scheduler.wait(5ms).reason, StopReason::kDuration);
  EXPECT_GE(MonotonicClock::now(), scheduler.epoch() + 5ms);
}

TEST(Scheduler, that_goes_away_stops_and_joins) {
  CountingNode node;
  HeapStats stats{1};
  {
    Scheduler scheduler{quiet()};
    ASSERT_TRUE(scheduler.add(node, named("n", 1000_hz)));
    ASSERT_TRUE(scheduler.start(stats.block()));
  }
  EXPECT_EQ(node.shutdowns.load(), 1);
}

TEST(Scheduler, that_never_started_goes_away_without_a_call_to_its_nodes) {
  CountingNode node;
  {
    Scheduler scheduler{quiet()};
    ASSERT_TRUE(scheduler.add(node, named("n", 1000_hz)));
    EXPECT_EQ(scheduler.wait(1s).reason, StopReason::kNotStarted);
  }
  EXPECT_EQ(node.inits.load() + node.shutdowns.load(), 0);
}

TEST(Scheduler, uses_the_hooks_of_the_factory_on_each_thread) {
  test::CountingHooks hooks;
  SchedulerOptions options = quiet();
  options.hooks = &hooks;
  CountingNode first;
  CountingNode second;
  HeapStats stats{2};
  Scheduler scheduler{options};
  ASSERT_TRUE(scheduler.add(first, named("a", 1000_hz)));
  ASSERT_TRUE(scheduler.add(second, named("b", 500_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  scheduler.wait(10ms);
  EXPECT_EQ(hooks.started.load(), 2);
  EXPECT_EQ(hooks.stopping.load(), 2);
  EXPECT_EQ(hooks.entered.load(), hooks.left.load());
  EXPECT_EQ(stats[0].gil_wait.snapshot().count(), stats[0].ticks.value());
}

TEST(Scheduler, names_its_threads_after_node_or_rate) {
  CountingNode lone;
  CountingNode one;
  CountingNode other;
  HeapStats stats{3};
  Scheduler scheduler{quiet()};
  ASSERT_TRUE(scheduler.add(lone, named("motor", 200_hz)));
  ASSERT_TRUE(scheduler.add(one, named("one", 100_hz)));
  ASSERT_TRUE(scheduler.add(other, named("other", 100_hz)));
  ASSERT_TRUE(scheduler.start(stats.block()));
  EXPECT_EQ(test::thread_name(stats[0].tid.value()), "hx-motor");
  EXPECT_EQ(test::thread_name(stats[1].tid.value()), "hx-100Hz");
}

}  // namespace
}  // namespace horus

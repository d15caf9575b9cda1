// SPDX-License-Identifier: Apache-2.0
#include "rt/late_recorder.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "rt/rate_group.hpp"
#include "rt/run_control.hpp"
#include "tests/support/fake_node.hpp"

namespace horus {
namespace {

/// Two nodes in one thread, with a page of late ticks.
class LateRecorderTest : public ::testing::Test {
 protected:
  LateRecorderTest() {
    std::vector<std::unique_ptr<NodeRunner>> runners;
    for (std::size_t i = 0; i < 2; ++i) {
      const NodeConfig config{.name = NodeName::clipped(i == 0 ? "vision" : "arm"),
                              .rate = 100_hz,
                              .budget = 8ms,
                              .deadline = 9ms};
      RunnerContext context{.clock = clock, .control = control, .log = &channel};
      context.late = {.ticks = &late[i], .gc = gc.get()};
      context.index = static_cast<std::int32_t>(i);
      runners.push_back(
          std::make_unique<NodeRunner>(i == 0 ? first : second, config, stats[i], context));
    }
    group = std::make_unique<RateGroup>(std::move(runners));
    group->init();
    bind_log_channel(&channel);
  }
  ~LateRecorderTest() override { bind_log_channel(nullptr); }

  /// A release whose ticks take so long.
  void release(Nanos vision, Nanos arm, Nanos lateness = 0ms, Nanos gil_wait = Nanos{-1}) {
    at += 10ms;
    first.durations = {vision};
    second.durations = {arm};
    if (clock.now() < at + lateness) clock.advance(at + lateness - clock.now());
    group->tick(at, clock.now(), gil_wait);
  }
  /// A collection of this generation has ended.
  void collect(std::size_t generation, Nanos pause) {
    gc->generation[generation].collections.add();
    gc->generation[generation].pause.record(pause);
    gc->finished.add();
  }
  std::string logged() {
    LogRecord record;
    return channel.ring.pop(record) ? std::string{record.text.view()} : "";
  }
  LateTick& latest(std::size_t node) { return late[node].at(late[node].count.value() - 1); }

  test::ManualClock clock;
  TimePoint at = clock.now();
  RunControl control;
  LogChannel channel;
  test::FakeNode first{clock};
  test::FakeNode second{clock};
  std::vector<NodeStats> stats = std::vector<NodeStats>(2);
  std::vector<LateTicks> late = std::vector<LateTicks>(2);
  std::unique_ptr<GcStats> gc = std::make_unique<GcStats>();
  std::unique_ptr<RateGroup> group;
};

TEST_F(LateRecorderTest, ticks_in_time_leave_only_the_slowest_of_them) {
  for (int i = 0; i < 100; ++i) release(1ms, 1ms);
  EXPECT_EQ(late[0].count.value(), 1U);
  EXPECT_EQ(latest(0).reason.value(), LateReason::kSlowest);
  EXPECT_EQ(logged(), "");
}

TEST_F(LateRecorderTest, a_late_tick_is_kept_with_what_took_its_time) {
  stats[1].messages_sent.add(50);
  stats[1].bytes_sent.add(9000);
  release(1ms, 1ms);
  second.on_tick = [this](const Tick&) {
    stats[1].messages_sent.add(3);
    stats[1].bytes_sent.add(700);
    collect(2, 4ms);
    collect(0, 0ms);
    collect(0, 0ms);
    gc->objects.set(50'000);
  };
  release(2ms, 7ms, 1ms, 500us);
  ASSERT_EQ(late[1].count.value(), 2U) << "after the slowest so far";
  const LateTick& tick = latest(1);
  EXPECT_EQ(tick.number.value(), 1U);
  EXPECT_EQ(tick.reason.value(), LateReason::kMissed);
  EXPECT_EQ(tick.limit_ns.value(), 9'000'000);
  EXPECT_EQ(tick.release_ns.value(), to_ns(at));
  EXPECT_EQ(tick.lateness_ns.value(), 3'000'000);
  EXPECT_EQ(tick.gil_wait_ns.value(), 500'000);
  EXPECT_EQ(tick.before_ns.value(), 2'000'000);
  EXPECT_EQ(tick.before.value(), 0);
  EXPECT_EQ(tick.execution_ns.value(), 7'000'000);
  EXPECT_EQ(tick.collecting_ns.value(), 4'000'000);
  EXPECT_EQ(tick.collections[0].value(), 2U);
  EXPECT_EQ(tick.collections[1].value(), 0U);
  EXPECT_EQ(tick.collections[2].value(), 1U);
  EXPECT_EQ(tick.sent.value(), 3U);
  EXPECT_EQ(tick.bytes.value(), 700U);
  EXPECT_EQ(logged(),
            "missed its deadline: 10000 us from the release, 9000 us allowed; "
            "4 of 10 ms: full collection of about 50000 objects");
}

TEST_F(LateRecorderTest, what_was_collected_between_the_ticks_is_not_of_the_tick) {
  release(1ms, 1ms);
  collect(2, 4ms);
  release(1ms, 12ms);
  EXPECT_EQ(latest(1).collecting_ns.value(), 0);
  EXPECT_EQ(oldest_collected(latest(1)), -1);
  EXPECT_EQ(latest(1).collected_before_ns.value(), 4'000'000);
}

TEST_F(LateRecorderTest, a_late_start_after_a_slow_tick_is_told_from_a_late_wake_up) {
  release(15ms, 2ms);
  release(1ms, 5ms);
  const LateTick& tick = latest(1);
  EXPECT_EQ(tick.number.value(), 1U);
  EXPECT_EQ(tick.lateness_ns.value(), 8'000'000);
  EXPECT_EQ(tick.behind_ns.value(), 7'000'000);
  EXPECT_EQ(cause_of(tick).kind, LateCause::Kind::kBehind);
  // The thread was free long before.
  release(1ms, 1ms);
  release(1ms, 5ms, 8ms);
  EXPECT_EQ(latest(1).number.value(), 3U);
  EXPECT_EQ(latest(1).behind_ns.value(), 0);
  EXPECT_EQ(cause_of(latest(1)).kind, LateCause::Kind::kWakeUp);
}

TEST_F(LateRecorderTest, a_collection_between_two_ticks_explains_a_late_start) {
  release(1ms, 1ms);
  collect(2, 4ms);
  release(1ms, 1ms);
  collect(2, 9ms);
  release(1ms, 1ms, 9ms);
  EXPECT_EQ(latest(0).collected_before_ns.value(), 9'000'000);
  EXPECT_EQ(cause_of(latest(0)).kind, LateCause::Kind::kCollected);
}

TEST_F(LateRecorderTest, what_was_collected_before_the_first_tick_explains_nothing) {
  collect(2, 9ms);
  release(1ms, 1ms, 9ms);
  EXPECT_EQ(latest(0).collected_before_ns.value(), 0);
}

/// A release as it is due: earlier ones that have passed are given up.
TEST_F(LateRecorderTest, releases_that_were_given_up_leave_a_record_and_a_line) {
  NodeConfig config{.name = NodeName::clipped("free"), .rate = 100_hz};
  config.budget = 1h;
  RunnerContext context{.clock = clock, .control = control, .log = &channel};
  context.late = {.ticks = &late[0], .gc = gc.get()};
  std::vector<std::unique_ptr<NodeRunner>> runners;
  runners.push_back(std::make_unique<NodeRunner>(first, config, stats[0], context));
  RateGroup alone{std::move(runners)};
  alone.init();
  const TimePoint grid = clock.now();
  alone.begin_grid(grid);
  first.durations = {35ms, 1ms};
  const auto step = [&] { alone.tick_due(clock.now(), RunControl::kNever, Nanos{-1}); };
  step();
  step();
  EXPECT_EQ(stats[0].skipped.value(), 2U);
  const LateTick& tick = latest(0);
  EXPECT_EQ(tick.reason.value(), LateReason::kSkipped);
  EXPECT_EQ(tick.number.value(), 1U);
  EXPECT_EQ(tick.skipped.value(), 2U);
  EXPECT_EQ(tick.release_ns.value(), to_ns(grid + 10ms));
  EXPECT_EQ(tick.lateness_ns.value(), 25'000'000);
  EXPECT_EQ(tick.behind_ns.value(), 25'000'000);
  EXPECT_EQ(logged(),
            "skipped 2 releases: it started 25000 us after the first of them; 25 of 26 ms: the "
            "tick before it, which was not done");
  // The next one in time is none of them.
  const std::uint64_t kept = late[0].count.value();
  clock.advance(grid + 40ms - clock.now());
  first.durations = {1ms};
  step();
  EXPECT_EQ(late[0].count.value(), kept);
  EXPECT_EQ(logged(), "");
}

TEST_F(LateRecorderTest, the_first_of_a_chain_is_named) {
  release(9500us, 100us);
  EXPECT_EQ(logged(),
            "missed its deadline: 9500 us from the release, 9000 us allowed; "
            "9.5 of 9.5 ms: its own work");
  EXPECT_EQ(logged(),
            "missed its deadline: 9600 us from the release, 9000 us allowed; "
            "9.5 of 9.6 ms: ticks before it in its thread, above all of node vision");
}

TEST_F(LateRecorderTest, an_overrun_is_kept_and_said_as_well_at_most_once_a_second) {
  for (int i = 0; i < 50; ++i) release(8500us, 0ms);
  EXPECT_EQ(late[0].count.value(), 50U);
  EXPECT_EQ(latest(0).reason.value(), LateReason::kOverran);
  EXPECT_EQ(latest(0).limit_ns.value(), 8'000'000);
  EXPECT_EQ(logged(),
            "ran longer than its budget: 8500 us, 8000 us allowed; 8.5 of 8.5 ms: its own work");
  EXPECT_EQ(logged(), "");
}

TEST_F(LateRecorderTest, the_slowest_of_each_minute_is_kept_from_its_end_on) {
  const auto minute = [this](int slowest) {
    for (int i = 0; i < 6000; ++i) release(i == slowest ? 5ms : 1ms, 0ms);
  };
  release(1ms, 0ms);
  ASSERT_EQ(late[0].count.value(), 1U) << "a crash would not take it away";
  for (int i = 1; i < 6000; ++i) release(i == 2500 ? 5ms : 1ms, 0ms);
  ASSERT_EQ(late[0].count.value(), 1U) << "in the place of the one before";
  EXPECT_EQ(latest(0).reason.value(), LateReason::kSlowest);
  EXPECT_EQ(latest(0).number.value(), 2500U);
  EXPECT_EQ(latest(0).execution_ns.value(), 5'000'000);
  minute(10);
  EXPECT_EQ(late[0].count.value(), 2U);
  EXPECT_EQ(latest(0).number.value(), 6010U);
}

TEST_F(LateRecorderTest, late_ticks_that_fill_the_page_keep_the_place_of_a_later_slowest) {
  release(1ms, 0ms);
  for (int i = 0; i < 300; ++i) release(2ms, 0ms, 9ms);
  EXPECT_EQ(latest(0).reason.value(), LateReason::kMissed);
  release(3ms, 0ms);
  EXPECT_EQ(latest(0).reason.value(), LateReason::kSlowest);
  EXPECT_EQ(late[0].count.value(), 302U);
}

TEST_F(LateRecorderTest, a_slowest_one_that_was_late_is_kept_once) {
  for (int i = 0; i < 6000; ++i) release(i == 3 ? 9500us : 1ms, 0ms);
  EXPECT_EQ(late[0].count.value(), 2U);
  EXPECT_EQ(late[0].at(0).reason.value(), LateReason::kSlowest);
  EXPECT_EQ(latest(0).reason.value(), LateReason::kMissed);
}

TEST_F(LateRecorderTest, the_kernels_counts_follow_the_slowest_in_its_place) {
  LateRecorder& recorder = group->runners()[0]->late();
  release(1ms, 0ms);
  recorder.look_around(at, at + 1s, 1ms, {}, {});
  release(2ms, 0ms);
  EXPECT_EQ(latest(0).around.window_ns.value(), 0) << "those were of another tick";
  recorder.look_around(at, at + 1s, 3ms, {}, {});
  EXPECT_EQ(latest(0).around.off_cpu_ns.value(), 3'000'000);
}

TEST_F(LateRecorderTest, the_kernels_counts_go_to_the_late_ticks_of_their_time) {
  release(9500us, 0ms);
  const TimePoint begin = clock.now();
  release(9500us, 0ms);
  ThreadUsage before;
  ThreadUsage now{.minor_faults = 5, .major_faults = 1, .involuntary_switches = 3};
  LateRecorder& recorder = group->runners()[0]->late();
  recorder.look_around(begin, begin + 1s, 2ms, now, before);
  EXPECT_EQ(late[0].at(0).around.window_ns.value(), 0) << "it is older";
  const LateTick::Around& around = latest(0).around;
  EXPECT_EQ(around.window_ns.value(), 1'000'000'000);
  EXPECT_EQ(around.off_cpu_ns.value(), 2'000'000);
  EXPECT_EQ(around.preemptions.value(), 3U);
  EXPECT_EQ(around.minor_faults.value(), 5U);
  EXPECT_EQ(around.major_faults.value(), 1U);
  // The next look is of other ticks.
  recorder.look_around(begin, begin + 2s, 9ms, now, before);
  EXPECT_EQ(around.window_ns.value(), 1'000'000'000);
}

}  // namespace
}  // namespace horus

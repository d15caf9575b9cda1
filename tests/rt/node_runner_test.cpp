// SPDX-License-Identifier: Apache-2.0
#include "rt/node_runner.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "rt/group_hook.hpp"
#include "tests/support/fake_node.hpp"

namespace horus {
namespace {

class NodeRunnerTest : public ::testing::Test {
 protected:
  NodeRunner& make(NodeConfig config = {}) {
    config.name = NodeName::clipped("arm");
    if (!config.rate) config.rate = 1000_hz;
    runner_ = std::make_unique<NodeRunner>(node, config, *stats,
                                           RunnerContext{.clock = clock,
                                                         .control = control,
                                                         .max_deadline_misses = max_misses,
                                                         .log = channel.get()});
    EXPECT_TRUE(runner_->init());
    return *runner_;
  }
  /// Moves the clock to release `number` plus `late`, and runs it.
  void release(int number, Nanos late = 0us) {
    const TimePoint at = epoch + number * 1ms;
    if (clock.now() < at + late) clock.advance(at + late - clock.now());
    runner_->run(at, clock.now());
  }
  /// How many lines of a release say `text`.
  int lines_of(int number, std::string_view text) {
    bind_log_channel(channel.get());
    release(number);
    bind_log_channel(nullptr);
    LogRecord record;
    int lines = 0;
    while (channel->ring.pop(record)) lines += record.text.view().find(text) != text.npos ? 1 : 0;
    return lines;
  }
  void each_takes(Nanos duration) {
    node.on_tick = [this, duration](const Tick&) { clock.advance(duration); };
  }
  void fail() {
    node.on_tick = [](const Tick&) { throw std::runtime_error("no current"); };
  }

  test::ManualClock clock;
  const TimePoint epoch = clock.now();
  RunControl control;
  test::FakeNode node{clock};
  std::unique_ptr<NodeStats> stats = std::make_unique<NodeStats>();
  std::unique_ptr<LogChannel> channel = std::make_unique<LogChannel>();
  int max_misses = 0;

 private:
  std::unique_ptr<NodeRunner> runner_;
};

TEST_F(NodeRunnerTest, fills_the_fixed_part_of_the_statistics) {
  make({.budget = 300us, .deadline = 900us, .order = 7});
  EXPECT_EQ(stats->name.view(), "arm");
  EXPECT_EQ(stats->node_class.value(), NodeClass::kTick);
  EXPECT_EQ(stats->state.value(), NodeState::kRunning);
  EXPECT_EQ(stats->order.value(), 7);
  EXPECT_EQ(stats->period_ns.value(), 1'000'000);
  EXPECT_EQ(stats->budget_ns.value(), 300'000);
  EXPECT_EQ(stats->deadline_ns.value(), 900'000);
}

TEST_F(NodeRunnerTest, keeps_exceptions_by_type_with_their_count) {
  make();
  fail();
  release(0);
  release(1);
  const Failure first = stats->failures.kinds[0].load().value();
  EXPECT_EQ(first.type.view(), "std::runtime_error");
  EXPECT_EQ(first.message.view(), "no current");
  EXPECT_EQ(first.count, 2U);
  EXPECT_EQ(first.tick, 1U);
  EXPECT_EQ(first.last_ns - first.first_ns, to_ns(TimePoint{1ms}));
}

TEST_F(NodeRunnerTest, keeps_the_words_of_another_language) {
  struct Elsewhere : NodeFailure {
    const char* what() const noexcept override { return "ValueError: bent"; }
    const char* type() const noexcept override { return "ValueError"; }
    const char* trace() const noexcept override { return "line 7"; }
  };
  make();
  node.on_tick = [](const Tick&) { throw Elsewhere{}; };
  release(0);
  const Failure first = stats->failures.kinds[0].load().value();
  EXPECT_EQ(first.type.view(), "ValueError");
  EXPECT_EQ(first.trace.view(), "line 7");
  EXPECT_EQ(first.message.view(), "ValueError: bent");
}

TEST_F(NodeRunnerTest, writes_no_lines_below_the_level_of_the_node) {
  make({.log_level = LogLevel::kWarning});
  node.on_tick = [](const Tick&) { log(LogLevel::kInfo, "hello"); };
  bind_log_channel(channel.get());
  release(0);
  stats->log_level.set(LogLevel::kInfo);
  release(1);
  bind_log_channel(nullptr);
  LogRecord record;
  ASSERT_TRUE(channel->ring.pop(record));
  EXPECT_EQ(record.tick, 1U);
  EXPECT_FALSE(channel->ring.pop(record));
}

TEST_F(NodeRunnerTest, tells_the_node_what_a_tick_is) {
  make({.budget = 300us, .deadline = 900us});
  release(0);
  release(1, 50us);
  ASSERT_EQ(node.ticks.size(), 2U);
  const Tick& tick = node.ticks[1];
  EXPECT_EQ(tick.number, 1U);
  EXPECT_EQ(tick.release, epoch + 1ms);
  EXPECT_EQ(tick.start, epoch + 1ms + 50us);
  EXPECT_EQ(tick.period, 1ms);
  EXPECT_DOUBLE_EQ(tick.dt(), 0.001);
  EXPECT_EQ(tick.deadline(), epoch + 1ms + 900us);
  EXPECT_EQ(tick.budget.execution, 300us);
}

TEST_F(NodeRunnerTest, measures_lateness_execution_and_response) {
  make();
  node.durations = {200us};
  release(0, 30us);
  EXPECT_EQ(stats->lateness.snapshot().max_ns, 30'000);
  EXPECT_EQ(stats->execution.snapshot().max_ns, 200'000);
  EXPECT_EQ(stats->response.snapshot().max_ns, 230'000);
  EXPECT_EQ(stats->last_execution_ns.value(), 200'000);
  EXPECT_EQ(stats->first_release_ns.value(), to_ns(epoch));
  release(1);
  EXPECT_EQ(stats->first_release_ns.value(), to_ns(epoch));
  EXPECT_EQ(stats->last_release_ns.value(), to_ns(epoch + 1ms));
  EXPECT_EQ(stats->ticks.value(), 2U);
}

TEST_F(NodeRunnerTest, counts_what_is_outside_of_a_histogram_at_its_ends) {
  make();
  node.durations = {70s, 20us};
  release(0, 40us);
  EXPECT_EQ(stats->execution.snapshot().max_ns, to_ns(70s));
  EXPECT_EQ(stats->execution.snapshot().buckets[ll5::kBuckets - 1], 1U);
  EXPECT_EQ(stats->response.snapshot().buckets[ll5::kBuckets - 1], 1U);
  EXPECT_EQ(stats->lateness.snapshot().buckets[ll5::index_of(40'000)], 1U);
  release(70'001, -10us);
  EXPECT_EQ(stats->lateness.snapshot().buckets[0], 1U) << "it began before its release";
  EXPECT_EQ(stats->response.snapshot().buckets[ll5::index_of(10'000)], 1U);
}

TEST_F(NodeRunnerTest, tells_when_its_tick_ended_which_is_when_the_next_node_starts) {
  NodeRunner& runner = make();
  node.durations = {200us};
  EXPECT_EQ(runner.run(epoch, epoch + 30us), epoch + 200us);
  EXPECT_EQ(runner.run(epoch + 1ms, epoch + 1ms + 7us), clock.now());
  EXPECT_EQ(node.ticks[1].start, epoch + 1ms + 7us) << "it starts when it is told the time";
  EXPECT_EQ(stats->ticks.value(), 2U);
  EXPECT_EQ(stats->lateness.snapshot().max_ns, 30'000);
}

TEST_F(NodeRunnerTest, gives_the_time_it_was_told_where_it_does_not_tick) {
  NodeRunner& runner = make();
  runner.isolate();
  EXPECT_EQ(runner.run(epoch, epoch + 7us), epoch + 7us);
}

TEST_F(NodeRunnerTest, starts_after_what_its_safe_state_and_its_restart_take) {
  make({.failure = {.kind = FailureKind::kRestart, .delay = 1ms}});
  fail();
  release(0);
  node.on_tick = nullptr;
  node.on_init = [this] { clock.advance(300us); };
  release(1);
  ASSERT_EQ(node.ticks.size(), 2U);
  EXPECT_EQ(node.ticks[1].start, epoch + 1ms + 300us);
}

TEST_F(NodeRunnerTest, names_itself_in_the_log_of_its_thread_while_it_ticks) {
  const LogSource* seen = nullptr;
  std::string name;
  std::uint64_t number = 0;
  node.on_tick = [&](const Tick&) {
    seen = channel->source;
    if (seen == nullptr) return;
    name = seen->node->view();
    number = seen->tick;
  };
  make();
  release(0);
  release(1);
  EXPECT_EQ(name, "arm");
  EXPECT_EQ(number, 1U);
  EXPECT_EQ(channel->source, nullptr) << "between ticks nobody speaks";
}

TEST_F(NodeRunnerTest, counts_an_overrun_that_meets_its_deadline_as_no_miss) {
  make({.budget = 300us, .deadline = 900us});
  node.durations = {450us};
  release(0);
  EXPECT_EQ(stats->overruns.value(), 1U);
  EXPECT_EQ(stats->misses.value(), 0U);
}

TEST_F(NodeRunnerTest, counts_a_late_start_of_a_short_tick_as_a_miss_and_no_overrun) {
  make({.budget = 300us, .deadline = 900us});
  node.durations = {100us};
  release(0, 850us);
  EXPECT_EQ(stats->overruns.value(), 0U);
  EXPECT_EQ(stats->misses.value(), 1U);
}

TEST_F(NodeRunnerTest, counts_misses_in_a_row_until_one_is_met) {
  make({.deadline = 900us});
  node.durations = {950us, 950us, 100us, 950us};
  for (int i = 0; i < 2; ++i) release(2 * i);
  EXPECT_EQ(stats->consecutive_misses.value(), 2U);
  release(4);
  EXPECT_EQ(stats->consecutive_misses.value(), 0U);
  release(6);
  EXPECT_EQ(stats->consecutive_misses.value(), 1U);
  EXPECT_EQ(stats->misses.value(), 3U);
}

TEST_F(NodeRunnerTest, gives_up_the_release_after_a_miss_where_the_policy_is_skip) {
  make({.deadline = 900us, .on_miss = MissPolicy::kSkip});
  node.durations = {950us};
  for (int i = 0; i < 3; ++i) release(i);
  EXPECT_EQ(stats->ticks.value(), 2U);
  EXPECT_EQ(stats->skipped.value(), 1U);
  EXPECT_EQ(stats->misses.value(), 1U) << "a skip is not a miss";
  ASSERT_EQ(node.ticks.size(), 2U);
  EXPECT_EQ(node.ticks[1].release, epoch + 2ms);
  EXPECT_EQ(node.ticks[1].number, 1U) << "a skipped release has no number";
}

TEST_F(NodeRunnerTest, that_misses_its_deadline_is_made_safe_once_an_episode) {
  make({.deadline = 900us, .on_miss = MissPolicy::kSafeMode});
  node.durations = {950us, 950us, 950us, 10us, 950us};
  for (int i = 0; i < 3; ++i) release(i);
  EXPECT_EQ(node.safe_states, 1);
  release(4);
  release(5);
  EXPECT_EQ(node.safe_states, 2) << "a deadline met ends the episode";
}

TEST_F(NodeRunnerTest, is_isolated_once_and_comes_back_after_good_ticks) {
  make({.deadline = 900us, .ladder = LadderConfig{.recover = 3, .least = 0ms}});
  each_takes(950us);
  for (int i = 0; i < 9; ++i) release(2 * i);
  EXPECT_EQ(stats->rung.value(), Rung::kWarned);
  EXPECT_EQ(node.safe_states, 0);
  for (int i = 9; i < 15; ++i) release(2 * i);
  EXPECT_EQ(stats->rung.value(), Rung::kIsolated);
  EXPECT_EQ(stats->rung_misses.value(), 10U);
  EXPECT_EQ(node.safe_states, 1) << "once an episode";
  EXPECT_FALSE(control.stopping());
  each_takes(10us);
  for (int i = 15; i < 17; ++i) release(2 * i);
  EXPECT_EQ(stats->rung_good.value(), 2U);
  EXPECT_EQ(stats->rung.value(), Rung::kIsolated);
  release(34);
  EXPECT_EQ(stats->rung.value(), Rung::kNone);
  EXPECT_EQ(stats->rung_since_ns.value(), 0);
  each_takes(950us);
  for (int i = 18; i < 28; ++i) release(2 * i);
  EXPECT_EQ(node.safe_states, 2) << "another episode";
}

TEST_F(NodeRunnerTest, is_made_safe_once_by_its_policy_and_its_ladder) {
  make({.deadline = 900us, .on_miss = MissPolicy::kSafeMode, .ladder = LadderConfig{.least = 0ms}});
  each_takes(950us);
  for (int i = 0; i < 15; ++i) release(2 * i);
  EXPECT_EQ(stats->rung.value(), Rung::kIsolated);
  EXPECT_EQ(node.safe_states, 1);
}

TEST_F(NodeRunnerTest, stops_the_run_on_the_last_rung) {
  make({.deadline = 900us, .ladder = LadderConfig{.least = 0ms}});
  each_takes(950us);
  for (int i = 0; i < 19; ++i) release(2 * i);
  EXPECT_FALSE(control.stopping());
  release(38);
  EXPECT_TRUE(control.stopping());
  EXPECT_EQ(control.report().reason, StopReason::kMissPolicy);
  EXPECT_EQ(stats->rung.value(), Rung::kStopped);
}

TEST_F(NodeRunnerTest, is_only_warned_of_where_nobody_asked_for_more) {
  make({.deadline = 900us});
  each_takes(950us);
  for (int i = 0; i < 200; ++i) release(2 * i);
  EXPECT_EQ(stats->rung.value(), Rung::kWarned);
  EXPECT_EQ(node.safe_states, 0);
  EXPECT_FALSE(control.stopping());
}

TEST_F(NodeRunnerTest, has_half_its_rate_and_twice_its_time_while_it_is_degraded) {
  NodeRunner& runner = make({.ladder = LadderConfig{.recover = 2, .least = 0ms}, .degrade = true});
  each_takes(970us);
  for (int i = 0; i < 5; ++i) release(2 * i);
  EXPECT_EQ(stats->rung.value(), Rung::kDegraded);
  EXPECT_EQ(stats->degrades.value(), 1U);
  ASSERT_TRUE(runner.change_due());
  runner.follow_change();
  EXPECT_FALSE(runner.change_due());
  EXPECT_EQ(stats->period_ns.value(), 2'000'000);
  release(10);
  EXPECT_EQ(node.ticks.back().dt(), 0.002);
  EXPECT_EQ(stats->deadline_ns.value(), 1'900'000);
  release(12);
  EXPECT_EQ(stats->rung.value(), Rung::kNone) << "two ticks that would have been late";
  ASSERT_TRUE(runner.change_due());
  runner.follow_change();
  EXPECT_EQ(stats->period_ns.value(), 1'000'000);
  release(14);
  EXPECT_EQ(stats->deadline_ns.value(), 950'000);
}

TEST_F(NodeRunnerTest, stops_the_robot_when_an_input_asks_for_that) {
  make();
  node.on_tick = [this](const Tick& tick) {
    if (tick.number == 1) stats->stops_asked.add();
  };
  release(0);
  EXPECT_FALSE(control.safety().look().resting());
  release(1);
  EXPECT_TRUE(control.safety().look().stopped());
  ASSERT_TRUE(control.safety().note());
  EXPECT_EQ(control.safety().note()->cause, StopCause::kInput);
  release(2);
  EXPECT_EQ(control.safety().episode(), 1U) << "once for each time that it asks";
  EXPECT_EQ(node.safe_states, 1);
}

TEST_F(NodeRunnerTest, stops_the_run_after_a_miss_where_the_policy_is_stop) {
  make({.deadline = 900us, .on_miss = MissPolicy::kStop});
  node.durations = {100us, 950us};
  release(0);
  EXPECT_FALSE(control.stopping());
  release(1);
  EXPECT_TRUE(control.stopping());
  EXPECT_EQ(control.report().reason, StopReason::kMissPolicy);
  EXPECT_EQ(control.report().node, "arm");
  EXPECT_EQ(control.report().error, "");
}

TEST_F(NodeRunnerTest, says_once_that_its_miss_ends_the_run) {
  make({.deadline = 900us, .on_miss = MissPolicy::kStop});
  node.durations = {950us};
  EXPECT_EQ(lines_of(0, "missed its deadline, and its on_miss is stop: the run ends"), 1);
}

TEST_F(NodeRunnerTest, whose_miss_comes_after_the_stop_ends_no_run) {
  make({.deadline = 900us, .on_miss = MissPolicy::kStop});
  node.durations = {950us};
  control.request_stop();
  EXPECT_EQ(lines_of(0, "the run ends"), 0);
}

TEST_F(NodeRunnerTest, asks_for_safe_state_of_all_after_so_many_misses_in_a_row) {
  max_misses = 2;
  make({.deadline = 900us});
  node.durations = {950us, 950us, 950us, 950us, 10us};
  release(0);
  EXPECT_EQ(control.safety().episode(), 0U);
  release(1);
  EXPECT_EQ(control.safety().episode(), 1U);
  for (int i = 2; i < 4; ++i) release(i);
  EXPECT_EQ(control.safety().episode(), 1U) << "once an episode";
  release(5);
  EXPECT_EQ(node.safe_states, 1) << "it follows itself at its next tick";
}

TEST_F(NodeRunnerTest, follows_a_request_for_safe_state_before_its_next_tick) {
  make();
  release(0);
  control.safety().request_safe_state(StopCause::kMisses, "");
  release(1);
  release(2);
  EXPECT_EQ(node.safe_states, 1);
  EXPECT_EQ(node.ticks.size(), 3U);
}

TEST_F(NodeRunnerTest, records_what_skipped_releases_would_have_seen) {
  NodeRunner& runner = make();
  release(0);
  runner.skip(2);
  release(3, 100us);
  EXPECT_EQ(stats->skipped.value(), 2U);
  const auto responses = stats->skipped_response.snapshot();
  EXPECT_EQ(responses.count(), 2U);
  EXPECT_EQ(responses.max_ns, 2'100'000);
  EXPECT_EQ(responses.min_ns, 1'100'000);
  EXPECT_EQ(stats->response.snapshot().count(), stats->ticks.value());
}

TEST_F(NodeRunnerTest, owes_no_response_of_releases_that_it_rested_through) {
  NodeRunner& runner = make({.failure = {.kind = FailureKind::kRestart, .delay = 1ms}});
  fail();
  release(0);
  node.on_tick = nullptr;
  runner.skip(2);
  release(3);
  EXPECT_EQ(stats->skipped.value(), 2U);
  EXPECT_EQ(stats->skipped_response.snapshot().count(), 0U);
}

TEST_F(NodeRunnerTest, charges_no_other_node_for_what_follows_its_failure) {
  NodeRunner& runner = make({.failure = {.kind = FailureKind::kRestart, .delay = 1ms}});
  fail();
  node.on_shutdown = [this] { clock.advance(200us); };
  EXPECT_EQ(runner.run(epoch, epoch), epoch + 200us) << "here the next node starts";
}

TEST_F(NodeRunnerTest, takes_a_new_budget_at_the_next_release) {
  NodeRunner& runner = make({.budget = 300us});
  runner.set_budget(100us);
  release(0);
  EXPECT_EQ(node.ticks[0].budget.execution, 100us);
  EXPECT_EQ(stats->budget_ns.value(), 100'000);
}

TEST_F(NodeRunnerTest, goes_on_after_an_exception_by_default) {
  make();
  fail();
  for (int i = 0; i < 3; ++i) release(i);
  EXPECT_EQ(stats->errors.value(), 3U);
  EXPECT_EQ(stats->ticks.value(), 3U) << "a failed tick is a tick, and never runs twice";
  EXPECT_EQ(node.ticks.size(), 3U);
  EXPECT_FALSE(control.stopping());
}

TEST_F(NodeRunnerTest, survives_what_is_no_std_exception) {
  make();
  node.on_tick = [](const Tick&) { throw 42; };
  release(0);
  EXPECT_EQ(stats->errors.value(), 1U);
}

TEST_F(NodeRunnerTest, stops_the_run_after_an_exception_where_the_policy_is_fatal) {
  make({.failure = {.kind = FailureKind::kFatal}});
  fail();
  release(0);
  const StopReport report = control.report();
  EXPECT_EQ(report.reason, StopReason::kNodeFailure);
  EXPECT_EQ(report.node, "arm");
  EXPECT_EQ(report.error, "no current");
  EXPECT_EQ(stats->state.value(), NodeState::kCrashed);
}

TEST_F(NodeRunnerTest, is_shut_down_and_initialised_again_where_the_policy_is_restart) {
  make({.failure = {.kind = FailureKind::kRestart, .delay = 10ms}});
  fail();
  release(0);
  EXPECT_EQ(node.shutdowns, 1);
  EXPECT_EQ(stats->state.value(), NodeState::kError);
  node.on_tick = nullptr;
  for (int i = 1; i < 10; ++i) release(i);
  EXPECT_EQ(stats->skipped.value(), 9U) << "while it waits it gives its releases up";
  EXPECT_EQ(node.inits, 1);
  release(10);
  EXPECT_EQ(node.inits, 2);
  EXPECT_EQ(node.ticks.size(), 2U);
  EXPECT_EQ(stats->state.value(), NodeState::kRunning);
  EXPECT_EQ(stats->skipped_response.snapshot().count(), 0U) << "a rest tells nothing about timing";
}

TEST_F(NodeRunnerTest, stops_the_run_when_it_cannot_be_restarted) {
  NodeRunner& runner =
      make({.failure = {.kind = FailureKind::kRestart, .retries = 2, .delay = 1ms}});
  fail();
  release(0);
  node.on_init = [] { throw std::runtime_error("no device"); };
  release(1);
  EXPECT_FALSE(control.stopping());
  release(3);
  EXPECT_TRUE(control.stopping());
  EXPECT_EQ(control.report().reason, StopReason::kNodeFailure);
  EXPECT_EQ(control.report().error, "no device");
  runner.shutdown();
  EXPECT_EQ(node.shutdowns, 1) << "what is not initialised is not shut down";
}

TEST_F(NodeRunnerTest, rests_after_so_many_failures_where_the_policy_is_skip) {
  make({.failure = {.kind = FailureKind::kSkip, .failures = 2, .rest = 5ms}});
  fail();
  for (int i = 0; i < 7; ++i) release(i);
  EXPECT_EQ(node.ticks.size(), 3U) << "releases 0, 1, and 6 after the rest";
  EXPECT_EQ(stats->skipped.value(), 4U);
}

TEST_F(NodeRunnerTest, forgets_failures_in_a_row_after_a_good_tick) {
  make({.failure = {.kind = FailureKind::kSkip, .failures = 2, .rest = 5ms}});
  node.on_tick = [this](const Tick& tick) {
    if (tick.number % 2 == 0) throw std::runtime_error("now and then");
  };
  for (int i = 0; i < 6; ++i) release(i);
  EXPECT_EQ(node.ticks.size(), 6U);
}

TEST_F(NodeRunnerTest, forgets_failures_in_a_row_after_a_late_tick_that_was_good) {
  make({.deadline = 900us, .failure = {.kind = FailureKind::kSkip, .failures = 2, .rest = 5ms}});
  node.durations = {10us, 950us, 10us, 950us};
  node.on_tick = [](const Tick& tick) {
    if (tick.number % 2 == 0) throw std::runtime_error("now and then");
  };
  for (int i = 0; i < 4; ++i) release(i);
  EXPECT_EQ(stats->misses.value(), 2U);
  EXPECT_EQ(node.ticks.size(), 4U);
}

TEST_F(NodeRunnerTest, loses_no_event_for_having_been_late) {
  NodeConfig config{.name = NodeName::clipped("arm"), .node_class = NodeClass::kEvent};
  config.deadline = 900us;
  config.on_miss = MissPolicy::kSkip;
  NodeRunner runner{node, config, *stats, RunnerContext{.clock = clock, .control = control}};
  ASSERT_TRUE(runner.init());
  node.durations = {950us};
  runner.run(clock.now(), clock.now());
  runner.run(clock.now(), clock.now());
  EXPECT_EQ(stats->misses.value(), 1U);
  EXPECT_EQ(node.ticks.size(), 2U);
}

TEST_F(NodeRunnerTest, never_ticks_again_once_isolated) {
  NodeRunner& runner = make();
  release(0);
  runner.isolate();
  release(1);
  EXPECT_EQ(node.ticks.size(), 1U);
  EXPECT_EQ(stats->skipped.value(), 1U);
  EXPECT_EQ(stats->state.value(), NodeState::kError);
}

TEST_F(NodeRunnerTest, shuts_down_once_and_survives_an_exception_there) {
  NodeRunner& runner = make();
  node.on_shutdown = [] { throw std::runtime_error("stuck"); };
  runner.shutdown();
  runner.shutdown();
  EXPECT_EQ(node.shutdowns, 1);
  EXPECT_EQ(stats->errors.value(), 1U);
  EXPECT_EQ(stats->state.value(), NodeState::kStopped);
}

TEST_F(NodeRunnerTest, lets_no_forked_child_come_back_from_a_tick) {
  int status = 0;
  node.on_tick = [&status](const Tick&) {
    const pid_t child = ::fork();
    if (child != 0) ::waitpid(child, &status, 0);
    if (child == 0) throw std::runtime_error("in the child");
  };
  make();
  release(0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  EXPECT_EQ(stats->ticks.value(), 1U);
  EXPECT_EQ(stats->errors.value(), 0U);
}

TEST(NodeRunnerInit, that_throws_stops_the_run_and_says_why) {
  test::ManualClock clock;
  RunControl control;
  test::FakeNode node{clock};
  node.on_init = [] { throw std::runtime_error("no device"); };
  auto stats = std::make_unique<NodeStats>();
  NodeRunner runner{node,
                    {.name = NodeName::clipped("imu"), .rate = 100_hz},
                    *stats,
                    {.clock = clock, .control = control}};
  EXPECT_FALSE(runner.init());
  EXPECT_EQ(control.report().reason, StopReason::kNotStarted);
  EXPECT_EQ(control.report().node, "imu");
  EXPECT_EQ(control.report().error, "no device");
  runner.shutdown();
  EXPECT_EQ(node.shutdowns, 0);
}

TEST(LogLimit, admits_one_a_second_and_tells_how_many_it_did_not) {
  LogLimit limit;
  const TimePoint start = from_ns(1'000'000'000);
  EXPECT_EQ(limit.admit(start), 0U);
  EXPECT_EQ(limit.admit(start + 1ms), std::nullopt);
  EXPECT_EQ(limit.admit(start + 999ms), std::nullopt);
  EXPECT_EQ(limit.admit(start + 1s), 2U);
}

}  // namespace
}  // namespace horus

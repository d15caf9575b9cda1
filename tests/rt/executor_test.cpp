// SPDX-License-Identifier: Apache-2.0
#include "rt/executor.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rt/group_hook.hpp"
#include "tests/support/fake_node.hpp"

namespace horus {
namespace {

using ::testing::ElementsAre;

/// Writes down what it is asked, and takes time on the manual clock.
class FakeHook final : public GroupHook {
 public:
  struct Script {
    Nanos lead{};
    Nanos wait{-1};
    Nanos leave{};
    std::vector<std::string> calls;
    std::vector<TimePoint> entered;
  };
  FakeHook(Script& script, test::ManualClock& clock) : script_{script}, clock_{clock} {}

  void thread_started() noexcept override { script_.calls.emplace_back("started"); }
  void thread_stopping() noexcept override { script_.calls.emplace_back("stopping"); }
  Nanos lead(TimePoint) noexcept override { return script_.lead; }
  Nanos enter(TimePoint) noexcept override {
    script_.calls.emplace_back("enter");
    script_.entered.push_back(clock_.now());
    if (script_.wait > Nanos{}) clock_.advance(script_.wait);
    return script_.wait;
  }
  void leave(TimePoint next) noexcept override {
    script_.calls.emplace_back("leave");
    clock_.advance(script_.leave);
    last_next = next;
  }

  TimePoint last_next{};

 private:
  Script& script_;
  test::ManualClock& clock_;
};

class ExecutorTest : public ::testing::Test {
 protected:
  Executor make(Nanos spin_limit = 0us, WakeSource* wake = nullptr) {
    const NodeConfig config{.name = NodeName::clipped("arm"),
                            .node_class = wake != nullptr ? NodeClass::kEvent : NodeClass::kTick,
                            .rate = wake != nullptr ? std::nullopt : std::optional{1000_hz}};
    std::vector<std::unique_ptr<NodeRunner>> runners;
    runners.push_back(std::make_unique<NodeRunner>(
        node, config, *stats, RunnerContext{.clock = clock, .control = control}));
    group = std::make_unique<RateGroup>(std::move(runners));
    return Executor{
        wake != nullptr ? Nanos{} : Nanos{1ms},
        *group,
        std::make_unique<FakeHook>(script, clock),
        {.clock = clock, .control = control, .gate = gate, .spin_limit = spin_limit, .wake = wake}};
  }
  std::vector<Nanos> releases() const {
    std::vector<Nanos> offsets;
    for (const Tick& tick : node.ticks) offsets.push_back(tick.release - epoch);
    return offsets;
  }

  test::ManualClock clock;
  const TimePoint epoch = clock.now() + 5ms;
  RunControl control;
  StartGate gate;
  test::FakeNode node{clock};
  std::unique_ptr<NodeStats> stats = std::make_unique<NodeStats>();
  FakeHook::Script script;
  std::unique_ptr<RateGroup> group;
};

TEST_F(ExecutorTest, ticks_at_each_release_before_the_end_and_at_none_after) {
  Executor executor = make();
  control.end_at(epoch + 4ms);
  executor.tick_periodically(epoch);
  EXPECT_THAT(releases(), ElementsAre(0ms, 1ms, 2ms, 3ms));
  EXPECT_EQ(stats->skipped.value(), 0U);
  EXPECT_EQ(stats->lateness.snapshot().max_ns, 0);
}

TEST_F(ExecutorTest, lasts_until_its_end_though_no_release_comes_before) {
  Executor executor = make();
  control.end_at(epoch + 1500us);
  executor.tick_periodically(epoch);
  EXPECT_THAT(releases(), ElementsAre(0ms, 1ms));
  EXPECT_EQ(clock.now(), epoch + 1500us);
}

TEST_F(ExecutorTest, sleeps_to_no_release_behind_an_end_that_is_said_meanwhile) {
  Executor executor = make();
  const TimePoint end = clock.now() + 250ms;
  clock.on_sleep = [this, end] { control.end_at(end); };
  executor.tick_periodically(clock.now() + 10s);
  EXPECT_TRUE(releases().empty());
  EXPECT_EQ(clock.now(), end);
}

TEST_F(ExecutorTest, drops_whole_periods_after_an_overrun_and_keeps_the_phase) {
  Executor executor = make();
  node.durations = {100us, 2500us, 100us};
  control.end_at(epoch + 6ms);
  executor.tick_periodically(epoch);
  // Release 1 ends at 3.5 ms: release 2 is given up, release 3 is ticked half a period late.
  EXPECT_THAT(releases(), ElementsAre(0ms, 1ms, 3ms, 4ms, 5ms));
  EXPECT_EQ(stats->ticks.value() + stats->skipped.value(), 6U);
  EXPECT_EQ(stats->skipped.value(), 1U);
  EXPECT_EQ(stats->lateness.snapshot().max_ns, 500'000);
  EXPECT_EQ(stats->skipped_response.snapshot().max_ns, 1'500'000);
}

TEST_F(ExecutorTest, counts_releases_that_a_late_wake_up_slept_through) {
  Executor executor = make();
  node.on_tick = [this](const Tick& tick) {
    clock.wake_error = tick.number == 1 ? Nanos{3200us} : Nanos{};
  };
  control.end_at(epoch + 8ms);
  executor.tick_periodically(epoch);
  EXPECT_THAT(releases(), ElementsAre(0ms, 1ms, 5ms, 6ms, 7ms));
  EXPECT_EQ(stats->skipped.value(), 3U);
}

TEST_F(ExecutorTest, reads_the_clock_after_its_sleep_and_after_the_tick_and_no_more) {
  for (const Nanos spin_limit : {0us, 100us}) {
    Executor executor = make(spin_limit);
    const TimePoint begin = clock.now() + 1ms;
    control.end_at(begin + 100ms);
    const std::size_t before = node.ticks.size();
    clock.reads = 0;
    executor.tick_periodically(begin);
    EXPECT_EQ(node.ticks.size() - before, 100U);
    // And once by the hook of this test; before the first sleep and after the last.
    EXPECT_EQ(clock.reads, 100 * (2 + 1) + 2);
  }
}

TEST_F(ExecutorTest, counts_no_release_beyond_the_end) {
  Executor executor = make();
  node.durations = {100us, 20ms};
  control.end_at(epoch + 5ms);
  executor.tick_periodically(epoch);
  EXPECT_EQ(stats->ticks.value(), 2U);
  EXPECT_EQ(stats->skipped.value(), 3U) << "releases 2, 3 and 4";
}

TEST_F(ExecutorTest, begins_in_the_middle_of_the_grid_when_it_is_late_itself) {
  Executor executor = make();
  clock.advance(5ms + 2300us);
  control.end_at(epoch + 4ms);
  executor.tick_periodically(epoch);
  EXPECT_THAT(releases(), ElementsAre(2ms, 3ms));
  EXPECT_EQ(stats->skipped.value(), 2U);
}

TEST_F(ExecutorTest, sleeps_to_a_lead_before_the_release_and_spins_the_rest) {
  clock.wake_error = 50us;
  Executor executor = make(200us);
  control.end_at(epoch + 1000ms);
  executor.tick_periodically(epoch);
  EXPECT_EQ(stats->ticks.value(), 1000U);
  EXPECT_EQ(stats->lateness.snapshot().max_ns, 0) << "each start is exact";
  EXPECT_EQ(clock.sleeps.back(), control.end());
  const Nanos lead = epoch + 999ms - clock.sleeps.end()[-2];
  EXPECT_GE(lead, 55us);
  EXPECT_LE(lead, 60us);
  EXPECT_LE(clock.spun, 150ms) << "at most 15 % of the time is spun away";
}

TEST_F(ExecutorTest, only_sleeps_when_the_spin_limit_is_zero) {
  clock.wake_error = 50us;
  Executor executor = make();
  control.end_at(epoch + 100ms);
  executor.tick_periodically(epoch);
  EXPECT_EQ(clock.spun, 0ns);
  EXPECT_EQ(stats->lateness.snapshot().min_ns, 50'000);
  EXPECT_EQ(clock.sleeps.end()[-2], epoch + 99ms);
}

TEST_F(ExecutorTest, sleeps_once_a_release) {
  Executor executor = make();
  control.end_at(epoch + 100ms);
  executor.tick_periodically(epoch);
  EXPECT_EQ(clock.sleeps.size(), 100U + 1) << "and once until the end";
}

TEST_F(ExecutorTest, sleeps_to_no_release_that_passed_while_its_hook_was_left) {
  script.wait = 1us;
  script.leave = 1200us;
  Executor executor = make();
  clock.on_sleep = [this] { EXPECT_GT(clock.sleeps.back(), clock.now()); };
  control.end_at(epoch + 4ms);
  executor.tick_periodically(epoch);
  EXPECT_EQ(stats->ticks.value() + stats->skipped.value(), 4U);
}

TEST_F(ExecutorTest, does_not_sleep_longer_than_it_may_overlook_a_stop) {
  Executor executor = make();
  control.end_at(epoch + 1s + 1ms);
  executor.tick_periodically(epoch + 1s);
  for (std::size_t i = 1; i < clock.sleeps.size(); ++i) {
    EXPECT_LE(clock.sleeps[i] - clock.sleeps[i - 1], 100ms);
  }
  EXPECT_EQ(node.ticks.size(), 1U);
}

TEST_F(ExecutorTest, ends_after_the_running_tick_when_asked_to_stop) {
  Executor executor = make();
  node.on_tick = [this](const Tick& tick) {
    if (tick.number == 2) control.request_stop();
  };
  executor.tick_periodically(epoch);
  EXPECT_EQ(node.ticks.size(), 3U);
}

TEST_F(ExecutorTest, enters_the_hook_at_the_release_when_it_wants_no_lead) {
  script.wait = 30us;
  Executor executor = make(200us);
  control.end_at(epoch + 2ms);
  executor.tick_periodically(epoch);
  EXPECT_THAT(script.entered, ElementsAre(epoch, epoch + 1ms));
  EXPECT_EQ(stats->lateness.snapshot().min_ns, 30'000) << "the wait is part of the lateness";
  EXPECT_EQ(stats->gil_wait.snapshot().max_ns, 30'000);
}

TEST_F(ExecutorTest, enters_the_hook_its_lead_before_the_release) {
  script.wait = 30us;
  script.lead = 40us;
  Executor executor = make(200us);
  control.end_at(epoch + 2ms);
  executor.tick_periodically(epoch);
  EXPECT_LE(script.entered[1], epoch + 1ms - 40us);
  EXPECT_EQ(stats->lateness.snapshot().max_ns, 0);
  EXPECT_EQ(node.ticks[1].start, epoch + 1ms) << "who has the GIL early still waits";
}

TEST_F(ExecutorTest, never_sleeps_between_enter_and_release) {
  script.wait = 1us;
  script.lead = 400us;
  Executor executor = make();
  control.end_at(epoch + 3ms);
  executor.tick_periodically(epoch);
  EXPECT_THAT(script.entered, ElementsAre(epoch, epoch + 1ms, epoch + 2ms));
}

TEST_F(ExecutorTest, owes_a_sign_of_life_from_the_release_that_it_waits_for) {
  Executor executor = make();
  std::vector<std::int64_t> expected;
  std::vector<int> running;
  node.on_tick = [&](const Tick&) {
    expected.push_back(group->progress().expected_since_ns.load());
    running.push_back(group->progress().running.load());
  };
  control.end_at(epoch + 2ms);
  executor.tick_periodically(epoch);
  EXPECT_THAT(expected, ElementsAre(to_ns(epoch), to_ns(epoch + 1ms)));
  EXPECT_THAT(running, ElementsAre(0, 0));
  EXPECT_EQ(group->progress().running.load(), -1);
}

TEST_F(ExecutorTest, that_wakes_up_late_owes_a_sign_of_life_only_from_then_on) {
  Executor executor = make();
  clock.wake_error = 700us;
  std::vector<std::int64_t> expected;
  node.on_tick = [&](const Tick&) {
    expected.push_back(group->progress().expected_since_ns.load());
  };
  control.end_at(epoch + 1ms);
  executor.tick_periodically(epoch);
  EXPECT_THAT(expected, ElementsAre(to_ns(epoch + 700us)));
}

TEST_F(ExecutorTest, counts_each_release_that_an_overrun_takes_before_the_end) {
  Executor executor = make();
  node.durations = {5ms};
  control.end_at(epoch + 2500us);
  executor.tick_periodically(epoch);
  EXPECT_EQ(stats->ticks.value(), 1U);
  EXPECT_EQ(stats->skipped.value(), 2U) << "those at 1 and at 2 ms";
}

TEST_F(ExecutorTest, goes_into_safe_state_while_it_sleeps_when_that_is_asked) {
  Executor executor = make();
  control.safety().request_safe_state(StopCause::kMisses, "");
  control.end_at(epoch);
  executor.tick_periodically(epoch - 1ms);
  EXPECT_EQ(node.safe_states, 1);
  EXPECT_THAT(script.calls, ElementsAre("enter", "leave", "enter", "leave"));
}

TEST_F(ExecutorTest, obeys_another_hosts_stop_before_the_tick) {
  StopWord other;
  StopWords words;
  ASSERT_GE(words.add(other, 0), 0);
  control.safety().use({.others = &words});
  Executor executor = make();
  // While it sleeps to the second release.
  node.on_tick = [&](const Tick& tick) {
    if (tick.number == 0) other.stops.fetch_add(1);
  };
  control.end_at(epoch + 1500us);
  executor.tick_periodically(epoch);
  ASSERT_EQ(node.ticks.size(), 2U);
  EXPECT_FALSE(node.ticks[0].safe());
  EXPECT_TRUE(node.ticks[1].safe());
  EXPECT_EQ(node.safe_states, 1);
}

TEST_F(ExecutorTest, that_sleeps_for_long_goes_into_safe_state_long_before_its_release) {
  Executor executor = make();
  clock.on_sleep = [this] {
    if (clock.sleeps.size() == 1) control.safety().request_safe_state(StopCause::kMisses, "");
  };
  TimePoint safe_at{};
  node.on_safe_state = [&] { safe_at = clock.now(); };
  control.end_at(epoch + 10s);
  node.on_tick = [this](const Tick&) { control.request_stop(); };
  const TimePoint begin = clock.now();
  executor.tick_periodically(epoch + 5s);
  EXPECT_EQ(node.safe_states, 1);
  EXPECT_LE(safe_at - begin, 100ms);
}

TEST_F(ExecutorTest, lives_from_hook_to_hook) {
  Executor executor = make();
  control.end_at(epoch + 1ms);
  gate.open(epoch);
  executor.run();
  EXPECT_THAT(script.calls, ElementsAre("started", "enter", "leave",  // init()
                                        "enter", "leave",             // one tick
                                        "enter", "leave", "stopping"));
  EXPECT_EQ(node.inits, 1);
  EXPECT_EQ(node.shutdowns, 1);
  EXPECT_NE(stats->tid.value(), 0);
  EXPECT_EQ(group->progress().expected_since_ns.load(), Progress::kNothingExpected);
}

TEST_F(ExecutorTest, behind_a_closed_gate_shuts_down_without_a_tick) {
  Executor executor = make();
  gate.close();
  executor.run();
  EXPECT_EQ(node.ticks.size(), 0U);
  EXPECT_EQ(node.shutdowns, 1);
}

/// Has work at the given instants.
class FakeWake final : public WakeSource {
 public:
  explicit FakeWake(test::ManualClock& clock) : clock_{clock} {}
  bool wait_until(TimePoint until) noexcept override {
    ++waits;
    if (on_wait) on_wait();
    if (!events.empty() && events.front() <= until) {
      if (events.front() > clock_.now()) clock_.advance(events.front() - clock_.now());
      events.erase(events.begin());
      return true;
    }
    if (until > clock_.now()) clock_.advance(until - clock_.now());
    return false;
  }
  void interrupt() noexcept override {}

  std::function<void()> on_wait;
  std::vector<TimePoint> events;
  int waits = 0;

 private:
  test::ManualClock& clock_;
};

TEST_F(ExecutorTest, ticks_an_event_node_when_its_source_has_work) {
  FakeWake wake{clock};
  wake.events = {epoch + 3ms, epoch + 250ms};
  Executor executor = make(200us, &wake);
  control.end_at(epoch + 400ms);
  executor.tick_on_events();
  EXPECT_THAT(releases(), ElementsAre(3ms, 250ms));
  EXPECT_EQ(node.ticks[0].period, 0ns);
  EXPECT_EQ(stats->lateness.snapshot().max_ns, 0);
  EXPECT_EQ(stats->skipped.value(), 0U);
  EXPECT_EQ(clock.now(), epoch + 400ms);
}

TEST_F(ExecutorTest, that_waits_for_events_owes_nothing_but_while_it_ticks) {
  FakeWake wake{clock};
  wake.events = {epoch + 3ms};
  Executor executor = make(0us, &wake);
  std::vector<std::int64_t> expected;
  const auto look = [&] { expected.push_back(group->progress().expected_since_ns.load()); };
  wake.on_wait = look;
  node.on_tick = [&](const Tick&) { look(); };
  control.end_at(epoch + 50ms);
  executor.tick_on_events();
  EXPECT_THAT(expected, ElementsAre(Progress::kNothingExpected, to_ns(epoch + 3ms),
                                    Progress::kNothingExpected));
}

TEST_F(ExecutorTest, ticks_no_event_node_whose_event_comes_with_the_stop) {
  FakeWake wake{clock};
  wake.events = {epoch + 3ms};
  Executor executor = make(0us, &wake);
  wake.on_wait = [this] { control.request_stop(); };
  executor.tick_on_events();
  EXPECT_TRUE(node.ticks.empty());
}

TEST_F(ExecutorTest, that_waits_for_events_obeys_another_hosts_stop_before_the_tick) {
  StopWord other;
  StopWords words;
  ASSERT_GE(words.add(other, 0), 0);
  control.safety().use({.others = &words});
  FakeWake wake{clock};
  wake.events = {epoch};
  Executor executor = make(0us, &wake);
  wake.on_wait = [&] { other.stops.fetch_add(1); };
  control.end_at(epoch + 1ms);
  executor.tick_on_events();
  ASSERT_EQ(node.ticks.size(), 1U);
  EXPECT_TRUE(node.ticks[0].safe());
}

TEST_F(ExecutorTest, that_waits_for_events_follows_a_request_for_safe_state) {
  FakeWake wake{clock};
  Executor executor = make(0us, &wake);
  control.safety().request_safe_state(StopCause::kMisses, "");
  control.end_at(epoch + 1ms);
  executor.tick_on_events();
  EXPECT_EQ(node.safe_states, 1);
}

/// Several nodes of one thread, each with a place of its own for its late ticks.
class ThreadOfNodesTest : public ::testing::Test {
 protected:
  std::unique_ptr<RateGroup> make(std::size_t count) {
    std::vector<std::unique_ptr<NodeRunner>> runners;
    for (std::size_t i = 0; i < count; ++i) {
      nodes.push_back(std::make_unique<test::FakeNode>(clock));
      stats.push_back(std::make_unique<NodeStats>());
      late.push_back(std::make_unique<LateTicks>());
      const NodeConfig config{.name = NodeName::clipped("node" + std::to_string(i)),
                              .rate = 1000_hz};
      runners.push_back(
          std::make_unique<NodeRunner>(*nodes[i], config, *stats[i],
                                       RunnerContext{.clock = clock,
                                                     .control = control,
                                                     .late = {.ticks = late[i].get()},
                                                     .index = static_cast<std::int32_t>(i)}));
    }
    auto group = std::make_unique<RateGroup>(std::move(runners));
    group->init();
    return group;
  }

  test::ManualClock clock;
  RunControl control;
  std::vector<std::unique_ptr<test::FakeNode>> nodes;
  std::vector<std::unique_ptr<NodeStats>> stats;
  std::vector<std::unique_ptr<LateTicks>> late;
};

TEST_F(ThreadOfNodesTest, each_owes_a_sign_of_life_from_the_end_of_the_one_before_it) {
  const auto group = make(2);
  nodes[0]->durations = {600us};
  const TimePoint release = clock.now();
  std::int64_t expected = 0;
  nodes[1]->on_tick = [&](const Tick&) { expected = group->progress().expected_since_ns.load(); };
  group->tick(release, release, Nanos{-1});
  EXPECT_EQ(expected, to_ns(release + 600us));
}

TEST_F(ThreadOfNodesTest, a_late_tick_names_the_longest_of_those_before_it) {
  const auto group = make(4);
  nodes[0]->durations = {300us};
  nodes[1]->durations = {600us};
  nodes[2]->durations = {40us};
  nodes[3]->durations = {50us};
  group->tick(clock.now(), clock.now(), Nanos{-1});
  ASSERT_EQ(late[3]->count.value(), 1U);
  EXPECT_EQ(late[3]->ticks[0].before.value(), 1);
  EXPECT_EQ(late[3]->ticks[0].before_ns.value(), 940'000);
}

TEST_F(ThreadOfNodesTest, a_late_tick_names_the_first_of_those_before_it_that_was_late) {
  const auto group = make(4);
  nodes[0]->durations = {300us};
  nodes[1]->durations = {800us};
  nodes[2]->durations = {900us};
  nodes[3]->durations = {50us};
  group->tick(clock.now(), clock.now(), Nanos{-1});
  ASSERT_EQ(late[2]->count.value(), 1U);
  EXPECT_EQ(late[2]->ticks[0].before.value(), 1);
  EXPECT_EQ(late[3]->ticks[0].before.value(), 1) << "though another took longer";
}

TEST_F(ThreadOfNodesTest, none_is_initialised_after_one_that_failed) {
  const auto group = make(2);
  nodes[0]->on_init = [] { throw std::runtime_error("no bus"); };
  group->init();
  EXPECT_EQ(nodes[1]->inits, 1) << "as before";
}

}  // namespace
}  // namespace horus

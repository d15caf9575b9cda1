// SPDX-License-Identifier: Apache-2.0
// What a node's runner, the watchdog, a scheduler and a crash write into a black box.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "rt/base/black_box.hpp"
#include "rt/crash.hpp"
#include "rt/drop_watch.hpp"
#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"
#include "rt/node_runner.hpp"
#include "rt/stats_block.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/heap_stats.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A box on the heap.
struct HeapBox {
  explicit HeapBox(std::size_t size) : places(size) {}

  std::vector<Event> of(EventKind kind) const {
    std::vector<Event> found = box.events();
    std::erase_if(found, [kind](const Event& event) { return event.kind != kind; });
    return found;
  }
  std::vector<std::string> texts(EventKind kind) const {
    std::vector<std::string> all;
    for (const Event& event : of(kind)) all.emplace_back(event.text.view());
    return all;
  }

  BlackBoxHead head{};
  std::vector<BlackBoxPlace> places;
  BlackBox box{head, places};
};

class BoxEventsTest : public ::testing::Test {
 protected:
  NodeRunner& make(NodeConfig config = {}) {
    config.name = NodeName::clipped("arm");
    if (!config.rate) config.rate = 1000_hz;
    RunnerContext context{.clock = clock, .control = control};
    context.late.ticks = late.get();
    context.box = &kept.box;
    runner_ = std::make_unique<NodeRunner>(node, config, *stats, context);
    return *runner_;
  }
  void release(int number) {
    const TimePoint at = epoch + number * 1ms;
    if (clock.now() < at) clock.advance(at - clock.now());
    runner_->run(at, clock.now());
  }
  void fail() {
    node.on_tick = [](const Tick&) { throw std::runtime_error("no current"); };
  }

  HeapBox kept{512};
  test::ManualClock clock;
  const TimePoint epoch = clock.now();
  RunControl control;
  test::FakeNode node{clock};
  std::unique_ptr<NodeStats> stats = std::make_unique<NodeStats>();
  std::unique_ptr<LateTicks> late = std::make_unique<LateTicks>();

 private:
  std::unique_ptr<NodeRunner> runner_;
};

TEST_F(BoxEventsTest, good_ticks_write_nothing) {
  ASSERT_TRUE(make({.deadline = 900us}).init());
  const auto before = kept.box.events().size();
  for (int i = 0; i < 100; ++i) release(i);
  EXPECT_EQ(kept.box.events().size(), before);
  EXPECT_EQ(stats->ticks.value(), 100U);
}

TEST_F(BoxEventsTest, states_are_kept_as_they_change) {
  NodeRunner& runner = make();
  ASSERT_TRUE(runner.init());
  runner.shutdown();
  EXPECT_THAT(kept.texts(EventKind::kState),
              ElementsAre("initializing", "running", "stopping", "stopped"));
  const Event last = kept.of(EventKind::kState).back();
  EXPECT_EQ(last.node, "arm");
  EXPECT_EQ(last.numbers[0], static_cast<std::int64_t>(NodeState::kStopping));
  EXPECT_EQ(last.numbers[1], static_cast<std::int64_t>(NodeState::kStopped));
}

TEST_F(BoxEventsTest, a_miss_has_its_tick_its_numbers_and_its_cause) {
  ASSERT_TRUE(make({.budget = 300us, .deadline = 900us}).init());
  node.durations = {10us, 950us};
  release(0);
  release(1);
  const auto misses = kept.of(EventKind::kMiss);
  ASSERT_EQ(misses.size(), 1U);
  EXPECT_EQ(misses[0].node, "arm");
  EXPECT_EQ(misses[0].in_tick, 1U);
  EXPECT_EQ(misses[0].tick, 1U);
  EXPECT_EQ(misses[0].numbers, (std::array<std::int64_t, 3>{950, 900, 0}));
  EXPECT_THAT(std::string{misses[0].text.view()}, HasSubstr("its own work"));
  EXPECT_TRUE(kept.of(EventKind::kOverrun).empty()) << "one event for one tick";
}

TEST_F(BoxEventsTest, an_overrun_has_them_too) {
  ASSERT_TRUE(make({.budget = 300us, .deadline = 900us}).init());
  node.durations = {400us};
  release(0);
  const auto overruns = kept.of(EventKind::kOverrun);
  ASSERT_EQ(overruns.size(), 1U);
  EXPECT_EQ(overruns[0].numbers, (std::array<std::int64_t, 3>{400, 300, 0}));
  EXPECT_THAT(std::string{overruns[0].text.view()}, HasSubstr("its own work"));
}

TEST_F(BoxEventsTest, who_misses_always_does_not_push_out_the_others) {
  ASSERT_TRUE(make({.deadline = 900us}).init());
  node.durations.assign(2000, 950us);
  for (int i = 0; i < 2000; ++i) release(i);
  const auto misses = kept.of(EventKind::kMiss);
  // A burst, and one each of the seconds after it.
  EXPECT_GE(misses.size(), static_cast<std::size_t>(EventLimit::kBurst));
  EXPECT_LE(misses.size(), static_cast<std::size_t>(EventLimit::kBurst) + 3);
  const auto left_out = std::ranges::max(misses, {}, [](const Event& e) { return e.numbers[2]; });
  EXPECT_GT(left_out.numbers[2], 500);
  EXPECT_EQ(kept.of(EventKind::kState).size(), 2U);
}

TEST_F(BoxEventsTest, an_error_has_its_type_and_its_message) {
  ASSERT_TRUE(make().init());
  fail();
  release(0);
  release(1);
  const auto errors = kept.of(EventKind::kError);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[1].text, "std::runtime_error: no current");
  EXPECT_EQ(errors[1].tick, 1U);
  EXPECT_EQ(errors[1].node, "arm");
}

TEST_F(BoxEventsTest, pythons_words_name_the_type_once) {
  struct Elsewhere : NodeFailure {
    const char* what() const noexcept override { return "ValueError: bent"; }
    const char* type() const noexcept override { return "ValueError"; }
    const char* trace() const noexcept override { return ""; }
  };
  ASSERT_TRUE(make().init());
  node.on_tick = [](const Tick&) { throw Elsewhere{}; };
  release(0);
  EXPECT_THAT(kept.texts(EventKind::kError), ElementsAre("ValueError: bent"));
}

TEST_F(BoxEventsTest, an_init_that_fails_is_an_error) {
  node.on_init = [] { throw std::runtime_error("no motor"); };
  EXPECT_FALSE(make().init());
  EXPECT_THAT(kept.texts(EventKind::kError), ElementsAre("std::runtime_error: no motor"));
  EXPECT_THAT(kept.texts(EventKind::kState), ElementsAre("initializing", "crashed"));
}

TEST_F(BoxEventsTest, a_long_wait_for_the_gil_is_kept_and_a_short_one_is_not) {
  NodeRunner& runner = make();
  ASSERT_TRUE(runner.init());
  runner.record_gil_wait(kLongGilWait - 1ns);
  EXPECT_TRUE(kept.of(EventKind::kGil).empty());
  runner.record_gil_wait(kLongGilWait);
  const auto waits = kept.of(EventKind::kGil);
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_EQ(waits[0].numbers[0], 100'000);
}

TEST_F(BoxEventsTest, messages_that_were_lost_are_one_event_a_look) {
  std::vector<NodeStats> nodes(2);
  nodes[1].name = NodeName::clipped("arm");
  nodes[1].messages_missed.add(3);
  DropWatch watch{nodes};
  watch.look(kept.box);
  EXPECT_TRUE(kept.box.events().empty()) << "what was lost before is past";
  nodes[1].messages_missed.add(1000);
  nodes[1].messages_refused.add(2);
  watch.look(kept.box);
  watch.look(kept.box);
  const auto drops = kept.of(EventKind::kDrop);
  ASSERT_EQ(drops.size(), 1U);
  EXPECT_EQ(drops[0].node, "arm");
  EXPECT_EQ(drops[0].numbers, (std::array<std::int64_t, 3>{1000, 2, 0}));
}

TEST(BoxOfScheduler, has_its_nodes_events_its_changes_and_its_losses) {
  HeapBox kept{64};
  test::CountingNode node;
  test::HeapStats stats{1};
  Scheduler scheduler{test::quiet()};
  ASSERT_TRUE(scheduler.add(node, test::named("arm", 10_hz)));
  StatsBlock block = stats.block();
  block.box = &kept.box;
  ASSERT_TRUE(scheduler.start(block));
  ASSERT_TRUE(scheduler.set_budget("arm", 50ms));
  stats[0].messages_missed.add(4);
  test::wait_until([&] { return node.ticks.load() > 0; });
  scheduler.request_stop();
  scheduler.wait();
  EXPECT_THAT(kept.texts(EventKind::kConfig), ElementsAre("budget"));
  EXPECT_THAT(kept.texts(EventKind::kState),
              ElementsAre("initializing", "running", "stopping", "stopped"));
  ASSERT_EQ(kept.of(EventKind::kDrop).size(), 1U);
  EXPECT_EQ(kept.of(EventKind::kDrop)[0].numbers[0], 4);
}

TEST(BoxOfScheduler, says_which_node_hangs_in_which_tick) {
  HeapBox kept{64};
  std::atomic<bool> go_on{false};
  test::CountingNode node;
  node.on_tick = [&](const Tick& tick) {
    while (tick.number == 3 && !go_on.load()) std::this_thread::yield();
  };
  test::HeapStats stats{1};
  SchedulerOptions options = test::quiet();
  Scheduler scheduler{options};
  NodeConfig config = test::named("arm", 100_hz);
  config.watchdog = 20ms;
  ASSERT_TRUE(scheduler.add(node, config));
  StatsBlock block = stats.block();
  block.box = &kept.box;
  ASSERT_TRUE(scheduler.start(block));
  const auto hung = [&kept] {
    return std::ranges::any_of(kept.of(EventKind::kHang),
                               [](const Event& event) { return event.numbers[1] == 3; });
  };
  test::wait_until(hung);
  go_on.store(true);
  scheduler.request_stop();
  scheduler.wait();
  const auto hangs = kept.of(EventKind::kHang);
  EXPECT_EQ(hangs.back().node, "arm");
  EXPECT_EQ(hangs.back().in_tick, 1U);
  EXPECT_EQ(hangs.back().tick, 3U);
  EXPECT_GE(hangs.back().numbers[0], 60);
  EXPECT_THAT(std::string{hangs.back().text.view()}, HasSubstr("in its tick"));
}

[[noreturn]] void abort_in_a_tick(BlackBox& box) {
  static const NodeName name = NodeName::clipped("arm");
  static const LogSource source{.node = &name, .tick = 7};
  const LogNaming named{source};
  keep_crashes_in(&box);
  tell_crashes(nullptr);
  ::abort();
}
bool any_way(int /*status*/) {
  return true;  // A sanitizer has a word in how a crash ends.
}

/// F04: what a signal handler writes is there after the process.
TEST(BoxOfACrash, names_node_and_tick) {
  struct Shared {
    BlackBoxHead head{};
    std::array<BlackBoxPlace, 8> places{};
  };
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& shared = *new (memory) Shared;
  BlackBox box{shared.head, shared.places};
  EXPECT_EXIT(abort_in_a_tick(box), any_way, "crashed in node 'arm', tick 7");
  const auto events = box.events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::kCrash);
  EXPECT_EQ(events[0].node, "arm");
  EXPECT_EQ(events[0].tick, 7U);
  EXPECT_EQ(events[0].in_tick, 1U);
  EXPECT_EQ(events[0].numbers[0], SIGABRT);
  ::munmap(memory, sizeof(Shared));
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
// A scheduler in a program of its own, by what is installed alone.
#include <stdexcept>

#include <gtest/gtest.h>

#include <horus/node.hpp>
#include <horus/result.hpp>
#include <horus/scheduler.hpp>
#include <horus/time.hpp>

namespace horus {
namespace {

class Worker : public Node {
 public:
  explicit Worker(Scheduler& scheduler) noexcept : scheduler_{scheduler} {}
  void tick(const Tick& tick) override {
    if (tick.number == 1) throw std::runtime_error{"the second one fails"};
    if (tick.number == 9) scheduler_.request_stop();
  }
  void enter_safe_state() noexcept override { ++rests; }
  int rests = 0;

 private:
  Scheduler& scheduler_;
};

class OwnProgram : public testing::Test {
 protected:
  Scheduler scheduler{SchedulerOptions{}};
  Worker node{scheduler};
  void add() {
    or_throw(scheduler.add(node, {.name = NodeName::clipped("worker"), .rate = 500_hz}));
  }
};

TEST_F(OwnProgram, counts_what_its_nodes_do_without_giving_memory_for_it) {
  add();
  EXPECT_FALSE(scheduler.counts("worker")) << "it has not started";
  or_throw(scheduler.start());
  EXPECT_EQ(scheduler.wait(30s).reason, StopReason::kRequested);
  const TickCounts counts = scheduler.counts("worker").value();
  EXPECT_EQ(counts.ticks, 10U);
  EXPECT_EQ(counts.failures, 1U);
  EXPECT_FALSE(scheduler.counts("nobody"));
}

TEST_F(OwnProgram, tells_missed_overrun_and_skipped_apart) {
  struct Slow : Node {
    void tick(const Tick& tick) override {
      while (now() < tick.start + 250ms) {
      }
    }
  } slow;
  struct Quick : Node {
    void tick(const Tick& /*tick*/) override {}
  } quick;
  // On one thread: the second begins when the first is done.
  or_throw(scheduler.add(slow, {.name = NodeName::clipped("slow"),
                                .rate = 10_hz,
                                .budget = 5ms,
                                .deadline = 10s,
                                .order = 0}));
  or_throw(scheduler.add(quick, {.name = NodeName::clipped("quick"),
                                 .rate = 10_hz,
                                 .budget = 80ms,
                                 .deadline = 90ms,
                                 .order = 1}));
  or_throw(scheduler.start());
  scheduler.wait(1s);
  const TickCounts of_slow = scheduler.counts("slow").value();
  EXPECT_EQ(of_slow.missed, 0U);
  EXPECT_EQ(of_slow.overruns, of_slow.ticks);
  EXPECT_GT(of_slow.skipped, 0U);
  const TickCounts of_quick = scheduler.counts("quick").value();
  EXPECT_GT(of_quick.ticks, 0U);
  EXPECT_EQ(of_quick.missed, of_quick.ticks);
  EXPECT_EQ(of_quick.overruns, 0U);
}

TEST_F(OwnProgram, stops_its_robot_and_releases_it) {
  add();
  EXPECT_FALSE(scheduler.rest().resting());
  EXPECT_EQ(scheduler.rest_reason(), "");
  scheduler.estop("a hand in the gripper");
  const Rest rest = scheduler.rest();
  EXPECT_TRUE(rest.resting());
  EXPECT_TRUE(rest.stopped());
  or_throw(scheduler.start());
  EXPECT_EQ(scheduler.rest_reason(), "a hand in the gripper");
  scheduler.wait(30s);
  EXPECT_EQ(node.rests, 1);
  or_throw(scheduler.release(scheduler.rest()));
  EXPECT_FALSE(scheduler.rest().resting());
  EXPECT_EQ(scheduler.rest().episode(), rest.episode() + 1);
}

TEST(OrThrow, gives_the_value_or_throws_what_failed) {
  EXPECT_EQ(or_throw(Result<int>{3}), 3);
  EXPECT_NO_THROW(or_throw(Status{}));
  const Error error{Errc::kNotFound, "open topic", 0, Name<200>::clipped("cmd_vel")};
  try {
    or_throw(Status{error});
    FAIL();
  } catch (const std::runtime_error& told) {
    EXPECT_STREQ(told.what(), "open topic: cmd_vel");
  }
  EXPECT_THROW(or_throw(Result<int>{error}), std::runtime_error);
}

TEST(Now, is_on_the_clock_of_every_instant) {
  const TimePoint before = MonotonicClock::now();
  const TimePoint read = now();
  EXPECT_LE(before, read);
  EXPECT_LE(read, MonotonicClock::now());
}

}  // namespace
}  // namespace horus

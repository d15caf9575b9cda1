// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/gil_arbiter.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "pyhost/cpython/gil_helper.hpp"
#include "tests/pyhost/fake_gil.hpp"

namespace horus::py {
namespace {

using test::FakeGil;
using Asked = GilArbiter::Asked;

constexpr Urgency kFast = urgency_of(NodeClass::kTick, 0, 1ms);
constexpr Urgency kSlow = urgency_of(NodeClass::kTick, 0, 100ms);

TimePoint now() {
  return MonotonicClock::now();
}

/// A thread state and its seat, used by the calling thread.
class Ticker {
 public:
  explicit Ticker(Urgency urgency, unsigned long protection_us = 0)
      : seat_{*GilArbiter::instance().claim(this, urgency, protection_us)} {}
  ~Ticker() { GilArbiter::instance().release(seat_); }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  void take() {
    const TimePoint before = now();
    GilArbiter::instance().begin(seat_, before);
    FakeGil::take(this);
    GilArbiter::instance().got(seat_, before, now(), before);
  }
  GilArbiter::Loss drop(TimePoint next = now() + 1s) {
    const GilArbiter::Loss loss =
        GilArbiter::kept(seat_) ? GilArbiter::Loss{} : GilArbiter::instance().ticked(seat_);
    GilArbiter::instance().end(seat_, next);
    FakeGil::drop(this);
    GilArbiter::instance().ended(seat_);
    return loss;
  }
  void look() { FakeGil::look(this); }
  GilSeat& seat() { return seat_; }

 private:
  GilSeat& seat_;
};

/// A plain thread that has the GIL and burns, until it is told to end.
class Burner {
 public:
  Burner() {
    thread_ = std::thread{[this] {
      FakeGil::take(this);
      burns_ = true;
      burns_.notify_all();
      while (!stop_) {
        FakeGil::look(this);
        std::this_thread::yield();
      }
      FakeGil::drop(this);
    }};
    burns_.wait(false);
  }
  ~Burner() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> burns_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class GilArbiterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FakeGil::requests = 0;
    FakeGil::in_request = FakeGil::let_go = false;
    FakeGil::interval() = 5000;
    ASSERT_EQ(GilArbiter::instance().probe(), nullptr);
  }
};

TEST_F(GilArbiterTest, a_plain_thread_leaves_for_each_tick) {
  const Burner burner;
  Ticker tick{kFast};
  for (int i = 0; i < 200; ++i) {
    tick.take();
    tick.drop();
  }
  EXPECT_GE(FakeGil::requests, 1);
}

TEST_F(GilArbiterTest, ticks_get_the_gil_beside_plain_threads_that_compete) {
  const Burner first;
  std::atomic<bool> stop{false};
  std::thread second{[&] {
    while (!stop) {
      FakeGil::take(&stop);
      for (int i = 0; i < 100; ++i) FakeGil::look(&stop);
      FakeGil::drop(&stop);
    }
  }};
  {
    Ticker tick{kFast};
    for (int i = 0; i < 200; ++i) {
      tick.take();
      tick.drop();
    }
  }
  // Nobody asks for it any more; the burner has to end before it gets the GIL once more.
  stop = true;
  std::thread helps{[&] {
    Ticker tick{kFast};
    while (stop) {
      tick.take();
      tick.drop();
    }
  }};
  second.join();
  stop = false;
  helps.join();
}

TEST_F(GilArbiterTest, a_tick_is_not_asked_before_it_has_held_the_gil_for_100_us) {
  Ticker fast{kFast};
  Ticker slow{kSlow};
  slow.take();
  fast.seat().phase = GilSeat::Phase::kWaiting;
  const TimePoint held = from_ns(slow.seat().held_since_ns);
  EXPECT_EQ(GilArbiter::instance().ask(fast.seat(), held + 99us, true).asked, Asked::kLater);
  EXPECT_FALSE(slow.seat().displaced);
  EXPECT_EQ(GilArbiter::instance().ask(fast.seat(), held + 100us, true).asked, Asked::kTick);
  EXPECT_TRUE(slow.seat().displaced);
  fast.seat().phase = GilSeat::Phase::kIdle;
  std::thread other{[] {
    // It leaves on request, and waits for somebody to take the GIL.
    FakeGil::take(&FakeGil::requests);
    FakeGil::drop(&FakeGil::requests);
  }};
  slow.drop();
  other.join();
}

TEST_F(GilArbiterTest, a_more_urgent_or_equal_tick_is_left_alone) {
  Ticker fast{kFast};
  Ticker twin{kFast};
  Ticker slow{kSlow};
  fast.take();
  const TimePoint late = now() + 1s;
  twin.seat().phase = slow.seat().phase = GilSeat::Phase::kWaiting;
  EXPECT_EQ(GilArbiter::instance().ask(slow.seat(), late, true).asked, Asked::kLater);
  EXPECT_EQ(GilArbiter::instance().ask(twin.seat(), late, true).asked, Asked::kLater);
  EXPECT_EQ(FakeGil::requests, 0);
  twin.seat().phase = slow.seat().phase = GilSeat::Phase::kIdle;
  fast.drop();
}

TEST_F(GilArbiterTest, nobody_is_asked_for_a_seat_that_wants_nothing) {
  const Burner burner;
  Ticker tick{kFast};
  EXPECT_EQ(GilArbiter::instance().ask(tick.seat(), now(), true).asked, Asked::kNothing);
  EXPECT_EQ(FakeGil::requests, 0);
}

TEST_F(GilArbiterTest, a_tick_that_was_made_to_leave_comes_back_and_knows_what_it_lost) {
  std::atomic<bool> ticks{false};
  std::atomic<bool> fast_is_done{false};
  std::atomic<GilSeat*> loser{nullptr};
  GilArbiter::Loss loss;
  std::thread slow{[&] {
    Ticker tick{kSlow};
    tick.take();
    loser = &tick.seat();
    ticks = true;
    ticks.notify_all();
    while (!fast_is_done) tick.look();
    loss = tick.drop();
  }};
  ticks.wait(false);
  Ticker fast{kFast};
  fast.take();
  // A tick of 2 ms, and longer where the helper, which times the loss, gets its CPU late.
  const TimePoint until = now() + 2ms;
  while (now() < until || Nanos{loser.load()->lost_ns} <= 1ms) {
  }
  fast.drop();
  fast_is_done = true;
  slow.join();
  EXPECT_TRUE(loss.lost);
  EXPECT_GT(loss.time, 1ms);
  EXPECT_EQ(loss.to, ::gettid()) << "the fast tick's thread";
  EXPECT_EQ(fast.seat().lost_ns, 0);
}

/// A tick that the helper asks for, and that does not want the GIL, until the end.
class AbsentTick {
 public:
  AbsentTick() {
    ticks_.wait(false);
    Ticker fast{kFast};
    fast.take();
    fast.drop();
  }
  ~AbsentTick() {
    comes_back_ = true;
    comes_back_.notify_all();
    thread_.join();
  }

 private:
  std::atomic<bool> ticks_{false};
  std::atomic<bool> comes_back_{false};
  std::thread thread_{[this] {
    Ticker tick{kSlow};
    tick.take();
    ticks_ = true;
    ticks_.notify_all();
    while (!tick.seat().displaced) std::this_thread::yield();
    FakeGil::drop(&tick);  // By itself, for I/O.
    comes_back_.wait(false);
    FakeGil::take(&tick);
    tick.drop();
  }};
};

TEST_F(GilArbiterTest, a_thread_that_dropped_the_gil_for_nobody_goes_on) {
  const AbsentTick tick;
  const int before = FakeGil::requests;
  const Burner burner;
  // Asked for the tick's sake, it drops the GIL for nobody: only the helper can free it.
  while (FakeGil::requests < before + 2) std::this_thread::yield();
}

TEST_F(GilArbiterTest, so_does_one_that_is_long_on_its_way_from_the_drop_to_its_wait) {
  const AbsentTick tick;
  FakeGil::may_wait = false;
  FakeGil::hold_next_drop = true;
  const int wakes = FakeGil::wakes;
  const Burner burner;
  FakeGil::wakes.wait(wakes);  // In vain: it does not wait yet.
  const int before = FakeGil::requests;
  FakeGil::may_wait = true;
  FakeGil::may_wait.notify_all();
  while (FakeGil::requests == before) std::this_thread::yield();
}

TEST_F(GilArbiterTest, nothing_hangs_when_the_asker_is_stopped_between_look_and_request) {
  const Burner burner;
  FakeGil::hold_next_request = true;
  std::thread ticks{[] {
    Ticker tick{kFast};
    tick.take();
    tick.drop();
  }};
  FakeGil::in_request.wait(false);
  // The GIL does not change hands meanwhile: the request reaches whom it was meant for.
  const TimePoint until = now() + 20ms;
  while (now() < until) EXPECT_EQ(FakeGil::requests, 0);
  FakeGil::let_go = true;
  FakeGil::let_go.notify_all();
  ticks.join();
}

TEST_F(GilArbiterTest, the_switch_interval_is_long_while_a_tick_needs_it_and_the_users_after) {
  FakeGil::interval() = 5000;
  Ticker tick{kSlow, 80'001};
  Ticker other{kFast, 801};
  tick.take();
  EXPECT_EQ(FakeGil::interval(), 80'001U);
  EXPECT_EQ(GilArbiter::instance().users_interval_us(), 5000U);
  tick.drop();
  EXPECT_EQ(FakeGil::interval(), 5000U);
  other.take();
  EXPECT_EQ(FakeGil::interval(), 5000U) << "the user's protects it";
  other.drop();
}

TEST_F(GilArbiterTest, a_value_that_the_user_sets_meanwhile_stays) {
  FakeGil::interval() = 1;
  Ticker tick{kSlow, 80'001};
  tick.take();
  EXPECT_EQ(FakeGil::interval(), 80'001U);
  tick.drop();
  EXPECT_EQ(FakeGil::interval(), 1U);
  tick.take();
  FakeGil::interval() = 7000;
  tick.drop();
  EXPECT_EQ(FakeGil::interval(), 7000U);
}

TEST_F(GilArbiterTest, the_longest_protection_of_all_ticks_is_in_force) {
  FakeGil::interval() = 1;
  Ticker slow{kSlow, 80'001};
  Ticker fast{kFast, 801};
  slow.take();
  slow.seat().held_since_ns = 0;
  std::thread ticks{[&] {
    fast.take();
    EXPECT_EQ(FakeGil::interval(), 80'001U);
    fast.drop();
    EXPECT_EQ(FakeGil::interval(), 80'001U) << "the slow tick goes on";
  }};
  while (FakeGil::requests == 0) std::this_thread::yield();
  slow.look();
  ticks.join();
  slow.drop();
  EXPECT_EQ(FakeGil::interval(), 1U);
}

TEST_F(GilArbiterTest, the_gil_is_taken_early_only_where_no_other_tick_comes_first) {
  Ticker fast{kFast};
  Ticker slow{kSlow};
  const TimePoint release = now() + 10ms;
  slow.seat().expected_ns = to_ns(release + 1ns);
  EXPECT_TRUE(GilArbiter::instance().alone_until(fast.seat(), release));
  slow.seat().expected_ns = to_ns(release);
  EXPECT_FALSE(GilArbiter::instance().alone_until(fast.seat(), release));
  slow.seat().expected_ns = GilSeat::kNever;
  slow.seat().phase = GilSeat::Phase::kTicking;
  EXPECT_FALSE(GilArbiter::instance().alone_until(fast.seat(), release));
  slow.seat().phase = GilSeat::Phase::kIdle;
}

TEST_F(GilArbiterTest, who_has_no_seat_lets_a_tick_by_that_is_about_to_come) {
  GilArbiter& arbiter = GilArbiter::instance();
  Ticker ticker{kFast};
  ticker.take();
  const TimePoint release = now() + 20ms;
  ticker.drop(release);
  EXPECT_FALSE(arbiter.tick_is_near(release - 1ms));
  std::atomic<bool> ticked{false};
  std::thread plain{[&] {
    while (now() < release - GilArbiter::kNear) {
    }
    arbiter.let_ticks_by();
    // After the tick, or it was given up as late.
    EXPECT_TRUE(ticked || now() - release >= GilArbiter::kPatience - GilArbiter::kNear);
  }};
  while (now() < release) {
  }
  ticker.take();
  ticked = true;
  ticker.drop();
  plain.join();
}

TEST_F(GilArbiterTest, who_has_no_seat_waits_for_no_tick_that_has_begun_or_is_long_overdue) {
  GilArbiter& arbiter = GilArbiter::instance();
  Ticker ticker{kFast};
  ticker.take();
  const TimePoint at = now();
  EXPECT_FALSE(arbiter.tick_is_near(at)) << "it may have given the GIL away";
  ticker.drop();
  ticker.seat().expected_ns = to_ns(at);
  EXPECT_TRUE(arbiter.tick_is_near(at - GilArbiter::kNear));
  EXPECT_FALSE(arbiter.tick_is_near(at - GilArbiter::kNear - 1ns));
  EXPECT_TRUE(arbiter.tick_is_near(at + GilArbiter::kPatience - 1ns));
  EXPECT_FALSE(arbiter.tick_is_near(at + GilArbiter::kPatience)) << "its node rests";
  ticker.seat().phase = GilSeat::Phase::kWaiting;
  EXPECT_TRUE(arbiter.tick_is_near(at + 1s));
  const TimePoint since = now();
  arbiter.let_ticks_by();
  EXPECT_GE(now() - since, GilArbiter::kPatience) << "and no longer, or this would not end";
  ticker.seat().phase = GilSeat::Phase::kIdle;
}

TEST_F(GilArbiterTest, a_child_of_fork_has_no_tick_and_the_users_interval) {
  FakeGil::interval() = 5000;
  auto* const tick = new Ticker{kSlow, 80'001};
  tick->take();
  GilArbiter::instance().forget_after_fork();
  EXPECT_EQ(FakeGil::interval(), 5000U);
  EXPECT_TRUE(GilArbiter::instance().seats().empty());
  FakeGil::drop(tick);  // There is no other process here: whoever comes next wants it.
}

TEST_F(GilArbiterTest, a_helper_that_is_told_to_end_at_any_instant_ends) {
  const auto spin = [](Nanos time) {
    for (const TimePoint until = now() + time; now() < until;) {
    }
  };
  for (int i = 0; i < 4000; ++i) {
    GilHelper helper{GilArbiter::instance()};
    helper.start(0);
    spin((i % 64) * 1us);
    // It is on its way to another look.
    helper.wake_before(TimePoint{});
    spin((i / 64) * 100ns);
  }
}

}  // namespace
}  // namespace horus::py

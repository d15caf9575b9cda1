// SPDX-License-Identifier: Apache-2.0
#include "rt/run_control.hpp"

#include <signal.h>

#include <thread>

#include <gtest/gtest.h>

namespace horus {
namespace {

RunControl* g_control = nullptr;

TEST(RunControl, that_nobody_stops_has_run_its_time) {
  const RunControl control;
  EXPECT_FALSE(control.stopping());
  EXPECT_EQ(control.end(), RunControl::kNever);
  EXPECT_EQ(control.report().reason, StopReason::kDuration);
}

TEST(RunControl, keeps_the_first_cause) {
  RunControl control;
  control.stop_because(StopReason::kNodeFailure, "arm", "no current");
  control.stop_because(StopReason::kMissPolicy, "leg", "too late");
  control.request_stop();
  EXPECT_TRUE(control.stopping());
  EXPECT_EQ(control.report().reason, StopReason::kNodeFailure);
  EXPECT_EQ(control.report().node, "arm");
  EXPECT_EQ(control.report().error, "no current");
}

TEST(RunControl, waits_until_it_is_stopped_by_another_thread) {
  RunControl control;
  std::thread other{[&control] { control.request_stop(); }};
  EXPECT_TRUE(control.wait(RunControl::kStop, MonotonicClock::now() + 60s));
  other.join();
  EXPECT_EQ(control.report().reason, StopReason::kRequested);
}

TEST(RunControl, waits_for_the_end_while_it_is_stopping) {
  RunControl control;
  control.request_stop();
  std::thread other{[&control] { control.announce_end(); }};
  EXPECT_TRUE(control.wait(RunControl::kEnd, MonotonicClock::now() + 60s));
  other.join();
}

TEST(RunControl, says_when_the_wait_was_for_nothing) {
  RunControl control;
  const TimePoint until = MonotonicClock::now() + 5ms;
  EXPECT_FALSE(control.wait(RunControl::kStop, until));
  EXPECT_GE(MonotonicClock::now(), until);
}

TEST(RunControl, is_stopped_by_a_signal_handler) {
  RunControl control;
  g_control = &control;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) { g_control->request_stop(); };
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_TRUE(control.wait(RunControl::kStop, MonotonicClock::now() + 60s));
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(RunControl, has_one_cause_however_many_threads_name_one) {
  RunControl control;
  std::thread one{[&control] { control.stop_because(StopReason::kMissPolicy, "one", "1"); }};
  std::thread two{[&control] { control.stop_because(StopReason::kMissPolicy, "two", "2"); }};
  one.join();
  two.join();
  const StopReport report = control.report();
  EXPECT_TRUE((report.node == "one" && report.error == "1") ||
              (report.node == "two" && report.error == "2"));
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/rt_thread.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <horus/realtime.hpp>

namespace horus {
namespace {

/// What a thread finds when it begins to run.
struct Seen {
  int policy = -1;
  int priority = -1;
  bool reset_on_fork = false;
  int childs_policy = -1;
  CpuSet cpus;
  std::size_t stack = 0;
  int slack = -1;
  std::string name;
};

void look(void* argument) {
  auto& seen = *static_cast<Seen*>(argument);
  const int policy = ::sched_getscheduler(0);
  seen.policy = policy & ~SCHED_RESET_ON_FORK;
  seen.reset_on_fork = (policy & SCHED_RESET_ON_FORK) != 0;
  sched_param parameter{};
  ::sched_getparam(0, &parameter);
  seen.priority = parameter.sched_priority;
  seen.cpus = CpuSet::allowed();
  seen.slack = ::prctl(PR_GET_TIMERSLACK);
  pthread_attr_t attributes{};
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstacksize(&attributes, &seen.stack);
  ::pthread_attr_destroy(&attributes);
  char name[16]{};
  ::pthread_getname_np(::pthread_self(), name, sizeof name);
  seen.name = name;
  std::thread child{[&seen] { seen.childs_policy = ::sched_getscheduler(0); }};
  child.join();
}

Seen seen_by(const ThreadConfig& config) {
  Seen seen;
  auto thread = RtThread::start(config, look, &seen);
  EXPECT_TRUE(thread);
  if (thread) thread.value().join();
  return seen;
}

TEST(RtThread, begins_with_its_name_cpus_stack_and_timer_slack) {
  const CpuSet cpu = CpuSet::of(CpuSet::allowed().last());
  const Seen seen = seen_by({.name = ThreadName::clipped("hx-arm"),
                             .cpus = cpu,
                             .stack_size = 4U << 20U,
                             .prefault = 512U << 10U});
  EXPECT_EQ(seen.name, "hx-arm");
  EXPECT_EQ(seen.cpus, cpu);
  EXPECT_GE(seen.stack, 4U << 20U);  // glibc may hand out a larger one that another thread left.
  EXPECT_EQ(seen.policy, SCHED_OTHER);
  if (seen.slack >= 0) {
    EXPECT_EQ(seen.slack, 1);
  }
}

TEST(RtThread, begins_under_fifo_where_that_is_granted_and_its_children_do_not) {
  const RtCapabilities can = probe_capabilities();
  if (!can.fifo) GTEST_SKIP() << "SCHED_FIFO is not granted here";
  const Seen seen = seen_by({.name = ThreadName::clipped("hx-arm"), .priority = can.max_priority});
  EXPECT_EQ(seen.policy, SCHED_FIFO);
  EXPECT_EQ(seen.priority, can.max_priority);
  EXPECT_TRUE(seen.reset_on_fork);
  EXPECT_EQ(seen.childs_policy, SCHED_OTHER);
}

TEST(RtThread, says_whether_fifo_was_granted) {
  const RtCapabilities can = probe_capabilities();
  auto thread = RtThread::start(
      {.priority = 1}, [](void*) {}, nullptr);
  ASSERT_TRUE(thread);
  EXPECT_EQ(thread.value().fifo(), can.fifo);
}

TEST(RtThread, is_refused_where_no_cpu_of_its_set_is_there) {
  const CpuSet nowhere = CpuSet::of(CpuSet::kMaxCpus - 1);
  const auto thread = RtThread::start(
      {.cpus = nowhere}, [](void*) {}, nullptr);
  ASSERT_FALSE(thread);
  EXPECT_EQ(thread.error().code, Errc::kInvalidArgument);
}

TEST(RtThread, is_refused_with_a_stack_that_is_too_small) {
  EXPECT_FALSE(RtThread::start(
      {.stack_size = 1}, [](void*) {}, nullptr));
}

TEST(RtThread, is_joined_once_wherever_it_was_moved) {
  int runs = 0;
  const auto count = [](void* argument) { ++*static_cast<int*>(argument); };
  auto started = RtThread::start({}, count, &runs);
  ASSERT_TRUE(started);
  RtThread thread = std::move(started).value();
  RtThread other = std::move(thread);
  other.join();
  other.join();
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
// What the loop of an executor does between two ticks, and inside of them on its own account.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <horus/scheduler.hpp>

#include "rt/clock.hpp"
#include "tests/support/heap_stats.hpp"
#include "tests/support/no_alloc.hpp"
#include "tests/support/scheduler_fixture.hpp"

namespace horus {
namespace {

using test::CountingNode;
using test::HeapStats;
using test::named;

/// Runs a node whose tick is `on_tick` with the trap set, until it has ticked so often.
void run_trapped(const std::function<void(const Tick&)>& on_tick, NodeConfig config, int ticks) {
  test::NoAllocHooks hooks;
  SchedulerOptions options = test::quiet();
  options.spin_limit = 200us;
  options.hooks = &hooks;
  CountingNode node;
  node.on_tick = on_tick;
  Scheduler scheduler{options};
  ASSERT_TRUE(scheduler.add(node, config));
  HeapStats stats{1};
  ASSERT_TRUE(scheduler.start(stats.block()));
  test::wait_until([&] { return node.ticks.load() >= ticks; });
  scheduler.request_stop();
  scheduler.wait();
}

TEST(Loop, allocates_nothing) {
  run_trapped([](const Tick&) {}, named("n", 1000_hz), 200);
}

TEST(Loop, allocates_nothing_while_it_logs_misses_skips_and_goes_into_safe_state) {
  for (const auto policy : {MissPolicy::kWarn, MissPolicy::kSkip, MissPolicy::kSafeMode}) {
    NodeConfig config = named("n", 1000_hz);
    config.deadline = 500us;
    config.on_miss = policy;
    run_trapped(
        [](const Tick& tick) {
          log(LogLevel::kInfo, "a line that is longer than any small-string optimisation would be");
          if (tick.number % 10 == 0) system_clock().spin_until(tick.deadline() + 2ms);
        },
        config, 100);
  }
}

TEST(LoopDeathTest, in_which_a_tick_allocates_is_aborted) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run_trapped(
                   [](const Tick& tick) {
                     if (tick.number == 5) std::vector<int>(100).at(0) = 1;
                   },
                   named("n", 1000_hz), 200),
               "allocation in a real-time loop");
}

TEST(LoopDeathTest, in_which_a_tick_frees_memory_is_aborted) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto block = std::make_unique<int>(3);
        run_trapped(
            [&block](const Tick& tick) {
              if (tick.number == 5) block.reset();
            },
            named("n", 1000_hz), 200);
      },
      "release of memory in a real-time loop");
}

/// Runs a program to its end; its exit status, or -1 when it cannot be run.
int run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) {
    return -1;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// The system calls of the thread that made the marker, between its two markers, by name.
std::map<std::string, int> calls_between_markers(const std::string& trace) {
  std::ifstream file{trace};
  std::vector<std::pair<std::string, std::string>> calls;  // Thread and name.
  for (std::string line; std::getline(file, line);) {
    const auto blank = line.find_first_of(' ');
    const auto begin = line.find_first_not_of(' ', blank);
    const auto end = line.find('(', begin);
    // "resumed" lines tell the end of a call whose begin has been counted.
    if (begin == std::string::npos || end == std::string::npos || line[begin] == '<') continue;
    calls.emplace_back(line.substr(0, blank), line.substr(begin, end - begin));
  }
  const auto is_marker = [](const auto& call) { return call.second == "getppid"; };
  const auto first = std::find_if(calls.begin(), calls.end(), is_marker);
  if (first == calls.end()) return {};
  const auto last = std::find_if(first + 1, calls.end(), is_marker);
  if (last == calls.end()) return {};
  std::map<std::string, int> counts;
  for (auto call = first + 1; call != last; ++call) {
    if (call->first == first->first) ++counts[call->second];
  }
  return counts;
}

TEST(Loop, makes_no_system_call_but_the_timer_wait) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer makes system calls of its own";
#endif
  if (run({"strace", "-f", "-qq", "-o", "/dev/null", "true"}) != 0) {
    GTEST_SKIP() << "strace is not installed, or ptrace is not allowed here";
  }
  const std::string trace =
      ::testing::TempDir() + "horus-loop-" + std::to_string(::getpid()) + ".trace";
  ASSERT_EQ(run({"strace", "-f", "-qq", "-o", trace, LOOP_PROBE}), 0);
  auto counts = calls_between_markers(trace);
  ::unlink(trace.c_str());
  EXPECT_GT(counts["clock_nanosleep"], 100) << "the markers enclose 300 ticks";
  counts.erase("clock_nanosleep");
  counts.erase("futex");
  for (const auto& [name, count] : counts) ADD_FAILURE() << count << " x " << name;
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/thread_usage.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace horus {
namespace {

constexpr std::string_view kStat =
    "4242 (hx) odd (name) S 1 4242 4242 0 -1 4194560 71 0 3 0 12 34 0 0 20 0 5 0 100 1000 50 "
    "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 80 1 0 0 0 0 0 0 0 0 0 0 0\n";
constexpr std::string_view kStatus =
    "Name:\thx\nvoluntary_ctxt_switches:\t2000\nnonvoluntary_ctxt_switches:\t7\n";

TEST(ParseThreadUsage, finds_the_fields_after_a_name_with_blanks_and_brackets) {
  const auto usage = parse_thread_usage(kStat, kStatus, "123456789 555 2007\n");
  ASSERT_TRUE(usage);
  EXPECT_EQ(*usage, (ThreadUsage{.minor_faults = 71,
                                 .major_faults = 3,
                                 .voluntary_switches = 2000,
                                 .involuntary_switches = 7,
                                 .cpu_time_ns = 123456789,
                                 .last_cpu = 1}));
}

TEST(ParseThreadUsage, takes_the_coarse_cpu_time_where_the_kernel_has_no_other) {
  const auto usage = parse_thread_usage(kStat, kStatus, "");
  ASSERT_TRUE(usage);
  const auto tick_ns = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  EXPECT_EQ(usage->cpu_time_ns, (12U + 34U) * tick_ns);
}

TEST(ParseThreadUsage, finds_nothing_in_nonsense) {
  for (const std::string_view stat : {"", "4242", "4242 (hx)", "4242 (hx) S 1 2 3", ")"}) {
    EXPECT_FALSE(parse_thread_usage(stat, kStatus, "1 2 3")) << stat;
  }
}

TEST(ReadThreadUsage, finds_this_thread_and_no_thread_that_is_not) {
  const auto usage = read_thread_usage(::gettid());
  ASSERT_TRUE(usage);
  EXPECT_GT(usage->minor_faults, 0U);
  EXPECT_FALSE(read_thread_usage(-1));
}

TEST(ReadResidentBytes, grows_with_memory_that_is_touched) {
  constexpr std::size_t kBytes = 64U << 20U;
  const std::int64_t before = read_resident_bytes();
  EXPECT_GT(before, 0);
  const std::vector<char> touched(kBytes, 1);
  const std::int64_t grown = read_resident_bytes() - before;
  EXPECT_GT(grown, static_cast<std::int64_t>(kBytes / 2));
  // A sanitizer keeps up to four times as much beside it; a wrong unit is a thousand times off.
  EXPECT_LT(grown, static_cast<std::int64_t>(kBytes * 8));
}

TEST(StoreThreadUsage, writes_the_difference_but_for_the_cpu) {
  const auto stats = std::make_unique<NodeStats>();
  store_thread_usage({.minor_faults = 10, .cpu_time_ns = 500, .last_cpu = 3},
                     {.minor_faults = 4, .cpu_time_ns = 100, .last_cpu = 1}, *stats);
  EXPECT_EQ(stats->minor_faults.value(), 6U);
  EXPECT_EQ(stats->cpu_time_ns.value(), 400U);
  EXPECT_EQ(stats->last_cpu.value(), 3);
}

TEST(IsProcessTraced, sees_a_debugger) {
  EXPECT_FALSE(is_process_traced(::getpid()));
  const pid_t child = ::fork();
  if (child == 0) {
    ::raise(SIGSTOP);
    ::_exit(is_process_traced(::getpid()) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, WUNTRACED);
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, child, nullptr, nullptr), 0);
  EXPECT_TRUE(is_process_traced(child));
  EXPECT_FALSE(is_process_traced(::getpid()));
  ::kill(child, SIGCONT);
  while (::waitpid(child, &status, 0) == child && !WIFEXITED(status)) {
    ::ptrace(PTRACE_CONT, child, nullptr, nullptr);
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/rt_profile.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <horus/realtime.hpp>

#include "rt/base/tick_stats.hpp"

namespace horus {
namespace {

const Degradation* find(const RtReport& report, std::string_view feature) {
  const auto found = std::find_if(report.degraded.begin(), report.degraded.end(),
                                  [feature](const auto& d) { return d.feature == feature; });
  return found == report.degraded.end() ? nullptr : &*found;
}

TEST(Apply, of_an_empty_profile_wants_nothing_and_lacks_nothing) {
  const RtReport report = apply({});
  EXPECT_TRUE(report.degraded.empty());
  EXPECT_FALSE(report.dma_latency);
}

TEST(Apply, leaves_the_calling_thread_as_it_was) {
  const int before = ::sched_getscheduler(0);
  static_cast<void>(apply({.fifo = true}));
  EXPECT_EQ(::sched_getscheduler(0), before);
}

TEST(Apply, names_a_cpu_that_is_not_online_with_reason_and_fix) {
  const RtReport report = apply({.cpus = CpuSet::of(CpuSet::kMaxCpus - 1)});
  const Degradation* degraded = find(report, "cpu_online");
  ASSERT_NE(degraded, nullptr);
  EXPECT_EQ(degraded->reason, "CPU 1023 is not online");
  EXPECT_FALSE(degraded->fix.empty());
  EXPECT_EQ(find(report, "cpu_isolation"), nullptr) << "one finding a fault";
}

TEST(Apply, says_whether_the_cpus_are_isolated) {
  const CpuSet cpu = CpuSet::of(CpuSet::online().last());
  const bool isolated = CpuSet::isolated().contains(cpu.first());
  EXPECT_EQ(find(apply({.cpus = cpu}), "cpu_isolation") == nullptr, isolated);
}

TEST(Apply, reports_fifo_as_degraded_exactly_when_it_is_not_granted) {
  const RtCapabilities can = probe_capabilities();
  const RtReport report = apply({.fifo = true, .priority_ceiling = 80});
  EXPECT_EQ(find(report, "fifo") == nullptr, can.fifo && can.max_priority >= 80);
  EXPECT_EQ(find(report, "preempt_rt") == nullptr, can.preempt_rt);
}

/// Gives up all rights of this process (a death test's child), and exits with 0 if `holds()` then.
template <typename Check>
[[noreturn]] void exit_without_rights(Check holds) {
  const rlimit none{};
  const rlimit little{.rlim_cur = 65536, .rlim_max = 65536};
  ::setrlimit(RLIMIT_RTPRIO, &none);
  ::setrlimit(RLIMIT_MEMLOCK, &little);
  if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
  ::_exit(holds() ? 0 : 1);
}

TEST(ApplyDeathTest, without_rights_reports_fifo_memory_and_latency_with_their_fixes) {
  const auto holds = [] {
    const RtReport report = apply({.fifo = true, .lock_memory = true, .dma_latency = true});
    const Degradation* fifo = find(report, "fifo");
    const Degradation* memlock = find(report, "memlock");
    return fifo != nullptr && fifo->fix.find("LimitRTPRIO=80") != std::string::npos &&
           memlock != nullptr && memlock->reason.find("64 KiB") != std::string::npos &&
           find(report, "dma_latency") != nullptr && !report.dma_latency;
  };
  EXPECT_EXIT(exit_without_rights(holds), ::testing::ExitedWithCode(0), "");
}

TEST(ApplyDeathTest, names_the_limits_of_cpu_time_that_end_a_process) {
  const auto end = [] {
    rlimit time{};
    time.rlim_cur = time.rlim_max = 200'000;
    ::setrlimit(RLIMIT_RTTIME, &time);
    ::setrlimit(RLIMIT_CPU, &time);
    const RtReport report = apply({.fifo = true});
    const Degradation* rttime = find(report, "rttime");
    const Degradation* cputime = find(report, "cputime");
    const bool told = rttime != nullptr && rttime->reason.starts_with("180 ms") &&
                      cputime != nullptr && cputime->reason.starts_with("200000000 ms");
    const bool wanted = find(apply({}), "rttime") == nullptr;
    ::_exit(told && wanted ? 0 : 1);
  };
  EXPECT_EXIT(end(), ::testing::ExitedWithCode(0), "");
}

TEST(ApplyDeathTest, says_why_before_the_limit_at_which_the_kernel_ends_a_process_without_a_word) {
  const auto end = [](rlim_t soft, rlim_t hard, rlim_t before) {
    const rlimit time{.rlim_cur = soft, .rlim_max = hard};
    ::setrlimit(RLIMIT_RTTIME, &time);
    apply({.fifo = true});
    rlimit now{};
    ::getrlimit(RLIMIT_RTTIME, &now);
    if (now.rlim_cur != before || now.rlim_max != hard) ::_exit(1);
    ::raise(SIGXCPU);
  };
  const auto by_signal = ::testing::KilledBySignal(SIGXCPU);
  EXPECT_EXIT(end(200'000, 200'000, 180'000), by_signal, "ended by the kernel: .*RLIMIT_RTTIME");
  EXPECT_EXIT(end(30'000, 30'000, 15'000), by_signal, "--rttime=unlimited");
  EXPECT_EXIT(end(100'000, 200'000, 100'000), by_signal, "LimitRTTIME=infinity");
}

TEST(ApplyDeathTest, leaves_a_programs_own_handler_of_that_signal) {
  const auto end = [] {
    ::signal(SIGXCPU, [](int) { ::_exit(7); });
    const rlimit time{.rlim_cur = 200'000, .rlim_max = 200'000};
    ::setrlimit(RLIMIT_RTTIME, &time);
    apply({.fifo = true});
    ::raise(SIGXCPU);
  };
  EXPECT_EXIT(end(), ::testing::ExitedWithCode(7), "^$");
}

TEST(ProbeCapabilitiesDeathTest, without_rights_finds_none) {
  const auto holds = [] {
    const RtCapabilities can = probe_capabilities();
    return !can.fifo && can.max_priority == 0;
  };
  EXPECT_EXIT(exit_without_rights(holds), ::testing::ExitedWithCode(0), "");
}

TEST(ProbeCapabilities, finds_a_priority_exactly_when_fifo_is_granted) {
  const RtCapabilities can = probe_capabilities();
  EXPECT_EQ(can.fifo, can.max_priority > 0);
}

TEST(Publish, writes_as_many_as_the_page_holds) {
  const auto stats = std::make_unique<HostStats>();
  std::vector<Degradation> degraded(HostStats::kMaxDegradations + 3,
                                    {.feature = "fifo", .reason = "r", .fix = "f", .severity = 2});
  publish(degraded, *stats);
  EXPECT_EQ(stats->degradations.value(), HostStats::kMaxDegradations);
  EXPECT_EQ(stats->degradation[15].feature.view(), "fifo");
  EXPECT_EQ(stats->degradation[15].severity.value(), 2U);
  degraded.clear();
  publish(degraded, *stats);
  EXPECT_EQ(stats->degradations.value(), 0U);
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include <horus/realtime.hpp>

#include "rt/base/tick_stats.hpp"
#include "rt/base/unique_fd.hpp"
#include "rt/log_queue.hpp"
#include "rt/rt_thread.hpp"

namespace horus {
namespace {

// How much heap is touched in advance, for what nodes allocate in init() and later.
constexpr std::size_t kHeapReserve = 16U << 20U;

std::string os_error(int number) {
  return std::generic_category().message(number);
}

bool has_capability(unsigned capability) noexcept {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective & (1U << (capability % 32))) != 0;
}

bool kernel_is_preempt_rt() {
  std::ifstream file{"/sys/kernel/realtime"};
  if (int realtime = 0; file >> realtime) return realtime == 1;
  utsname kernel{};
  ::uname(&kernel);
  return std::strstr(kernel.version, "PREEMPT_RT") != nullptr;
}

/// Touches heap pages and gives them back to the allocator, which is told never to return memory to
/// the kernel. Later allocations from this reserve then cause no page faults.
void reserve_heap() noexcept {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no executor runs yet
  ::mallopt(M_TRIM_THRESHOLD, -1);
  ::mallopt(M_MMAP_MAX, 0);  // NOLINT(concurrency-mt-unsafe): as above
  if (void* heap = std::malloc(kHeapReserve)) {
    std::memset(heap, 1, kHeapReserve);
    // Keeps the compiler from removing the memset() of a block that is never read.
    asm volatile("" : : "r"(heap) : "memory");
    std::free(heap);
  }
}

void lock_memory(std::vector<Degradation>& degraded) {
  const auto refuse = [&degraded](const std::string& reason) {
    degraded.push_back({.feature = "memlock",
                        .reason = reason,
                        .fix = "set LimitMEMLOCK=infinity in the unit, or 'memlock unlimited' in "
                               "/etc/security/limits.d for the user; a container's start has "
                               "--ulimit memlock=-1",
                        .severity = 2});
  };
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  // Under a finite limit MCL_FUTURE may succeed now, and later every mapping above the limit fails.
  if (limit.rlim_cur != RLIM_INFINITY && !has_capability(CAP_IPC_LOCK)) {
    refuse("the limit of locked memory is " + std::to_string(limit.rlim_cur / 1024) + " KiB");
    return;
  }
  reserve_heap();
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) refuse("mlockall: " + os_error(errno));
}

std::shared_ptr<const UniqueFd> hold_dma_latency(std::vector<Degradation>& degraded) {
  UniqueFd device{::open("/dev/cpu_dma_latency", O_RDWR | O_CLOEXEC)};
  const std::int32_t none = 0;
  if (device && ::write(device.get(), &none, sizeof none) == sizeof none)
    return std::make_shared<const UniqueFd>(std::move(device));
  degraded.push_back({.feature = "dma_latency",
                      .reason = "/dev/cpu_dma_latency: " + os_error(errno),
                      .fix = "install the udev rule and join the group that owns the device, or "
                             "boot with processor.max_cstate=1; a container's start has "
                             "--device /dev/cpu_dma_latency"});
  return {};
}

void check_cpus(const CpuSet& cpus, std::vector<Degradation>& degraded) {
  if (cpus.empty()) return;
  const CpuSet absent = cpus.without(CpuSet::online());
  if (!absent.empty()) {
    degraded.push_back({.feature = "cpu_online",
                        .reason = "CPU " + absent.text() + " is not online",
                        .fix = "bring it online, or name other CPUs for real time",
                        .severity = 2});
  }
  const CpuSet shared = cpus.without(CpuSet::isolated()).without(absent);
  if (!shared.empty()) {
    degraded.push_back({.feature = "cpu_isolation",
                        .reason = "CPU " + shared.text() + " is not isolated",
                        .fix = "boot with isolcpus=managed_irq,domain," + shared.text()});
  }
}

void check_fifo(const RtProfile& profile, const RtCapabilities& can,
                std::vector<Degradation>& degraded) {
  if (!can.fifo || can.max_priority < profile.priority_ceiling) {
    const std::string reason = can.fifo ? "SCHED_FIFO is granted up to priority " +
                                              std::to_string(can.max_priority) + ", not " +
                                              std::to_string(profile.priority_ceiling)
                                        : std::string{"SCHED_FIFO: "} + os_error(EPERM);
    degraded.push_back({.feature = "fifo",
                        .reason = reason,
                        .fix = "set LimitRTPRIO=" + std::to_string(profile.priority_ceiling) +
                               " in the unit, or 'rtprio' in /etc/security/limits.d for the user; "
                               "a container's start has --cap-add SYS_NICE --ulimit rtprio=" +
                               std::to_string(profile.priority_ceiling),
                        .severity = 2});
  }
  if (!can.preempt_rt) {
    degraded.push_back({.feature = "preempt_rt",
                        .reason = "the kernel is not PREEMPT_RT",
                        .fix = "boot a PREEMPT_RT kernel (Debian: linux-image-rt-amd64 or -arm64)",
                        .severity = 0});
  }
}

/// Handles SIGXCPU: says why the process ends, and ends it by the signal's default action.
void on_time_limit(int signal) {
  const auto say = [](std::string_view text) noexcept {
    // If stderr cannot be written, there is no other place to report it.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  };
  if (const LogSource* const source = log_source()) {
    say("node '");
    say(source->node->view());
    say("': ");
  }
  say("ended by the kernel: all CPU time is used up that RLIMIT_RTTIME grants a real-time thread "
      "without a wait, or RLIMIT_CPU the process; start it by 'prlimit --rttime=unlimited "
      "--cpu=unlimited', or set LimitRTTIME=infinity and LimitCPU=infinity in the unit\n");
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// At the hard limit of RLIMIT_RTTIME the kernel kills the process without a message. So the soft
/// limit is set below it by more than the kernel's tick, and its signal SIGXCPU gets a handler that
/// says why, unless the program has a handler of its own.
void come_before_hard_limit() noexcept {
  constexpr rlim_t kLead = 20'000;  // us
  rlimit limit{};
  if (::getrlimit(RLIMIT_RTTIME, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  if (limit.rlim_max != RLIM_INFINITY) {
    const rlim_t lead = std::min(std::max(limit.rlim_max / 10, kLead), limit.rlim_max / 2);
    limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max - lead);
    ::setrlimit(RLIMIT_RTTIME, &limit);
  }
  struct sigaction present {};
  ::sigaction(SIGXCPU, nullptr, &present);
  if (present.sa_handler == SIG_DFL) ::signal(SIGXCPU, on_time_limit);
}

/// Reports limits of CPU time: at them the kernel ends a process that does nothing wrong.
void check_time_limits(std::vector<Degradation>& degraded) {
  const auto check = [&degraded](auto resource, rlim_t to_ms, rlim_t by, const char* feature,
                                 const char* what, const char* fix) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    degraded.push_back({.feature = feature,
                        .reason = std::to_string(limit.rlim_cur * to_ms / by) + what,
                        .fix = fix,
                        .severity = 2});
  };
  check(RLIMIT_RTTIME, 1, 1'000, "rttime",
        " ms of CPU without a wait end the process of a real-time thread",
        "set LimitRTTIME=infinity in the unit, or start it by 'prlimit --rttime=unlimited'");
  check(RLIMIT_CPU, 1'000, 1, "cputime", " ms of CPU in all end this process",
        "set LimitCPU=infinity in the unit, or start it after 'ulimit -t unlimited'");
}

bool fifo_granted(int priority) noexcept {
  const sched_param parameter{.sched_priority = priority};
  return ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter) == 0;
}

/// Runs on a thread that ends afterwards, so that the policy it tries has no effect on others.
void probe(void* found) {
  auto& can = *static_cast<RtCapabilities*>(found);
  rlimit limit{};
  ::getrlimit(RLIMIT_RTPRIO, &limit);
  const int highest = ::sched_get_priority_max(SCHED_FIFO);
  const int by_limit = static_cast<int>(std::min(limit.rlim_cur, static_cast<rlim_t>(highest)));
  for (const int priority : {highest, by_limit}) {
    if (priority < 1 || !fifo_granted(priority)) continue;
    can.fifo = true;
    can.max_priority = priority;
    return;
  }
}

}  // namespace

RtReport apply(const RtProfile& profile) {
  RtReport report;
  if (profile.fifo) {
    check_fifo(profile, probe_capabilities(), report.degraded);
    come_before_hard_limit();
    check_time_limits(report.degraded);
  }
  if (profile.lock_memory) lock_memory(report.degraded);
  if (profile.dma_latency) report.dma_latency = hold_dma_latency(report.degraded);
  check_cpus(profile.cpus, report.degraded);
  return report;
}

RtCapabilities probe_capabilities() {
  RtCapabilities can{.preempt_rt = kernel_is_preempt_rt()};
  auto thread = RtThread::start({.name = ThreadName::clipped("horus-probe")}, probe, &can);
  if (thread) thread.value().join();
  return can;
}

void publish(const std::vector<Degradation>& degraded, HostStats& stats) noexcept {
  const std::size_t count = std::min(degraded.size(), stats.degradation.size());
  for (std::size_t i = 0; i < count; ++i) {
    DegradationRecord& record = stats.degradation[i];
    record.feature = Name<32>::clipped(degraded[i].feature);
    record.reason = Name<160>::clipped(degraded[i].reason);
    record.fix = Name<160>::clipped(degraded[i].fix);
    record.severity.set(static_cast<std::uint32_t>(degraded[i].severity));
  }
  stats.degradations.set(static_cast<std::uint32_t>(count));
}

}  // namespace horus

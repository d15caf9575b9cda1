// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus {

/// The real-time settings that a host asks for. By default it asks for none.
struct RtProfile {
  bool fifo = false;          ///< SCHED_FIFO for executors.
  int priority_ceiling = 80;  ///< Priority of the shortest period; longer periods get lower ones.
  bool lock_memory = false;   ///< mlockall(MCL_CURRENT | MCL_FUTURE), heap and stacks prefaulted.
  bool dma_latency = false;   ///< Hold /dev/cpu_dma_latency at 0 for the process's life.
  CpuSet cpus{};              ///< For executors; empty: any.
};

/// A real-time setting that was asked for and not granted.
struct Degradation {
  std::string feature;  ///< "fifo", "memlock", "cpu_isolation", "dma_latency", "preempt_rt", ...
  std::string reason;   ///< What refused, with errno's text.
  std::string fix;      ///< What to do about it, in one sentence.
  int severity = 1;     ///< 0 info, 1 warning, 2 error.
};

/// The result of apply().
struct RtReport {
  std::vector<Degradation> degraded;  ///< What was not granted; empty: all was.
  UniqueFd dma_latency;               ///< Keep it open: closing it ends the latency request.
};

/// Applies the process-wide part of `profile` (memory, allocator, latency request), and checks the
/// rest: the FIFO priority that a thread can really get, limits of CPU time, whether the CPUs are
/// online and isolated, whether the kernel is PREEMPT_RT. What is refused is reported, not logged,
/// and the process goes on without it. Call it once, before the scheduler starts.
RtReport apply(const RtProfile& profile);

/// Writes the degradations into a host's page; those beyond HostStats::kMaxDegradations are left
/// out. Call it before the host has threads.
void publish(const std::vector<Degradation>& degraded, HostStats& stats) noexcept;

/// What the kernel really grants to this process.
struct RtCapabilities {
  bool preempt_rt = false;  ///< The kernel is PREEMPT_RT.
  bool fifo = false;        ///< A thread can get SCHED_FIFO.
  int min_priority = 1;     ///< The lowest SCHED_FIFO priority.
  int max_priority = 0;     ///< The highest SCHED_FIFO priority that is granted; 0: none.
};
/// Probes the capabilities on a short-lived thread. Blocks until it has ended.
RtCapabilities probe_capabilities();

}  // namespace horus

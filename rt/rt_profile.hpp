// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus {

/// The real-time settings that a host wants.
struct RtProfile {
  bool fifo = false;          ///< SCHED_FIFO for executors.
  int priority_ceiling = 80;  ///< The fastest rate group's priority; slower ones lie below.
  bool lock_memory = false;   ///< mlockall(MCL_CURRENT | MCL_FUTURE), heap and stacks prefaulted.
  bool dma_latency = false;   ///< Hold /dev/cpu_dma_latency at 0 for the process's life.
  CpuSet cpus{};              ///< For executors; empty: any.
};

/// A setting that was wanted and not granted.
struct Degradation {
  std::string feature;  ///< "fifo", "memlock", "cpu_isolation", "dma_latency", "preempt_rt", ...
  std::string reason;   ///< What refused, with errno's text.
  std::string fix;      ///< What to do about it, in one sentence.
  int severity = 1;     ///< 0 info, 1 warning, 2 error.
};

/// What the machine granted. Never logs: the host's main does.
struct RtReport {
  std::vector<Degradation> degraded;
  UniqueFd dma_latency;  ///< Keeps the request alive.
};

/// Applies the process-wide part of `profile` (memory, allocator, latency request) and probes the
/// rest: what FIFO priority a thread can really get, whether the CPUs are isolated and online,
/// whether the kernel is PREEMPT_RT. Call once, before the scheduler starts.
RtReport apply(const RtProfile& profile);

/// Writes them into a host's page, as many as fit. Before the host has threads.
void publish(const std::vector<Degradation>& degraded, HostStats& stats) noexcept;

/// What this process may really do, probed on a throw-away thread.
struct RtCapabilities {
  bool preempt_rt = false;
  bool fifo = false;
  int min_priority = 1;
  int max_priority = 0;  ///< 0: none.
};
RtCapabilities probe_capabilities();

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <horus/result.hpp>

/// Real-time settings of a process, and what the machine grants of them. A program with a scheduler
/// of its own calls apply() once, before it starts the scheduler:
///
///   horus::RtProfile profile{.fifo = true, .lock_memory = true};
///   const horus::RtReport report = horus::apply(profile);
///   for (const auto& lack : report.degraded) std::puts((lack.feature + ": " + lack.fix).c_str());
///   horus::Scheduler scheduler{{.profile = profile}};

namespace horus {

/// A set of CPU indices, 0 to kMaxCpus - 1. Not for executors: parse(), text() and the sets that
/// are read from the system allocate or read files.
class CpuSet {
 public:
  static constexpr int kMaxCpus = CPU_SETSIZE;

  CpuSet() noexcept { CPU_ZERO(&set_); }
  /// The set of one CPU; empty if the index is out of range.
  static CpuSet of(int cpu) noexcept;

  /// Parses the kernel's list format, e.g. "2-3,5". Empty text is the empty set.
  /// Fails with kInvalidArgument on anything else, a reversed range included.
  /// Source: Documentation/admin-guide/kernel-parameters.rst, "cpu lists".
  static Result<CpuSet> parse(std::string_view text);

  /// The CPUs that the calling thread may run on.
  static CpuSet allowed() noexcept;
  /// The CPUs that are online. Empty if /sys cannot be read.
  static CpuSet online() noexcept;
  /// The CPUs named by isolcpus= or an isolated partition. Empty if /sys cannot be read.
  static CpuSet isolated() noexcept;

  bool contains(int cpu) const noexcept {
    return cpu >= 0 && cpu < kMaxCpus && CPU_ISSET(cpu, &set_);
  }
  bool empty() const noexcept { return CPU_COUNT(&set_) == 0; }
  int count() const noexcept { return CPU_COUNT(&set_); }
  /// The lowest CPU; -1 when empty.
  int first() const noexcept;
  /// The highest CPU; -1 when empty.
  int last() const noexcept;
  CpuSet intersect(const CpuSet& other) const noexcept;
  /// The CPUs of this set that are not in `other`.
  CpuSet without(const CpuSet& other) const noexcept;
  /// The set in the kernel's list format, e.g. "2-3,5"; what parse() reads.
  std::string text() const;
  const cpu_set_t& native() const noexcept { return set_; }

  friend bool operator==(const CpuSet& a, const CpuSet& b) noexcept {
    return CPU_EQUAL(&a.set_, &b.set_);
  }

 private:
  cpu_set_t set_;
};

class UniqueFd;

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
  /// Keeps the latency request: destroying it ends the request. Null: none is held.
  std::shared_ptr<const UniqueFd> dma_latency;
};

/// Applies the process-wide part of `profile` (memory, allocator, latency request), and checks the
/// rest: the FIFO priority that a thread can really get, limits of CPU time, whether the CPUs are
/// online and isolated, whether the kernel is PREEMPT_RT. What is refused is reported, not logged,
/// and the process goes on without it. Call it once, before the scheduler starts.
RtReport apply(const RtProfile& profile);

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

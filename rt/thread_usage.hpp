// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rt/base/tick_stats.hpp"

namespace horus {

/// What the kernel has counted for one thread since it began.
struct ThreadUsage {
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t cpu_time_ns = 0;
  std::int32_t last_cpu = -1;

  friend bool operator==(const ThreadUsage&, const ThreadUsage&) = default;
};

/// Parses three files of /proc/self/task/<tid>, given as text: stat, status and schedstat. Without
/// schedstat the CPU time is taken from stat, in its coarse clock ticks. Nothing when stat cannot
/// be parsed. Source: proc(5); Documentation/scheduler/sched-stats.rst.
std::optional<ThreadUsage> parse_thread_usage(std::string_view stat, std::string_view status,
                                              std::string_view schedstat) noexcept;

/// Reads the usage of a thread of this process. Not RT-safe. Nothing when the thread is gone.
std::optional<ThreadUsage> read_thread_usage(std::int32_t tid) noexcept;

/// The CPU time that a thread got and did not get since it began.
struct CpuShare {
  Nanos ran{};     ///< Time it ran on a CPU.
  Nanos waited{};  ///< Time it was ready to run but had no CPU.
};
/// Reads the share of a thread of this process. Not RT-safe. Zeros when unknown.
CpuShare read_cpu_share(std::int32_t tid) noexcept;

/// Writes the usage since `base` into `stats`. RT-safe.
void store_thread_usage(const ThreadUsage& now, const ThreadUsage& base, NodeStats& stats) noexcept;

/// Whether a debugger is attached to the process. Not RT-safe.
bool is_process_traced(std::int32_t process) noexcept;

/// Resident memory of this process in bytes, from /proc/self/statm. Not RT-safe. 0 when unknown.
std::int64_t read_resident_bytes() noexcept;

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>

#include <horus/time.hpp>

/// What the kernel reports about another thread of this process.
namespace horus::py {

/// CPU times of a thread since it began.
/// Source: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat".
struct CpuShare {
  Nanos ran{};     ///< How long it has run.
  Nanos waited{};  ///< How long it was ready to run without a CPU.
};
/// Empty where the thread has ended or the kernel has no such file. From any thread; three system
/// calls, which take microseconds.
std::optional<CpuShare> cpu_share_of(pid_t thread) noexcept;

}  // namespace horus::py

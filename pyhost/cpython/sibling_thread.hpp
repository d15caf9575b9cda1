// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>

#include "rt/base/time.hpp"

/// What the kernel tells of another thread of this process. System calls; takes microseconds.
namespace horus::py {

/// How long the thread has run and how long it was ready without a CPU, both since it began.
/// Source: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat".
struct CpuShare {
  Nanos ran{};
  Nanos waited{};
};
std::optional<CpuShare> cpu_share_of(pid_t thread) noexcept;

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <cstddef>
#include <memory>

#include "rt/base/cpu_set.hpp"
#include "rt/base/name.hpp"
#include "rt/base/result.hpp"
#include "rt/base/time.hpp"

namespace horus {

using ThreadName = Name<16>;  // The kernel's limit.

/// For threads that run briefly and must start on time.
inline constexpr Nanos kShortSlice = 100us;

struct ThreadConfig {
  ThreadName name{};
  int priority = 0;  ///< SCHED_FIFO; 0: the ordinary policy.
  CpuSet cpus{};     ///< Empty: where the creator may run.
  /// Under the ordinary policy: how long it runs at a time. A short slice has it wake sooner beside
  /// busy threads (Linux 6.12 and newer; ignored before). 0: the kernel's own.
  Nanos slice{};
  std::size_t stack_size = 2U << 20U;
  std::size_t prefault = 256U << 10U;  ///< So much of the stack is touched before `entry` runs.
};

/// A thread whose policy, priority, CPUs and stack are set before it runs, so that it never runs
/// a moment under its creator's. Joined by its destructor.
///
/// A FIFO thread's children start under the ordinary policy (SCHED_RESET_ON_FORK): what a node
/// starts for its device I/O does not compete with executors.
class RtThread {
 public:
  using Entry = void (*)(void* argument);

  /// Where SCHED_FIFO is refused, the thread runs under the ordinary policy, and fifo() says so.
  /// \errors kInvalidArgument: no CPU of `cpus` is there; kExhausted: no memory or thread left.
  static Result<RtThread> start(const ThreadConfig& config, Entry entry, void* argument);

  RtThread(RtThread&& other) noexcept;
  RtThread& operator=(RtThread&& other) noexcept;
  ~RtThread();

  void join() noexcept;
  /// Whether SCHED_FIFO was granted.
  bool fifo() const noexcept { return fifo_; }

 private:
  RtThread() = default;

  pthread_t thread_{};
  bool joinable_ = false;
  bool fifo_ = false;
};

/// While one exists, a calling thread that was given CPUs may run where its creator could: what it
/// starts meanwhile is not kept to them. A child that it forks is not either.
class OffItsCpus {
 public:
  OffItsCpus() noexcept;
  ~OffItsCpus();
  OffItsCpus(const OffItsCpus&) = delete;
  OffItsCpus& operator=(const OffItsCpus&) = delete;

  /// Whether the calling thread was given CPUs.
  static bool applies() noexcept;
};

}  // namespace horus

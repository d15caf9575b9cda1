// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <cstddef>
#include <memory>

#include <horus/realtime.hpp>
#include <horus/result.hpp>
#include <horus/text.hpp>
#include <horus/time.hpp>

namespace horus {

using ThreadName = Name<16>;  // 15 bytes and the zero: the kernel's limit.

/// The slice of threads that run briefly and must start on time.
inline constexpr Nanos kShortSlice = 100us;

/// How a thread is created.
struct ThreadConfig {
  ThreadName name{};
  int priority = 0;  ///< SCHED_FIFO priority; 0: the ordinary policy.
  CpuSet cpus{};     ///< Where it may run; empty: where the creator may run.
  /// Its time slice under the ordinary policy. With a short slice it wakes sooner beside busy
  /// threads (Linux 6.12 and newer; ignored before). 0: the kernel's default.
  Nanos slice{};
  std::size_t stack_size = 2U << 20U;  ///< In bytes.
  std::size_t prefault = 256U << 10U;  ///< Bytes of the stack to touch before `entry` runs.
};

/// A thread whose policy, priority, CPUs and stack are set before it runs: it never runs with those
/// of its creator (RT-6). The destructor joins it.
///
/// The children of a FIFO thread start under the ordinary policy (SCHED_RESET_ON_FORK). So threads
/// that a node starts for its device I/O do not compete with executors.
///
/// Thread safety: one thread at a time. Not RT-safe.
class RtThread {
 public:
  using Entry = void (*)(void* argument);

  /// Starts a thread that runs `entry(argument)`. If the kernel refuses SCHED_FIFO, the thread runs
  /// under the ordinary policy; see fifo().
  /// \errors kInvalidArgument: no CPU of `cpus` is there, or the stack is too small; kBusy: no
  /// memory or no thread is left (EAGAIN).
  static Result<RtThread> start(const ThreadConfig& config, Entry entry, void* argument);

  RtThread(RtThread&& other) noexcept;
  RtThread& operator=(RtThread&& other) noexcept;
  ~RtThread();

  /// Waits until the thread has ended. Does nothing after that.
  void join() noexcept;
  /// Whether it was created under SCHED_FIFO.
  bool fifo() const noexcept { return fifo_; }

 private:
  RtThread() = default;

  pthread_t thread_{};
  bool joinable_ = false;
  bool fifo_ = false;
};

/// While one lives, an RtThread that was bound to CPUs may run wherever its creator could. Threads
/// that it starts meanwhile inherit that, and are not bound to its CPUs. Make it on that thread. On
/// other threads it does nothing. Forked children of such a thread are never bound.
class OffItsCpus {
 public:
  OffItsCpus() noexcept;
  ~OffItsCpus();
  OffItsCpus(const OffItsCpus&) = delete;
  OffItsCpus& operator=(const OffItsCpus&) = delete;

  /// Whether the calling thread is an RtThread that was bound to CPUs.
  static bool applies() noexcept;
};

}  // namespace horus

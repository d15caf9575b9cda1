// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "rt/base/time.hpp"

namespace horus::py {

/// Lends a thread of this process a real-time priority, and takes it back: priority inheritance for
/// a lock that has none. What the thread had (policy, nice value, time slice) is restored, unless
/// somebody has changed it meanwhile. Where the right is missing it does nothing.
///
/// Thread safety: one thread.
class PriorityLoan {
 public:
  PriorityLoan() = default;
  ~PriorityLoan() { take_back(); }
  PriorityLoan(const PriorityLoan&) = delete;
  PriorityLoan& operator=(const PriorityLoan&) = delete;

  /// To `thread`, which is alive, SCHED_FIFO `priority` (1 to 99). One loan at a time: an earlier
  /// one to another thread is taken back. A thread that has as much already gets none.
  void lend(pid_t thread, int priority, TimePoint now) noexcept;
  void take_back() noexcept;

  pid_t thread() const noexcept { return thread_; }  ///< 0: no loan is out.
  TimePoint since() const noexcept { return since_; }

 private:
  // As struct sched_attr of sched_setattr(2), which glibc does not declare.
  struct Attributes {
    std::uint32_t size = sizeof(Attributes);
    std::uint32_t policy = 0;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
  };
  static bool read(pid_t thread, Attributes& attributes) noexcept;
  static bool write(pid_t thread, const Attributes& attributes) noexcept;

  pid_t thread_ = 0;
  std::uint32_t lent_ = 0;
  TimePoint since_{};
  Attributes before_{};
};

}  // namespace horus::py

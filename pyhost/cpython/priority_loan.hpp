// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>

#include <horus/time.hpp>

namespace horus::py {

/// Lends a thread of this process a real-time priority, and takes it back. This is priority
/// inheritance for a lock that has none, the GIL. The thread's own policy, nice value and time
/// slice are restored, unless another thread has changed them meanwhile. Without the right to
/// change priorities it does nothing.
///
/// Thread safety: one thread.
class PriorityLoan {
 public:
  PriorityLoan() = default;
  ~PriorityLoan() { take_back(); }
  PriorityLoan(const PriorityLoan&) = delete;
  PriorityLoan& operator=(const PriorityLoan&) = delete;

  /// Makes `thread`, which is alive, SCHED_FIFO with `priority` (1 to 99). There is one loan at a
  /// time: an earlier one to another thread is taken back first. A thread gets none that has this
  /// real-time priority or a higher one already, or that is SCHED_DEADLINE. Up to five system
  /// calls.
  void lend(pid_t thread, int priority, TimePoint now) noexcept;
  /// Ends the loan; does nothing where there is none, or where the thread has ended.
  void take_back() noexcept;

  pid_t thread() const noexcept { return thread_; }    ///< Who has the loan; 0: nobody.
  TimePoint since() const noexcept { return since_; }  ///< When the loan was made.

 private:
  // The layout of struct sched_attr, see sched_setattr(2); glibc does not declare it.
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
  std::uint32_t lent_ = 0;  ///< The priority of the loan.
  TimePoint since_{};
  Attributes before_{};  ///< What the thread had before the loan.
};

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#include "pyhost/cpython/priority_loan.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace horus::py {
namespace {

constexpr std::uint64_t kResetOnFork = 1;     // SCHED_FLAG_RESET_ON_FORK
constexpr std::uint32_t kDeadlinePolicy = 6;  // SCHED_DEADLINE

}  // namespace

bool PriorityLoan::read(pid_t thread, Attributes& attributes) noexcept {
  return ::syscall(SYS_sched_getattr, thread, &attributes, sizeof attributes, 0) == 0;
}

bool PriorityLoan::write(pid_t thread, const Attributes& attributes) noexcept {
  return ::syscall(SYS_sched_setattr, thread, &attributes, 0) == 0;
}

void PriorityLoan::lend(pid_t thread, int priority, TimePoint now) noexcept {
  if (thread == thread_) return;
  take_back();
  Attributes before;
  if (!read(thread, before)) return;
  const auto wanted = static_cast<std::uint32_t>(priority);
  const bool realtime = before.policy == SCHED_FIFO || before.policy == SCHED_RR;
  if ((realtime && before.priority >= wanted) || before.policy == kDeadlinePolicy) return;
  // Reset on fork: threads that it starts during the loan do not inherit the lent priority.
  const Attributes lent{.policy = SCHED_FIFO, .flags = kResetOnFork, .priority = wanted};
  if (!write(thread, lent)) return;
  before_ = before;
  thread_ = thread;
  lent_ = wanted;
  since_ = now;
}

void PriorityLoan::take_back() noexcept {
  if (thread_ == 0) return;
  Attributes now;
  // If the thread has ended, or somebody has changed its priority, there is nothing to restore.
  if (read(thread_, now) && now.policy == SCHED_FIFO && now.priority == lent_) {
    before_.size = sizeof before_;
    // Without CAP_SYS_NICE the reset-on-fork flag cannot be cleared. It does the thread no harm, so
    // restore the rest with the flag left set.
    if (!write(thread_, before_)) {
      before_.flags |= kResetOnFork;
      static_cast<void>(write(thread_, before_));
    }
  }
  thread_ = 0;
}

}  // namespace horus::py

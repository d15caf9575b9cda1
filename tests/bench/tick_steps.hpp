// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <new>
#include <optional>
#include <span>

#include <horus/scheduler.hpp>

#include "rt/stats_block.hpp"
#include "tests/bench/tick_cost.hpp"

/// How many instructions the thread of an empty node executes from one timer wait to the next: a
/// number that neither the load nor the machine's clock moves.
namespace horus::bench {

#if defined(__x86_64__)

/// A thread that a tracer has stopped.
class SteppedThread {
 public:
  explicit SteppedThread(pid_t thread) noexcept
      : thread_{thread},
        stopped_{::ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_TRACESYSGOOD) == 0 &&
                 go(PTRACE_INTERRUPT)} {}
  SteppedThread(const SteppedThread&) = delete;
  SteppedThread& operator=(const SteppedThread&) = delete;
  /// A process does not end before who traces its threads has let them go.
  ~SteppedThread() { ::ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }

  bool stopped() const noexcept { return stopped_; }
  /// Through the next system call that it begins.
  bool pass_system_call() noexcept {
    do {
      if (!go(PTRACE_SYSCALL)) return false;
      // At its begin, the result is this.
    } while (::ptrace(PTRACE_PEEKUSER, thread_, kResult, 0) != -ENOSYS);
    return go(PTRACE_SYSCALL);
  }
  /// From there to its next one.
  std::optional<int> steps_to_system_call() noexcept {
    constexpr long kSyscall = 0x050f;
    for (int steps = 0;; ++steps) {
      const long at = ::ptrace(PTRACE_PEEKUSER, thread_, kAt, 0);
      if ((::ptrace(PTRACE_PEEKTEXT, thread_, at, 0) & 0xffff) == kSyscall) return steps;
      if (!go(PTRACE_SINGLESTEP)) return std::nullopt;
    }
  }

 private:
  static constexpr auto kResult = offsetof(user, regs.rax);
  static constexpr auto kAt = offsetof(user, regs.rip);

  bool go(__ptrace_request request) const noexcept {
    int status = 0;
    return ::ptrace(request, thread_, nullptr, nullptr) == 0 &&
           ::waitpid(thread_, &status, __WALL) == thread_ && WIFSTOPPED(status);
  }

  pid_t thread_;
  bool stopped_;
};

/// What the process shares with who counts.
struct SteppedPage {
  NodeStats node{};
  HostStats host{};
  LateTicks late{};
};
/// Whether snapshots and late ticks are kept, as in a host's page.
enum class Records : bool { kNone, kKept };

/// A process whose node ticks so rarely that it is in time though each instruction is a stop.
[[noreturn]] inline void run_stepped(SteppedPage& page, Records records) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  IdleNode node;
  Scheduler scheduler{SchedulerOptions{}};
  StatsBlock block{.nodes = {&page.node, 1}};
  if (records == Records::kKept) {
    block.host = &page.host;
    block.late = {&page.late, 1};
  }
  if (scheduler.add(node, {.name = NodeName::clipped("idle"), .rate = Rate::from_hz(20)}) &&
      scheduler.start(block)) {
    scheduler.wait();
  }
  ::_exit(1);
}

/// The least of a few ticks, for now and then one has more to do, or its clock read goes round a
/// loop; nothing where the thread cannot be traced.
inline std::optional<int> count_steps(pid_t traced) {
  constexpr int kTicks = 20;
  std::optional<int> least;
  SteppedThread thread{traced};
  for (int i = 0; i < kTicks && thread.stopped() && thread.pass_system_call(); ++i) {
    const auto steps = thread.steps_to_system_call();
    if (!steps) break;
    least = std::min(least.value_or(*steps), *steps);
  }
  return least;
}

/// For the calling process while it has one thread.
inline std::optional<int> tick_instructions(Records records) {
  void* const memory = ::mmap(nullptr, sizeof(SteppedPage), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return std::nullopt;
  auto* const page = new (memory) SteppedPage;
  const pid_t child = ::fork();
  if (child == 0) run_stepped(*page, records);
  // The first tick of a minute is kept.
  while (page->node.ticks.value() < 2 && ::waitpid(child, nullptr, WNOHANG) == 0) {
    ::usleep(1000);
  }
  const std::optional<int> least = count_steps(page->node.tid.value());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, __WALL);
  ::munmap(memory, sizeof(SteppedPage));
  return least;
}

#else

enum class Records : bool { kNone, kKept };
inline std::optional<int> tick_instructions(Records /*records*/) {
  return std::nullopt;
}

#endif

}  // namespace horus::bench

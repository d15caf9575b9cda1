// SPDX-License-Identifier: Apache-2.0
#include "tests/support/no_syscalls.hpp"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

// The way back from the signal is a system call as well: the one that the kernel lets pass.
extern "C" {
void horus_test_restore();
extern const char horus_test_restored[];
}
asm(R"(
.text
.globl horus_test_restore
.type horus_test_restore, @function
horus_test_restore:
  mov $15, %eax
  syscall
.globl horus_test_restored
horus_test_restored:
  ud2
)");

namespace horus::test {
namespace {

thread_local volatile char selector = SYSCALL_DISPATCH_FILTER_ALLOW;
thread_local bool announced = false;

bool is_allowed(int number) noexcept {
#ifndef NDEBUG
  if (number == SYS_mprotect) return true;
#endif
  return number == SYS_futex;
}

void on_call(int /*signal*/, siginfo_t* info, void* context) noexcept {
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;
  if (!is_allowed(info->si_syscall)) {
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), "system call %d on a real-time path\n",
                                   info->si_syscall);
    static_cast<void>(!::write(STDERR_FILENO, text.data(), static_cast<std::size_t>(size)));
    std::abort();
  }
  const int before = errno;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const long result =
      ::syscall(info->si_syscall, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                registers[REG_R10], registers[REG_R8], registers[REG_R9]);
  registers[REG_RAX] = result == -1 ? -errno : result;
  errno = before;
  selector = SYSCALL_DISPATCH_FILTER_BLOCK;
}

/// The C library's sigaction() puts its own way back in.
bool install() noexcept {
  struct {
    void (*handler)(int, siginfo_t*, void*);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } const action{on_call, SA_SIGINFO | 0x04000000UL, horus_test_restore, 0};
  return ::syscall(SYS_rt_sigaction, SIGSYS, &action, nullptr, sizeof action.mask) == 0;
}

bool announce() noexcept {
  static const bool kInstalled = install();
  const auto begin = reinterpret_cast<unsigned long>(&horus_test_restore);
  const auto size = reinterpret_cast<unsigned long>(&horus_test_restored) - begin + 1;
  return kInstalled && ::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, begin, size,
                               const_cast<char*>(&selector)) == 0;
}

}  // namespace

NoSyscalls::NoSyscalls() noexcept {
  if (works()) selector = SYSCALL_DISPATCH_FILTER_BLOCK;
}
NoSyscalls::~NoSyscalls() {
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;
}
bool NoSyscalls::works() noexcept {
  announced = announced || announce();
  return announced;
}

}  // namespace horus::test
#else
namespace horus::test {
NoSyscalls::NoSyscalls() noexcept = default;
NoSyscalls::~NoSyscalls() = default;
bool NoSyscalls::works() noexcept {
  return false;
}
}  // namespace horus::test
#endif

// SPDX-License-Identifier: Apache-2.0
// A library that `horus launch --check-rt` preloads into horusd (LD_PRELOAD). It reports what ticks
// of C++ nodes do that a real-time tick may not do: allocate, lock, call the system, fault pages.
// Each finding is printed once, at once, with its stack; a summary at the end says how often it
// happened. It replaces malloc() and the locks of libc, and sees system calls by syscall user
// dispatch.
#include "rt/check_rt.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

extern "C" {
// glibc's names. NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}

namespace {

// Linux 5.11; older headers do not know it. Source:
// Documentation/admin-guide/syscall-user-dispatch.
constexpr int kSetDispatch = 59;
constexpr unsigned long kDispatchOn = 1;
constexpr int kMostFrames = 24;  ///< Frames of a stack that are printed.
constexpr int kDeepest = 96;     ///< Frames of a stack that are looked at.

/// State of the calling thread.
struct Ticking {
  const char* node = nullptr;  ///< The node that ticks; null: no tick.
  std::uint64_t tick = 0;      ///< Number of the tick.
  int outside = 0;             ///< Outermost frames of the stack, which belong to the executor.
  bool telling = false;        ///< note() runs: what it does itself is no finding.
  bool known = false;          ///< prepare() was called for this thread.
  volatile char block = 0;     ///< 1: the kernel sends SIGSYS for each system call.
  rusage before{};             ///< Page faults before the tick.
};
// initial-exec: malloc() reads it, so the loader must not allocate it at its first use.
[[gnu::tls_model("initial-exec")]] thread_local Ticking t_ticking;

/// One kind of misuse: what, by which node, from which stack.
struct Finding {
  std::array<char, 64> node{};
  std::uint64_t tick = 0;                   ///< The first tick that did it.
  std::array<char, 48> what{};              ///< E.g. "allocation".
  std::array<void*, kMostFrames> frames{};  ///< The stack, innermost frame first.
  int depth = 0;                            ///< How many of `frames` are used.
  std::uint64_t times = 0;                  ///< How often it happened.
};
// note() adds findings on the tick's thread, under g_lock. Only the teller's thread and the end of
// the program print them: printing allocates, and a tick may be within malloc(), with malloc's lock
// held.
std::array<Finding, 256> g_findings;
std::atomic<std::size_t> g_found{0};  // How many of g_findings are used.
std::uint64_t g_more = 0;             // Findings without a place in g_findings; under g_lock.
std::atomic_flag g_lock;              // Held by note().
std::mutex g_printing;                // Protects g_printed and keeps lines together.
std::size_t g_printed = 0;            // How many findings are printed.
std::atomic<bool> g_told_no_calls{false};

/// A function in a file, and an offset into it.
struct Symbol {
  std::string name;  ///< Empty: not known.
  std::uintptr_t offset = 0;
};

/// Looks up an address in the ELF file's own symbol table. dladdr() knows exported functions only;
/// this table also has static ones. The bytes are checked for bounds only: the program runs this
/// file, so it trusts it anyway.
Symbol symbol_in(std::string_view bytes, std::uintptr_t at) {
  const auto read = [&bytes](std::size_t offset, auto& out) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof out) return false;
    std::memcpy(&out, bytes.data() + offset, sizeof out);
    return true;
  };
  ElfW(Ehdr) header{};
  if (!read(0, header)) return {};
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    ElfW(Shdr) table{};
    ElfW(Shdr) names{};
    if (!read(header.e_shoff + i * sizeof table, table) || table.sh_type != SHT_SYMTAB) continue;
    if (!read(header.e_shoff + table.sh_link * sizeof names, names)) return {};
    ElfW(Sym) symbol{};
    for (std::size_t j = 0; j < table.sh_size / sizeof symbol; ++j) {
      if (!read(table.sh_offset + j * sizeof symbol, symbol)) return {};
      if ((symbol.st_info & 0xFU) != STT_FUNC || at - symbol.st_value >= symbol.st_size) continue;
      const std::size_t name = names.sh_offset + symbol.st_name;
      if (name >= bytes.size()) return {};
      return {std::string{bytes.substr(name, bytes.find('\0', name) - name)}, at - symbol.st_value};
    }
  }
  return {};
}

/// The same for the file at a path.
Symbol symbol_of(const char* file, std::uintptr_t at) {
  const int descriptor = ::open(file, O_RDONLY | O_CLOEXEC);
  struct stat status {};
  const bool there = descriptor >= 0 && ::fstat(descriptor, &status) == 0 && status.st_size > 0;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const mapped =
      there ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
  if (descriptor >= 0) ::close(descriptor);
  if (mapped == MAP_FAILED) return {};
  Symbol symbol = symbol_in({static_cast<const char*>(mapped), size}, at);
  ::munmap(mapped, size);
  return symbol;
}

void print_frame(const void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0) {
    std::fprintf(stderr, "    %p\n", address);
    return;
  }
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  Symbol symbol = symbol_of(info.dli_fname, at - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
  if (symbol.name.empty() && info.dli_sname != nullptr) {
    symbol = {info.dli_sname, at - reinterpret_cast<std::uintptr_t>(info.dli_saddr)};
  }
  int failed = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable{
      abi::__cxa_demangle(symbol.name.c_str(), nullptr, nullptr, &failed), &std::free};
  const char* const slash = std::strrchr(info.dli_fname, '/');
  std::fprintf(
      stderr, "    %s+0x%zx (%s)\n",
      readable != nullptr ? readable.get() : (symbol.name.empty() ? "?" : symbol.name.c_str()),
      static_cast<std::size_t>(symbol.offset), slash != nullptr ? slash + 1 : info.dli_fname);
}

/// Whether an address lies in this library.
bool is_own(const void* address) noexcept {
  Dl_info info{};
  Dl_info own{};
  return ::dladdr(address, &info) != 0 &&
         ::dladdr(reinterpret_cast<const void*>(&print_frame), &own) != 0 &&
         info.dli_fbase == own.dli_fbase;
}

/// Takes the node's part of the stack. It leaves out this library's frames, the `between` frames
/// that follow them, and the `outside` outermost ones, which belong to the executor.
[[gnu::noinline]] void take_stack(Finding& finding, int outside, int between) noexcept {
  std::array<void*, kDeepest> all{};
  const int depth = ::backtrace(all.data(), kDeepest);
  int first = 0;
  while (first < depth && is_own(all.at(static_cast<std::size_t>(first)))) ++first;
  first += between;
  const int end = std::min(depth - outside, first + kMostFrames);
  for (int i = first; i < end; ++i) {
    finding.frames.at(static_cast<std::size_t>(finding.depth++)) =
        all.at(static_cast<std::size_t>(i));
  }
}

/// Notes a finding of the tick that runs on this thread; outside of a tick it does nothing.
/// `between`: frames between this library's and the caller's, see take_stack(); negative: the stack
/// says nothing, and is not taken.
void note(const char* what, int between = 0) noexcept {
  Ticking& ticking = t_ticking;
  if (ticking.node == nullptr || ticking.telling) return;
  const int error = errno;
  const char block = ticking.block;
  ticking.telling = true;
  ticking.block = 0;
  Finding seen;
  std::snprintf(seen.node.data(), seen.node.size(), "%s", ticking.node);
  std::snprintf(seen.what.data(), seen.what.size(), "%s", what);
  if (between >= 0) take_stack(seen, ticking.outside, between);
  // Waits by futex instead of spinning: the owner may be a thread of lower priority on this CPU,
  // which a spinning FIFO thread would keep from running.
  while (g_lock.test_and_set(std::memory_order_acquire)) g_lock.wait(true);
  const std::size_t found = g_found.load(std::memory_order_relaxed);
  const auto end = g_findings.begin() + static_cast<std::ptrdiff_t>(found);
  const auto known = std::find_if(g_findings.begin(), end, [&seen](const Finding& one) {
    return one.node == seen.node && one.what == seen.what && one.frames == seen.frames;
  });
  if (known != end) {
    ++known->times;
  } else if (end == g_findings.end()) {
    ++g_more;
  } else {
    *end = seen;
    end->tick = ticking.tick;
    end->times = 1;
    // release: a thread that sees the new count sees the whole finding.
    g_found.store(found + 1, std::memory_order_release);
    g_found.notify_one();
  }
  g_lock.clear(std::memory_order_release);
  g_lock.notify_one();
  ticking.block = block;
  ticking.telling = false;
  errno = error;
}

/// Prints the findings that are not printed yet.
void print_found() {
  const std::scoped_lock lock{g_printing};
  for (; g_printed < g_found.load(std::memory_order_acquire); ++g_printed) {
    const Finding& one = g_findings.at(g_printed);
    std::fprintf(stderr, "check-rt: node '%s', tick %llu: %s\n", one.node.data(),
                 static_cast<unsigned long long>(one.tick), one.what.data());
    for (int i = 0; i < one.depth; ++i) print_frame(one.frames.at(static_cast<std::size_t>(i)));
  }
}

/// The teller's thread: prints findings as long as the program runs.
void tell_for_ever() {
  // A tick's thread has started this one, so it has inherited that thread's CPU: move away.
  cpu_set_t everywhere;
  std::memset(&everywhere, 0xff, sizeof everywhere);
  ::sched_setaffinity(0, sizeof everywhere, &everywhere);
  for (std::size_t seen = 0;; seen = g_found.load(std::memory_order_acquire)) {
    g_found.wait(seen, std::memory_order_acquire);
    print_found();
  }
}

struct CallName {
  long number;
  const char* name;
};
constexpr CallName kCalls[]{
    {SYS_read, "read"},           {SYS_write, "write"},
    {SYS_readv, "readv"},         {SYS_writev, "writev"},
    {SYS_openat, "open"},         {SYS_close, "close"},
    {SYS_ioctl, "ioctl"},         {SYS_fsync, "fsync"},
    {SYS_lseek, "lseek"},         {SYS_newfstatat, "stat"},
    {SYS_fstat, "fstat"},         {SYS_pread64, "pread"},
    {SYS_pwrite64, "pwrite"},     {SYS_brk, "brk (memory from the kernel)"},
    {SYS_mmap, "mmap"},           {SYS_munmap, "munmap"},
    {SYS_mprotect, "mprotect"},   {SYS_madvise, "madvise"},
    {SYS_futex, "futex"},         {SYS_nanosleep, "nanosleep"},
    {SYS_ppoll, "ppoll"},         {SYS_clock_nanosleep, "clock_nanosleep (a sleep)"},
    {SYS_sendto, "send"},         {SYS_recvfrom, "recv"},
    {SYS_sendmsg, "sendmsg"},     {SYS_recvmsg, "recvmsg"},
    {SYS_socket, "socket"},       {SYS_connect, "connect"},
    {SYS_clone, "clone"},         {SYS_clone3, "clone (a new thread)"},
    {SYS_sched_yield, "yield"},   {SYS_clock_gettime, "clock_gettime"},
    {SYS_gettid, "gettid"},       {SYS_getpid, "getpid"},
    {SYS_getrandom, "getrandom"}, {SYS_tgkill, "tgkill"},
#ifdef SYS_poll
    {SYS_poll, "poll"},           {SYS_select, "select"},
    {SYS_open, "open"},           {SYS_epoll_wait, "epoll_wait"},
#endif
};

/// Handles SIGSYS: the kernel sends it instead of carrying out a system call of a tick. Notes the
/// call and has it made again. The rest of the tick is not watched for calls, as the switch stays
/// off.
void on_call(int /*signal*/, siginfo_t* info, void* context) noexcept {
  t_ticking.block = 0;
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine.gregs[REG_RIP] -= 2;  // Back over the system call's instruction, which runs again.
#elif defined(__aarch64__)
  machine.pc -= 4;
#endif
  const auto* const known =
      std::find_if(std::begin(kCalls), std::end(kCalls),
                   [info](const CallName& one) { return one.number == info->si_syscall; });
  char what[48];
  if (known != std::end(kCalls)) {
    std::snprintf(what, sizeof what, "system call %s", known->name);
  } else {
    std::snprintf(what, sizeof what, "system call %d", info->si_syscall);
  }
  note(what, /*between=*/1);  // The signal frame.
}

/// Before the first tick of a thread: starts the teller once, and has the kernel report the
/// thread's system calls.
void prepare(Ticking& ticking) noexcept {
  ticking.known = true;
  static std::once_flag once;
  std::call_once(once, [] { std::thread{tell_for_ever}.detach(); });
  struct sigaction action {};
  action.sa_sigaction = on_call;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSYS, &action, nullptr);
  sigset_t mine;
  sigemptyset(&mine);
  sigaddset(&mine, SIGSYS);
  ::pthread_sigmask(SIG_UNBLOCK, &mine, nullptr);
  const bool watched =
      ::prctl(kSetDispatch, kDispatchOn, 0UL, 0UL, const_cast<char*>(&ticking.block)) == 0;
  if (!watched && !g_told_no_calls.exchange(true)) {
    std::fprintf(stderr, "check-rt: this kernel shows no system calls; they are not looked for\n");
  }
}

/// Its destructor prints the summary at the end of the program.
struct Summary {
  ~Summary() {
    print_found();
    const std::size_t found = g_found.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < found; ++i) {
      const Finding& finding = g_findings.at(i);
      std::fprintf(stderr, "check-rt: node '%s': %llu times %s\n", finding.node.data(),
                   static_cast<unsigned long long>(finding.times), finding.what.data());
    }
    if (g_more > 0) {
      std::fprintf(stderr, "check-rt: %llu more are not listed\n",
                   static_cast<unsigned long long>(g_more));
    }
    if (found == 0) std::fprintf(stderr, "check-rt: nothing found in the ticks of C++ nodes\n");
  }
};
const Summary kSummary;

/// The function of this name in the libraries behind this one: the real one.
template <typename Function>
Function next(const char* name) noexcept {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

#define HORUS_SHOWN __attribute__((visibility("default")))

extern "C" {

HORUS_SHOWN void horus_tick_begins(const char* node, std::uint64_t number) noexcept {
  Ticking& ticking = t_ticking;
  if (!ticking.known) {
    // This first backtrace() loads a library and allocates, so it must come before the tick. The -1
    // takes off this function's own frame.
    std::array<void*, kDeepest> stack{};
    ticking.outside = ::backtrace(stack.data(), kDeepest) - 1;
    prepare(ticking);
  }
  ticking.tick = number;
  ::getrusage(RUSAGE_THREAD, &ticking.before);
  ticking.node = node;
  ticking.block = 1;
}

HORUS_SHOWN void horus_tick_ended() noexcept {
  Ticking& ticking = t_ticking;
  ticking.block = 0;
  rusage after{};
  ::getrusage(RUSAGE_THREAD, &after);
  if (after.ru_minflt + after.ru_majflt > ticking.before.ru_minflt + ticking.before.ru_majflt) {
    note("page fault", /*between=*/-1);
  }
  ticking.node = nullptr;
}

HORUS_SHOWN void* malloc(std::size_t size) {
  note("allocation");
  return __libc_malloc(size);
}
HORUS_SHOWN void* calloc(std::size_t count, std::size_t size) {
  note("allocation");
  return __libc_calloc(count, size);
}
HORUS_SHOWN void* realloc(void* block, std::size_t size) {
  note("allocation");
  return __libc_realloc(block, size);
}
HORUS_SHOWN void* memalign(std::size_t alignment, std::size_t size) {
  note("allocation");
  return __libc_memalign(alignment, size);
}
HORUS_SHOWN void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return memalign(alignment, size);
}
HORUS_SHOWN int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  *block = memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}
HORUS_SHOWN void free(void* block) {
  if (block != nullptr) note("release of memory");
  __libc_free(block);
}

HORUS_SHOWN int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const auto real = next<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  note("lock of a mutex");
  return real(mutex);
}
HORUS_SHOWN int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  static const auto real = next<int (*)(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
  note("lock for reading");
  return real(lock);
}
HORUS_SHOWN int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  static const auto real = next<int (*)(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
  note("lock for writing");
  return real(lock);
}

}  // extern "C"

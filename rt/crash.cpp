// SPDX-License-Identifier: Apache-2.0
#include "rt/crash.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "rt/log_queue.hpp"
#include "rt/stderr_sink.hpp"

namespace horus {
namespace {

constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::size_t kSignalStack = 64U << 10U;  // backtrace() needs some ten KiB of it.

// These are written before the handlers are installed.
CrashNote* g_note = nullptr;
pid_t g_owner = 0;      // The process whose crashes are reported; its forked children differ.
bool g_levels = false;  // Lines on stderr begin with syslog's level.
std::size_t g_holders = 0;
// Per signal: its handler is ours, or one that calls ours.
std::array<bool, kCrashes.size()> g_reached{};
std::array<struct sigaction, kCrashes.size()> g_previous{};
std::atomic<bool> g_told{false};
std::atomic<BlackBox*> g_box{nullptr};
static_assert(std::atomic<BlackBox*>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free);

/// A line of text, built with calls that are safe in a signal handler.
class CrashLine {
 public:
  CrashLine& operator<<(std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), text_.size() - size_);
    std::copy_n(text.begin(), size, text_.begin() + size_);
    size_ += size;
    return *this;
  }
  CrashLine& number(std::uint64_t value, int base = 10) noexcept {
    const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), value, base);
    size_ = static_cast<std::size_t>(end.ptr - text_.data());
    return *this;
  }
  void write() const noexcept {
    // If stderr cannot be written, there is no other place to report it.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text_.data(), size_);
  }

 private:
  std::array<char, 256> text_{};
  std::size_t size_ = 0;
};

void say(int signal, std::optional<std::uint64_t> address, const LogSource* source) noexcept {
  CrashLine line;
  line << (g_levels ? "<2>" : "") << "crashed ";
  if (source != nullptr) {
    line << "in node '" << source->node->view() << "', tick ";
    line.number(source->tick);
  } else {
    line << "outside of any node";
  }
  const char* const name = ::sigdescr_np(signal);
  line << ": " << (name != nullptr ? name : "signal") << " (signal ";
  line.number(static_cast<std::uint64_t>(signal)) << ")";
  if (address) (line << " at address 0x").number(*address, 16);
  (line << "\n").write();
}

void copy_maps(std::span<char> place) noexcept {
  const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  std::size_t size = 0;
  while (size < place.size()) {
    const ssize_t count = ::read(file, place.data() + size, place.size() - size);
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  ::close(file);
}

void fill(CrashNote& note, int signal, std::uint64_t address, const LogSource* source) noexcept {
  note.signal = signal;
  note.address = address;
  if (source != nullptr) {
    note.node = *source->node;
    note.tick = source->tick;
  }
  std::array<void*, 64> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  note.frames = static_cast<std::uint32_t>(count);
  std::transform(frames.begin(), frames.end(), note.frame.begin(),
                 [](void* frame) { return reinterpret_cast<std::uintptr_t>(frame); });
  copy_maps(note.maps);
  // release: a thread that sees it also sees the rest.
  note.complete.store(1, std::memory_order_release);
}

/// Writes the crash as an event. Runs in the signal handler.
void keep(BlackBox& box, int signal, std::uint64_t address, const LogSource* source) noexcept {
  const char* const name = ::sigdescr_np(signal);
  Event event{.kind = EventKind::kCrash,
              .numbers = {signal, static_cast<std::int64_t>(address)},
              .text = Name<200>::clipped(name != nullptr ? name : "signal")};
  if (source != nullptr) {
    event.node = *source->node;
    event.tick = source->tick;
    event.in_tick = 1;
  }
  box.write(event);
}

void on_crash(int signal, siginfo_t* info, void* /*context*/) {
  const int saved = errno;
  // A SIGABRT that was sent by kill(), e.g. by a supervisor, ends a process that hangs: no crash.
  const bool crashes = signal != SIGABRT || info->si_code != SI_USER;
  // relaxed: of several threads that crash at once one is reported; it does not matter which.
  if (crashes && ::getpid() == g_owner && !g_told.exchange(true, std::memory_order_relaxed)) {
    // si_addr is an address only for a fault (si_code > 0). A signal that was sent has its sender
    // in that field, and for SI_KERNEL the CPU gives no address.
    const bool faults = signal != SIGABRT && info->si_code > 0 && info->si_code != SI_KERNEL;
    const std::uint64_t address = faults ? reinterpret_cast<std::uintptr_t>(info->si_addr) : 0;
    const LogSource* const source = log_source();
    say(signal, faults ? std::optional{address} : std::nullopt, source);
    // acquire: the box is complete.
    if (BlackBox* const box = g_box.load(std::memory_order_acquire)) {
      keep(*box, signal, address, source);
    }
    if (g_note != nullptr) fill(*g_note, signal, address, source);
  }
  const auto which = std::find(kCrashes.begin(), kCrashes.end(), signal) - kCrashes.begin();
  ::sigaction(signal, &g_previous[static_cast<std::size_t>(which)], nullptr);
  errno = saved;
  // The signal is blocked until this handler returns; then the previous handler gets it. A fault
  // would come again by itself, but a signal that was sent would not.
  ::raise(signal);
}

void hold_handlers() noexcept {
  g_owner = ::getpid();
  g_levels = StderrSink::writes_levels();
  ++g_holders;
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    // If our handler were installed twice in a chain of handlers, it would call itself for ever.
    if (!std::exchange(g_reached[i], true)) ::sigaction(kCrashes[i], &action, &g_previous[i]);
  }
}

void put_back_handlers() noexcept {
  if (--g_holders > 0) return;
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    struct sigaction present {};
    ::sigaction(kCrashes[i], nullptr, &present);
    const bool ours = (present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == on_crash;
    // Another handler was installed over ours, and may call ours: leave both in place.
    if (!ours) continue;
    ::sigaction(kCrashes[i], &g_previous[i], nullptr);
    g_reached[i] = false;
  }
}

}  // namespace

void tell_crashes(CrashNote* note) noexcept {
  // The first call of backtrace() loads a library and allocates: not possible in the handler.
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  g_note = note;
  static const SignalStack stack;
  hold_handlers();
}

CrashScope::CrashScope() noexcept {
  hold_handlers();
}

CrashScope::~CrashScope() {
  put_back_handlers();
}

void keep_crashes_in(BlackBox* box) noexcept {
  // release: see on_crash().
  g_box.store(box, std::memory_order_release);
}

SignalStack::SignalStack() {
  stack_t present{};
  if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
  memory_ = std::make_unique<std::byte[]>(kSignalStack);
  const stack_t stack{.ss_sp = memory_.get(), .ss_flags = 0, .ss_size = kSignalStack};
  ::sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
  if (memory_ == nullptr) return;
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  ::sigaltstack(&none, nullptr);
}

}  // namespace horus

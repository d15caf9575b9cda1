// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/signals.hpp"

#include <Python.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "pyhost/cpython/capi.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

std::atomic<int> ring_fd{-1};
std::atomic<std::uint64_t> seen_signals{0};  // One bit for each signal number.
std::atomic<int> endings_seen{0};
std::atomic<int> ints{0};               // SIGINTs that were not our own.
std::atomic<bool> own_int_sent{false};  // We have sent a SIGINT whose handler has not run.
std::atomic<bool> own_int_came{false};  // The handler of one has run.
struct sigaction python_int {};         // Fixed while on_int() is installed.
std::atomic<pid_t> handler_owner{0};
static_assert(std::atomic<int>::is_always_lock_free &&
              std::atomic<std::uint64_t>::is_always_lock_free);

void write_byte(int fd) noexcept {
  const char byte = 0;
  // A failure means that the pipe is full; then it wakes its reader anyway.
  static_cast<void>(!::write(fd, &byte, 1));
}

extern "C" void on_ending(int signal) {
  // relaxed: set before the handler was.
  if (::getpid() != handler_owner.load(std::memory_order_relaxed)) {
    // This is a forked child that has not run its first line yet. End it as the default would.
    ::signal(signal, SIG_DFL);
    static_cast<void>(::raise(signal));  // Takes effect when this handler returns.
    return;
  }
  const int saved = errno;
  // relaxed: the write to the pipe, which the reader sees first, orders them.
  seen_signals.fetch_or(std::uint64_t{1} << static_cast<unsigned>(signal),
                        std::memory_order_relaxed);
  endings_seen.fetch_add(1, std::memory_order_relaxed);
  write_byte(ring_fd.load(std::memory_order_relaxed));
  errno = saved;
}

/// Counts a SIGINT, then calls Python's own handler. In a forked child as well, where Python raises
/// KeyboardInterrupt as usual.
extern "C" void on_int(int signal) {
  // relaxed: numbers on their own.
  if (own_int_sent.exchange(false, std::memory_order_relaxed)) {
    own_int_came.store(true, std::memory_order_relaxed);
  } else {
    ints.fetch_add(1, std::memory_order_relaxed);
  }
  python_int.sa_handler(signal);
}

bool is_default_int_handler() {
  const pyb::module_ signals = pyb::module_::import("_signal");
  return signals.attr("getsignal")(SIGINT).is(signals.attr("default_int_handler"));
}

/// Whether the signal has the handler that horus/_hosts.py installs while hosts start and end.
bool is_of_hosts(int signal) {
  return pyb::hasattr(pyb::module_::import("_signal").attr("getsignal")(signal), "_horus_ending");
}

struct sigaction handler_of(int signal) noexcept {
  struct sigaction current {};
  ::sigaction(signal, nullptr, &current);
  return current;
}

}  // namespace

Wakeup::Wakeup() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "create the wake-up pipe");
  }
  read_ = UniqueFd{ends[0]};
  write_ = UniqueFd{ends[1]};
}

void Wakeup::ring() noexcept {
  write_byte(write_.get());
}

void Wakeup::wait(int milliseconds) noexcept {
  pollfd waiting{.fd = read_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, milliseconds) <= 0) return;
  std::array<char, 256> bytes{};
  while (::read(read_.get(), bytes.data(), bytes.size()) > 0) {
  }
}

SignalScope::SignalScope(Wakeup& wakeup) {
  if (::gettid() != ::getpid()) return;
  // Debian's interpreters do not export PySignal_SetWakeupFd().
  set_wakeup_fd_ = pyb::module_::import("_signal").attr("set_wakeup_fd");
  // No warning for a full pipe: it wakes its reader anyway.
  previous_fd_ = set_wakeup_fd_(wakeup.fd(), pyb::arg("warn_on_full_buffer") = false).cast<int>();
  handles_int_ = is_default_int_handler();
  if (handles_int_) {
    // Reset what an earlier run has left. relaxed: sigaction() comes after these stores.
    ints.store(0, std::memory_order_relaxed);
    own_int_sent.store(false, std::memory_order_relaxed);
    own_int_came.store(false, std::memory_order_relaxed);
    python_int = handler_of(SIGINT);
    struct sigaction counting = python_int;
    counting.sa_handler = on_int;
    ::sigaction(SIGINT, &counting, nullptr);
  }
  // relaxed: sigaction() comes after these stores.
  seen_signals.store(0, std::memory_order_relaxed);
  endings_seen.store(0, std::memory_order_relaxed);
  handler_owner.store(::getpid(), std::memory_order_relaxed);
  ring_fd.store(wakeup.fd(), std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = on_ending;
  for (std::size_t i = 0; i < kEnding.size(); ++i) {
    before_[i] = handler_of(kEnding[i]);
    handled_[i] = before_[i].sa_handler == SIG_DFL || is_of_hosts(kEnding[i]);
    if (handled_[i]) ::sigaction(kEnding[i], &action, nullptr);
  }
  if (handled_.back()) print_stacks_at_quit();
}

/// Uses faulthandler, whose handler needs no GIL and so can print the stack of a hanging thread. It
/// then calls our handler (chain=True).
void SignalScope::print_stacks_at_quit() {
  try {
    const auto faulthandler = pyb::module_::import("faulthandler");
    faulthandler.attr("register")(SIGQUIT, pyb::arg("file") = STDERR_FILENO,
                                  pyb::arg("all_threads") = true, pyb::arg("chain") = true);
    unregister_ = faulthandler.attr("unregister");
    printing_ = handler_of(SIGQUIT);
  } catch (pyb::error_already_set& error) {
    // The run goes on without it.
    error.discard_as_unraisable("print the stacks at SIGQUIT");
  }
}

SignalScope::~SignalScope() {
  // A handler that was set meanwhile stays.
  if (handles_int_ && handler_of(SIGINT).sa_handler == on_int) {
    ::sigaction(SIGINT, &python_int, nullptr);
  }
  if (!set_wakeup_fd_) return;
  const pyb::error_scope kept;  // The exception that ends the run stays set.
  // A handler that the program has set meanwhile stays.
  if (unregister_ && handler_of(SIGQUIT).sa_handler == printing_.sa_handler) {
    const Ref undone{PyObject_CallFunction(unregister_.ptr(), "i", SIGQUIT)};
    if (!undone) PyErr_WriteUnraisable(unregister_.ptr());
  }
  for (std::size_t i = 0; i < kEnding.size(); ++i) {
    const bool ours = handled_[i] && handler_of(kEnding[i]).sa_handler == on_ending;
    if (ours) ::sigaction(kEnding[i], &before_[i], nullptr);
  }
  const Ref result{PyObject_CallFunction(set_wakeup_fd_.ptr(), "i", previous_fd_)};
  if (!result) PyErr_WriteUnraisable(set_wakeup_fd_.ptr());
}

SignalScope::Endings SignalScope::take_endings() noexcept {
  if (!set_wakeup_fd_) return {};
  // relaxed: see on_ending().
  const std::uint64_t seen = seen_signals.exchange(0, std::memory_order_relaxed);
  return {.any = seen != 0, .quit = (seen >> unsigned{SIGQUIT} & 1U) != 0};
}

int SignalScope::interrupts() const noexcept {
  // relaxed: a number on its own.
  return handles_int_ ? ints.load(std::memory_order_relaxed) : 0;
}

void SignalScope::interrupt_main_thread() const noexcept {
  if (!handles_int_) return;
  own_int_sent.store(true, std::memory_order_relaxed);  // relaxed: see on_int().
  ::tgkill(::getpid(), ::getpid(), SIGINT);
}

bool SignalScope::take_own_interrupt() noexcept {
  return own_int_came.exchange(false, std::memory_order_relaxed);  // relaxed: see on_int().
}

int SignalScope::endings() const noexcept {
  // relaxed: see on_ending().
  return set_wakeup_fd_ ? endings_seen.load(std::memory_order_relaxed) : 0;
}

}  // namespace horus::py

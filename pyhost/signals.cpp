// SPDX-License-Identifier: Apache-2.0
#include "pyhost/signals.hpp"

#include <Python.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>

#include "pyhost/capi.hpp"

namespace horus::py {
namespace {

namespace pyb = pybind11;

std::atomic<int> term_fd{-1};
std::atomic<bool> term_seen{false};
std::atomic<pid_t> term_owner{0};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void write_byte(int fd) noexcept {
  const char byte = 0;
  // A full pipe wakes its reader as well as one byte more would.
  static_cast<void>(!::write(fd, &byte, 1));
}

extern "C" void on_term(int signal) {
  // relaxed: set before the handler was.
  if (::getpid() != term_owner.load(std::memory_order_relaxed)) {
    // A forked child that has not run its first line yet: it ends as any process.
    ::signal(signal, SIG_DFL);
    static_cast<void>(::raise(signal));  // Held back until this handler returns.
    return;
  }
  const int saved = errno;
  // relaxed: the byte in the pipe orders them.
  term_seen.store(true, std::memory_order_relaxed);
  write_byte(term_fd.load(std::memory_order_relaxed));
  errno = saved;
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
  // A full pipe wakes its reader: no warning.
  previous_fd_ = set_wakeup_fd_(wakeup.fd(), pyb::arg("warn_on_full_buffer") = false).cast<int>();
  ::sigaction(SIGTERM, nullptr, &previous_term_);
  handles_term_ = previous_term_.sa_handler == SIG_DFL;
  if (!handles_term_) return;
  term_seen.store(false, std::memory_order_relaxed);  // relaxed: sigaction() comes after it.
  term_owner.store(::getpid(), std::memory_order_relaxed);
  term_fd.store(wakeup.fd(), std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = on_term;
  ::sigaction(SIGTERM, &action, nullptr);
}

SignalScope::~SignalScope() {
  if (handles_term_) ::sigaction(SIGTERM, &previous_term_, nullptr);
  if (!set_wakeup_fd_) return;
  const pyb::error_scope kept;  // What ends the run goes on through here.
  const pyb::object result = owned(PyObject_CallFunction(set_wakeup_fd_.ptr(), "i", previous_fd_));
  if (!result) PyErr_WriteUnraisable(set_wakeup_fd_.ptr());
}

bool SignalScope::terminated() noexcept {
  // relaxed: see on_term().
  return handles_term_ && term_seen.exchange(false, std::memory_order_relaxed);
}

}  // namespace horus::py

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

#include <pybind11/pybind11.h>

namespace horus::py {
namespace {

std::atomic<int> term_fd{-1};
std::atomic<bool> term_seen{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void write_byte(int fd) noexcept {
  const char byte = 0;
  // A full pipe wakes its reader as well as one byte more would.
  static_cast<void>(!::write(fd, &byte, 1));
}

extern "C" void on_term(int /*signal*/) {
  const int saved = errno;
  // relaxed: the byte in the pipe orders them.
  term_seen.store(true, std::memory_order_relaxed);
  write_byte(term_fd.load(std::memory_order_relaxed));
  errno = saved;
}

/// signal.set_wakeup_fd(): Debian's interpreters do not export PySignal_SetWakeupFd(). The previous
/// descriptor, or -1.
int set_wakeup_fd(int fd) noexcept {
  namespace pyb = pybind11;
  try {
    const auto set = pyb::module_::import("signal").attr("set_wakeup_fd");
    // A full pipe wakes its reader: no warning.
    return set(fd, pyb::arg("warn_on_full_buffer") = false).cast<int>();
  } catch (pyb::error_already_set& error) {
    error.discard_as_unraisable("set_wakeup_fd");
    return -1;
  }
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

SignalScope::SignalScope(Wakeup& wakeup) noexcept : main_thread_{::gettid() == ::getpid()} {
  if (!main_thread_) return;
  previous_fd_ = set_wakeup_fd(wakeup.fd());
  ::sigaction(SIGTERM, nullptr, &previous_term_);
  handles_term_ = previous_term_.sa_handler == SIG_DFL;
  if (!handles_term_) return;
  term_seen.store(false, std::memory_order_relaxed);  // relaxed: sigaction() comes after it.
  term_fd.store(wakeup.fd(), std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = on_term;
  ::sigaction(SIGTERM, &action, nullptr);
}

SignalScope::~SignalScope() {
  if (!main_thread_) return;
  if (handles_term_) ::sigaction(SIGTERM, &previous_term_, nullptr);
  set_wakeup_fd(previous_fd_);
}

bool SignalScope::terminated() noexcept {
  // relaxed: see on_term().
  return handles_term_ && term_seen.exchange(false, std::memory_order_relaxed);
}

}  // namespace horus::py

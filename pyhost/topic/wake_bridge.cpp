// SPDX-License-Identifier: Apache-2.0
#include "pyhost/topic/wake_bridge.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "pyhost/topic/port.hpp"

namespace horus::py {

Result<std::unique_ptr<WakeBridge>> WakeBridge::start(Port& port) {
  UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!event) return Error::from_errno("make an eventfd");
  return std::unique_ptr<WakeBridge>{new WakeBridge{port, std::move(event)}};
}

WakeBridge::WakeBridge(Port& port, UniqueFd event) : port_{port}, event_{std::move(event)} {
  // Python handles signals on its main thread, so the new thread inherits a mask that blocks all.
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_setname_np(thread_.native_handle(), "horus-fileno");
}

WakeBridge::~WakeBridge() {
  disarm();
  {
    const std::scoped_lock lock{mutex_};
    state_ = State::kStopping;
  }
  changed_.notify_all();
  thread_.join();
}

void WakeBridge::disarm() noexcept {
  // acquire: pairs with run(); the thread's use of the port is over before the caller's begins.
  if (parked_.load(std::memory_order_acquire)) return;
  std::unique_lock lock{mutex_};
  recalled_ = state_ != State::kParked;
  while (state_ != State::kParked) {
    state_ = State::kRecalled;
    // An interrupt() just before the thread begins to wait may be lost, so it is repeated.
    port_.interrupt();
    changed_.wait_for(lock, 1ms);
  }
}

void WakeBridge::arm() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(event_.get(), &count, sizeof count);
  {
    const std::scoped_lock lock{mutex_};
    state_ = State::kArmed;
    parked_.store(false, std::memory_order_relaxed);  // relaxed: the mutex orders it.
  }
  recalled_ = false;
  changed_.notify_all();
}

void WakeBridge::stay_readable() noexcept {
  if (std::exchange(recalled_, false)) make_readable();
}

void WakeBridge::make_readable() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void WakeBridge::wait_in_port() noexcept {
  const auto armed = [this] {
    const std::scoped_lock lock{mutex_};
    return state_ == State::kArmed;
  };
  while (armed()) {
    if (!port_.wait_until(MonotonicClock::now() + 1s)) continue;
    return make_readable();
  }
}

void WakeBridge::run() noexcept {
  std::unique_lock lock{mutex_};
  for (;;) {
    // In kRecalled, disarm() came before this thread saw that it was armed. Then wait_in_port()
    // returns at once, and the thread parks again.
    changed_.wait(lock, [this] { return state_ != State::kParked; });
    if (state_ == State::kStopping) return;
    lock.unlock();
    wait_in_port();
    lock.lock();
    state_ = State::kParked;
    parked_.store(true, std::memory_order_release);  // release: see disarm().
    changed_.notify_all();
  }
}

}  // namespace horus::py

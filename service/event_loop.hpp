// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// An epoll loop with callbacks, for the housekeeping thread of a service.
///
/// Thread safety: one thread. A callback may add and remove registrations, its own included. While
/// a callback runs no other does, so each must return soon. Not RT-safe.
class EventLoop {
 public:
  using Callback = std::function<void(std::uint32_t events)>;
  /// Identifies one registration, from 1 on. An Id is never reused, so that a late event of a
  /// closed descriptor cannot reach another registration that got the same number.
  using Id = std::uint64_t;

  /// Fails if the system has no descriptor or memory left.
  static Result<std::unique_ptr<EventLoop>> create();

  /// Calls `callback` whenever `fd` has one of `events` (EPOLLIN, EPOLLOUT), and also on EPOLLERR
  /// and EPOLLHUP. Level-triggered: it is called again until the event is consumed. `fd` is not
  /// owned; call forget() before closing it. Fails with errno of epoll_ctl(2).
  Result<Id> watch(int fd, std::uint32_t events, Callback callback);
  /// Watches for other events. An unknown `id` is ignored.
  void change(Id id, std::uint32_t events) noexcept;
  /// Ends a registration; its callback is not called any more. An unknown `id` is ignored.
  void forget(Id id) noexcept;

  /// Calls `callback` every `period` (above zero) until forgotten. If the loop is late, the rounds
  /// that it missed are one call. Fails without a descriptor for the timer.
  Result<Id> every(Nanos period, std::function<void()> callback);
  /// One signal as on_signals() reports it.
  struct Signal {
    int number = 0;
    std::uint32_t count = 0;  ///< How often it was read since the last call.
    pid_t pid = 0;            ///< The process that sent the last one.
    uid_t uid = 0;            ///< The user of that process.
  };
  /// Calls `callback` once for each of `signals` that came, however often it came. The caller has
  /// blocked the signals in all threads; see hold_signals().
  Status on_signals(const sigset_t& signals, std::function<void(const Signal&)> callback);

  /// Dispatches events until stop(). Fails if epoll_wait(2) does.
  Status run();
  /// From a callback: has run() return after it. Further events of that round are not dispatched.
  /// Before run() it has no effect.
  void stop() noexcept { running_ = false; }

 private:
  struct Watch {
    int fd = -1;
    UniqueFd owned{};  ///< Owns `fd` if the loop made it, as for timers and signals.
    std::shared_ptr<Callback> callback;  ///< Shared, as a callback may forget itself while it runs.
  };

  explicit EventLoop(UniqueFd epoll) noexcept : epoll_{std::move(epoll)} {}

  UniqueFd epoll_;
  std::map<Id, Watch> watches_;
  Id next_id_ = 1;
  bool running_ = false;
};

}  // namespace horus::service

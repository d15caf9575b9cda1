// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "rt/base/result.hpp"
#include "rt/base/time.hpp"
#include "rt/base/unique_fd.hpp"

namespace horus::service {

/// epoll with callbacks, for the housekeeping thread of a service.
///
/// Thread safety: one thread. A callback may add and remove anything, itself included.
class EventLoop {
 public:
  using Callback = std::function<void(std::uint32_t events)>;
  /// Names one registration; never used again, so a late event cannot reach a stranger that got
  /// the same descriptor.
  using Id = std::uint64_t;

  static Result<std::unique_ptr<EventLoop>> create();

  /// Watches `fd` (not owned) for `events` (EPOLLIN, EPOLLOUT).
  Result<Id> watch(int fd, std::uint32_t events, Callback callback);
  void change(Id id, std::uint32_t events) noexcept;
  void forget(Id id) noexcept;

  /// Calls `callback` every `period` until forgotten; missed rounds are not made up for.
  Result<Id> every(Nanos period, std::function<void()> callback);
  /// A signal that came `count` times since the last look; who sent it last.
  struct Signal {
    int number = 0;
    std::uint32_t count = 0;
    pid_t pid = 0;
    uid_t uid = 0;
  };
  /// Calls `callback` once for each of `signals` that came, however often; they are blocked
  /// already.
  Status on_signals(const sigset_t& signals, std::function<void(const Signal&)> callback);

  /// Dispatches until stop().
  Status run();
  void stop() noexcept { running_ = false; }

 private:
  struct Watch {
    int fd = -1;
    UniqueFd owned{};  ///< `fd`, where the loop made it.
    std::shared_ptr<Callback> callback;
  };

  explicit EventLoop(UniqueFd epoll) noexcept : epoll_{std::move(epoll)} {}

  UniqueFd epoll_;
  std::map<Id, Watch> watches_;
  Id next_id_ = 1;
  bool running_ = false;
};

}  // namespace horus::service

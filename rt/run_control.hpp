// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string_view>

#include "rt/base/name.hpp"
#include "rt/base/time.hpp"
#include "rt/safety.hpp"
#include "rt/stop.hpp"

namespace horus {

/// What ends a run, and what puts it into safe state: shared by all who may say so and all who
/// must notice.
///
/// Thread safety: everything from any thread, request_stop() from signal handlers too.
/// Progress: RT-safe but for wait(); request_stop() makes one system call, a futex wake.
/// Invariants:
///   (1) cause_ is written once, by who moves claim_ from kFree to kWriting, and read only when
///       claim_ is kWritten.
class RunControl {
 public:
  /// What wait() waits for.
  enum Event : std::uint32_t { kStop = 1, kEnd = 2, kLogged = 4, kShutDown = 8 };
  static constexpr TimePoint kNever = from_ns(std::numeric_limits<std::int64_t>::max());

  void request_stop() noexcept;
  /// The first cause given stays. Then request_stop().
  void stop_because(StopReason reason, std::string_view node, std::string_view error) noexcept;
  bool stopping() const noexcept {
    // relaxed: nothing is published through the flag; what a cause says is behind claim_.
    return (word_.load(std::memory_order_relaxed) & kStop) != 0;
  }
  /// Every executor has ended, or none is waited for any longer; the helper threads may end.
  void announce_end() noexcept;
  /// All that was logged before the end is written.
  void announce_logged() noexcept;
  /// The other nodes of blocked threads are shut down.
  void announce_shut_down() noexcept;

  /// No release at or after `end` is ticked.
  void end_at(TimePoint end) noexcept;
  TimePoint end() const noexcept {
    // relaxed: a number on its own.
    return from_ns(end_ns_.load(std::memory_order_relaxed));
  }

  /// Once it asks for rest, every node's enter_safe_state() follows, on its own thread before its
  /// next tick.
  Safety& safety() noexcept { return safety_; }
  const Safety& safety() const noexcept { return safety_; }

  bool shut_down() const noexcept {
    // relaxed: see stopping().
    return (word_.load(std::memory_order_relaxed) & kShutDown) != 0;
  }
  /// Waits for any of `events`; false at `until`. Not for executors.
  bool wait(std::uint32_t events, TimePoint until) noexcept;

  /// Once the executors have ended.
  StopReport report() const;

 private:
  enum : std::uint32_t { kFree, kWriting, kWritten };
  struct Cause {
    StopReason reason = StopReason::kRequested;
    NodeName node{};
    Name<384> error{};
  };

  std::atomic<std::uint32_t> word_{0};  // Events that have come; the futex of wait().
  std::atomic<std::int64_t> end_ns_{to_ns(kNever)};
  Safety safety_;
  std::atomic<std::uint32_t> claim_{kFree};
  Cause cause_{};
};

}  // namespace horus

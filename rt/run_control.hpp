// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string_view>

#include <horus/scheduler.hpp>
#include <horus/text.hpp>
#include <horus/time.hpp>

#include "rt/safety.hpp"

namespace horus {

/// The requests that end a run or put it into safe state. Shared by all threads of the run.
///
/// Thread safety: all calls from any thread; request_stop() also from signal handlers.
/// Progress: RT-safe, except wait() and report(). request_stop(), stop_because() and the announce_
/// calls make one system call, a futex wake.
/// Invariants:
///   (1) cause_ is written once, by the thread that moves claim_ from kFree to kWriting, and read
///       only when claim_ is kWritten.
class RunControl {
 public:
  /// What wait() waits for. An event stays once it has come.
  enum Event : std::uint32_t { kStop = 1, kEnd = 2, kLogged = 4, kShutDown = 8 };
  /// An instant that is never reached.
  static constexpr TimePoint kNever = from_ns(std::numeric_limits<std::int64_t>::max());

  /// Asks the run to stop.
  void request_stop() noexcept;
  /// As request_stop(), with a cause for report(). The first cause given stays.
  void stop_because(StopReason reason, std::string_view node, std::string_view error) noexcept;
  /// Whether the run was asked to stop.
  bool stopping() const noexcept {
    // relaxed: nothing is published through the flag; what a cause says is behind claim_.
    return (word_.load(std::memory_order_relaxed) & kStop) != 0;
  }
  /// Sets kEnd: every executor has ended, or the stop no longer waits for any. The helper threads
  /// may end.
  void announce_end() noexcept;
  /// Sets kLogged: all that was logged before the end is written.
  void announce_logged() noexcept;
  /// Sets kShutDown: the shutdowns of the other nodes of blocked threads are over.
  void announce_shut_down() noexcept;

  /// No release at or after `end` is ticked.
  void end_at(TimePoint end) noexcept;
  /// The instant of end_at(); kNever before it was called.
  TimePoint end() const noexcept {
    // relaxed: a number on its own.
    return from_ns(end_ns_.load(std::memory_order_relaxed));
  }

  /// The run's emergency stop and safe state. When it comes to rest, each node's enter_safe_state()
  /// is called before its next tick.
  Safety& safety() noexcept { return safety_; }
  const Safety& safety() const noexcept { return safety_; }

  /// Whether kShutDown has come.
  bool shut_down() const noexcept {
    // relaxed: see stopping().
    return (word_.load(std::memory_order_relaxed) & kShutDown) != 0;
  }
  /// Blocks until any of `events` has come; returns false at `until`. Not for executors.
  bool wait(std::uint32_t events, TimePoint until) noexcept;

  /// Why the run stopped. Call it once the executors have ended. Allocates.
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

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "rt/clock.hpp"
#include "rt/rate_group.hpp"
#include "rt/run_guard.hpp"

namespace horus {

/// What is due in a stop.
enum class StopStep : std::uint8_t {
  kWait,      ///< Nothing new: go on.
  kAsk,       ///< From now on report which callbacks the stop waits for, and interrupt them.
  kShutDown,  ///< Now shut down the other nodes of the blocked threads.
  kGiveUp,    ///< Now give up: the time is over.
};

/// Decides when the steps of a stop are due (RT-10). Pure: it reads no clock.
///
/// Thread safety: one thread.
class StopWatch {
 public:
  /// After this time, or half of the timeout if that is less, kAsk is due.
  static constexpr Nanos kPatience = 2s;
  /// How long the shutdowns of kShutDown may take before kGiveUp is due.
  static constexpr Nanos kShutdowns = 500ms;

  /// `timeout`: time from the first look() to kShutDown; 0: a stop may take for ever.
  explicit StopWatch(Nanos timeout) noexcept : timeout_{timeout} {}

  /// The step that is due at `now`. Call it again and again from the beginning of the stop on.
  /// `hurried`: do not wait for the times. `shut_down`: the shutdowns of kShutDown are over. Each
  /// step except kWait is returned once, in order.
  StopStep look(TimePoint now, bool hurried, bool shut_down) noexcept;
  /// A callback that has run for less than this does not count as blocked.
  Nanos patience() const noexcept;

 private:
  Nanos timeout_;
  std::optional<TimePoint> since_;
  std::optional<TimePoint> shutting_down_since_;
  bool asked_ = false;
  bool given_up_ = false;
};

/// The callback that the group's thread runs at `now`; its `in` is kNone when the thread is between
/// callbacks. Nothing before the thread has begun and after it has ended. From any thread.
std::optional<BlockedCall> blocked_call(const RateGroup& group, TimePoint now);

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "rt/clock.hpp"
#include "rt/rate_group.hpp"
#include "rt/run_guard.hpp"

namespace horus {

/// What a stop has come to.
enum class StopStep : std::uint8_t {
  kWait,      ///< Every thread ends, or has time left.
  kAsk,       ///< From now on: say who is waited for, and interrupt it.
  kShutDown,  ///< Now: shut down the other nodes of the blocked threads.
  kGiveUp,    ///< Now: it has taken its time, and nobody waits any longer.
};

/// Bounds a stop: tells when its time is over. Pure but for reading the groups' progress.
///
/// Thread safety: one thread.
class StopWatch {
 public:
  /// After so long, or half of the timeout, a stop says whom it waits for.
  static constexpr Nanos kPatience = 2s;
  /// So long the shutdowns of the blocked threads' other nodes may take.
  static constexpr Nanos kShutdowns = 500ms;

  /// `timeout` 0: a stop may take for ever.
  explicit StopWatch(Nanos timeout) noexcept : timeout_{timeout} {}

  /// The run is to stop, or stops since the last call. `shut_down`: the shutdowns that kShutDown
  /// asked for are over. Each step but kWait comes once, in their order.
  StopStep look(TimePoint now, bool hurried, bool shut_down) noexcept;
  /// A callback that has run for less than this is not taken for one that blocks.
  Nanos patience() const noexcept;

 private:
  Nanos timeout_;
  std::optional<TimePoint> since_;
  std::optional<TimePoint> shutting_down_since_;
  bool asked_ = false;
  bool given_up_ = false;
};

/// What the group's thread is in, at `now`; nothing once it has ended.
std::optional<BlockedCall> blocked_call(const RateGroup& group, TimePoint now);

}  // namespace horus

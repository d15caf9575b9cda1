// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <horus/node.hpp>
#include <horus/text.hpp>

namespace horus {

inline constexpr std::size_t kSafetyStates = 7;

/// What changes a SafetyState.
enum class SafetyEvent : std::uint8_t {
  kReady,    ///< Its init() is over.
  kArm,      ///< An authorised caller allows it to act.
  kDisarm,   ///< A caller forbids it to act.
  kDegrade,  ///< It does less from now on.
  kRecover,  ///< It does everything again.
  kFault,    ///< A fault that calls for safe state.
  kStop,     ///< An emergency stop.
  kRelease,  ///< An authorised caller says that the cause of the rest is gone.
  kEnd,      ///< Its run ends.
};
inline constexpr std::size_t kSafetyEvents = 9;

constexpr auto words_of(SafetyEvent /*any*/) noexcept {
  return words_in_order<SafetyEvent>("ready", "arm", "disarm", "degrade", "recover", "fault",
                                     "stop", "release", "end");
}

/// RT-safe. The state that follows `state` after `event`; `state` itself when the event has no
/// effect in it. A release leads to kDisarmed, never straight back to kArmed.
[[nodiscard]] constexpr SafetyState after(SafetyState state, SafetyEvent event) noexcept {
  using S = SafetyState;
  // A row for each state, a column for each event, in their order.
  //   ready        arm          disarm       degrade      recover      fault
  //   stop         release      end
  constexpr std::array<std::array<S, kSafetyEvents>, kSafetyStates> kNext{{
      {S::kDisarmed, S::kStarting, S::kStarting, S::kStarting, S::kStarting, S::kSafe, S::kEstopped,
       S::kStarting, S::kStopped},
      {S::kDisarmed, S::kArmed, S::kDisarmed, S::kDisarmed, S::kDisarmed, S::kSafe, S::kEstopped,
       S::kDisarmed, S::kStopped},
      {S::kArmed, S::kArmed, S::kDisarmed, S::kDegraded, S::kArmed, S::kSafe, S::kEstopped,
       S::kArmed, S::kStopped},
      {S::kDegraded, S::kDegraded, S::kDisarmed, S::kDegraded, S::kArmed, S::kSafe, S::kEstopped,
       S::kDegraded, S::kStopped},
      {S::kSafe, S::kSafe, S::kSafe, S::kSafe, S::kSafe, S::kSafe, S::kEstopped, S::kDisarmed,
       S::kStopped},
      {S::kEstopped, S::kEstopped, S::kEstopped, S::kEstopped, S::kEstopped, S::kEstopped,
       S::kEstopped, S::kDisarmed, S::kStopped},
      {S::kStopped, S::kStopped, S::kStopped, S::kStopped, S::kStopped, S::kStopped, S::kStopped,
       S::kStopped, S::kStopped},
  }};
  return kNext[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

/// RT-safe. What a host shows that has shown `host` so far and has one more node: the state of the
/// node that may most, from kDisarmed on.
constexpr SafetyState more_of(SafetyState host, SafetyState node) noexcept {
  return may_act(node) && host != SafetyState::kArmed ? node : host;
}
/// A SafetyState that several threads change by events.
///
/// Thread safety: all calls from any thread or process. Progress: lock-free, RT-safe.
class SafetyCell {
 public:
  SafetyState value() const noexcept { return state_.load(); }
  /// Applies `event`. Returns the state before it and the state after it.
  std::pair<SafetyState, SafetyState> step(SafetyEvent event) noexcept {
    SafetyState before = state_.load();
    while (!state_.compare_exchange_weak(before, after(before, event))) {
    }
    return {before, after(before, event)};
  }
  /// Back to kStarting, for a new run.
  void begin() noexcept { state_.store(SafetyState::kStarting); }

 private:
  // seq_cst throughout: arming changes the state first and then reads the stop request, a stop does
  // it the other way round. So one of the two always sees the other.
  std::atomic<SafetyState> state_{SafetyState::kStarting};
};

/// What stopped a robot, or brought it to rest.
enum class StopCause : std::uint32_t {
  kNone,     ///< Nothing did.
  kCall,     ///< A call of estop() in a program.
  kCommand,  ///< `horusctl estop`.
  kTopic,    ///< A message on the topic `estop`.
  kInput,    ///< A subscription whose fallback is "stop" got no message within its time-out.
  kHost,     ///< A critical host died.
  kNode,     ///< A critical node hangs, or is lost otherwise.
  kDevice,   ///< A key of an input device was pressed.
  kLatch,    ///< It was stopped in an earlier life, and that stop was not released.
  kOwner,    ///< The process that keeps the robot's state died.
  kPeer,     ///< Another host has stopped.
  kMisses,   ///< Too many deadlines were missed.
  kHang,     ///< A node hangs.
};

constexpr auto words_of(StopCause /*any*/) noexcept {
  return words_in_order<StopCause>("none", "call", "command", "topic", "input", "host", "node",
                                   "device", "latch", "owner", "peer", "misses", "hang");
}

/// Why a run is at rest.
struct StopNote {
  StopCause cause = StopCause::kNone;
  std::uint32_t pad = 0;
  std::int64_t at_ns = 0;  ///< When it came to rest, monotonic.
  NodeName node{};         ///< The node that caused it; empty: none did.
  Name<160> text{};        ///< The reason, for people.
};

}  // namespace horus

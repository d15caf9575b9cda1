// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "rt/base/name.hpp"
#include "rt/base/words.hpp"

namespace horus {

/// How far a node, or a robot, may act. Only who is armed or degraded moves anything.
enum class SafetyState : std::uint32_t {
  kStarting,  ///< Its init() is not over.
  kDisarmed,  ///< Ready, and waits for somebody who arms it.
  kArmed,
  kDegraded,  ///< Armed, with less than it was configured to do.
  kSafe,      ///< Latched: brought to rest by a fault.
  kEstopped,  ///< Latched: brought to rest by an emergency stop.
  kStopped,   ///< Its run is over.
};
inline constexpr std::size_t kSafetyStates = 7;

/// What changes it.
enum class SafetyEvent : std::uint8_t {
  kReady,    ///< Its init() is over.
  kArm,      ///< Somebody who may allows it to act.
  kDisarm,   ///< Somebody forbids it.
  kDegrade,  ///< It does less from now on.
  kRecover,  ///< It does all again.
  kFault,    ///< A fault that asks for safe state.
  kStop,     ///< An emergency stop.
  kRelease,  ///< Somebody who may says that the cause is gone.
  kEnd,      ///< Its run ends.
};
inline constexpr std::size_t kSafetyEvents = 9;

constexpr auto words_of(SafetyState /*any*/) noexcept {
  return words_in_order<SafetyState>("starting", "disarmed", "armed", "degraded", "safe",
                                     "estopped", "stopped");
}
constexpr auto words_of(SafetyEvent /*any*/) noexcept {
  return words_in_order<SafetyEvent>("ready", "arm", "disarm", "degrade", "recover", "fault",
                                     "stop", "release", "end");
}

/// RT-safe. The state after the event; the same one where the event means nothing to it.
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

/// RT-safe. Whether what it sends may move something.
constexpr bool may_act(SafetyState state) noexcept {
  return state == SafetyState::kArmed || state == SafetyState::kDegraded;
}
/// RT-safe. Whether only a release, or the end, leads out of it.
constexpr bool is_latched(SafetyState state) noexcept {
  return state == SafetyState::kSafe || state == SafetyState::kEstopped;
}

/// A state that several threads change, each by an event.
///
/// Thread safety: all. Progress: lock-free, RT-safe.
class SafetyCell {
 public:
  SafetyState value() const noexcept { return state_.load(); }
  /// The state before it, and after it.
  std::pair<SafetyState, SafetyState> step(SafetyEvent event) noexcept {
    SafetyState before = state_.load();
    while (!state_.compare_exchange_weak(before, after(before, event))) {
    }
    return {before, after(before, event)};
  }
  /// A new life begins.
  void begin() noexcept { state_.store(SafetyState::kStarting); }

 private:
  // seq_cst throughout: who arms looks at the stop afterwards, who stops at the state.
  std::atomic<SafetyState> state_{SafetyState::kStarting};
};

/// What stopped a robot, or brought it to rest.
enum class StopCause : std::uint32_t {
  kNone,
  kCall,     ///< horus.estop(), in a program.
  kCommand,  ///< `horusctl estop`.
  kTopic,    ///< A message on the topic `estop`.
  kInput,    ///< A subscription whose fallback is "stop" got nothing for its time-out.
  kHost,     ///< A host that the robot cannot do without died.
  kNode,     ///< A node that the robot cannot do without hangs, or is lost otherwise.
  kDevice,   ///< A key of an input device.
  kLatch,    ///< Stopped before it started: so it is written on disk.
  kOwner,    ///< The process that keeps the robot's state died.
  kPeer,     ///< Another host has stopped.
  kMisses,   ///< Too many deadlines were missed.
  kHang,     ///< A node hangs.
};

constexpr auto words_of(StopCause /*any*/) noexcept {
  return words_in_order<StopCause>("none", "call", "command", "topic", "input", "host", "node",
                                   "device", "latch", "owner", "peer", "misses", "hang");
}

/// Why something is at rest.
struct StopNote {
  StopCause cause = StopCause::kNone;
  std::uint32_t pad = 0;
  std::int64_t at_ns = 0;  ///< Monotonic.
  NodeName node{};         ///< Where one is the cause.
  Name<160> text{};
};

}  // namespace horus

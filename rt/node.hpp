// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <string_view>

#include "rt/base/tick_stats.hpp"
#include "rt/budget.hpp"

namespace horus {

class Safety;

/// What a node is told at each tick.
struct Tick {
  std::uint64_t number = 0;  ///< 0 for the node's first.
  TimePoint release{};       ///< The planned instant.
  TimePoint start{};         ///< When this node's turn came.
  Nanos period{};            ///< 1/rate; 0 for event nodes.
  Budget budget{};
  SafetyState safety = SafetyState::kArmed;
  Safety* run = nullptr;  ///< For estop(); null: a tick that no scheduler makes.

  /// The robot is at rest: what this node would move is not to move.
  constexpr bool safe() const noexcept { return is_latched(safety); }
  /// What this node sends may move something; always so for a node that is no actuator, but at
  /// rest.
  constexpr bool armed() const noexcept { return may_act(safety); }
  /// RT-safe. The emergency stop of the whole robot, which holds until it is released.
  void estop(std::string_view why) const noexcept;
  constexpr double dt() const noexcept { return static_cast<double>(period.count()) * 1e-9; }
  constexpr TimePoint deadline() const noexcept { return release + budget.deadline; }
};

/// A unit of work with a rate. init() and shutdown() run on the node's own thread, before its
/// first and after its last tick, and may allocate and block; tick() of a real-time node may not:
/// no allocation, no lock, no system call. An exception ends in the node's failure policy.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  virtual void init() {}
  virtual void tick(const Tick& tick) = 0;
  virtual void shutdown() {}
  /// Bring the actuators to rest. On another thread where this node's own hangs: in another node's
  /// callback, or in this one's where NodeConfig::safe_state_async says that it may.
  virtual void enter_safe_state() noexcept {}
  /// The rest that enter_safe_state() began is over: somebody has released it. An actuator is
  /// disarmed yet. On its own thread.
  virtual void leave_safe_state() noexcept {}
  /// Its scheduler calls it no more, while others of the run go on: it was removed. On its thread.
  virtual void removed() noexcept {}
  /// The run stops: a callback that waits for something shall give that up, if it can. From another
  /// thread, again and again until the callback is over; waits for nothing itself.
  virtual void stop_waiting() noexcept {}
};

/// What left a callback that is written in another language: what() is its message.
class NodeFailure : public std::exception {
 public:
  virtual const char* type() const noexcept = 0;   ///< "ValueError"; empty: it is no failure.
  virtual const char* trace() const noexcept = 0;  ///< Empty where it was told before.
};

/// Something an event node waits for; a subscriber is one.
class WakeSource {
 public:
  virtual ~WakeSource() = default;
  /// True when there is work, once for each piece of it, whether the tick then does it or leaves
  /// it; false at `until`, or earlier for no reason. Waits without a lock.
  virtual bool wait_until(TimePoint until) noexcept = 0;
  /// Makes a waiting wait_until() return; from any thread.
  virtual void interrupt() noexcept = 0;
};

/// The thread that a hook is for.
struct ThreadRole {
  NodeName name{};  ///< Of its first node.
  NodeClass node_class = NodeClass::kTick;
  Nanos period{};                    ///< 0: an event node.
  Nanos budget{};                    ///< Of the ticks of all its nodes together; 0: no limit.
  const NodeStats* stats = nullptr;  ///< Of its first node; outlive the thread.
};

/// What of a tick its node did not run: because its thread had lost what the hook holds (the GIL),
/// or because it waited.
struct TickLoss {
  bool lost = false;
  Nanos time{};         ///< Part of the execution time; 0 where it went unseen.
  std::int32_t to = 0;  ///< The thread that had it; 0: not known.
  Nanos awaited{};      ///< See TickTiming.
};

/// Who has what a hook takes for its ticks.
struct Holder {
  std::int32_t thread = 0;  ///< The Linux thread; 0: nobody, or not known.
  std::uint64_t turn = 0;   ///< Moves when another one gets it.
  const char* what = "the GIL";
};

/// What a host does around the ticks of one executor thread: take and drop the GIL, ring
/// doorbells. One object a thread; every call comes from that thread. enter() and leave() are also
/// called around the thread's init() and shutdown() calls, with no release (zero).
class GroupHook {
 public:
  virtual ~GroupHook() = default;
  virtual void thread_started() noexcept {}
  virtual void thread_stopping() noexcept {}
  /// How long before the release enter() wants to begin; 0: at the release.
  virtual Nanos lead(TimePoint /*release*/) noexcept { return Nanos{}; }
  /// Before a batch of ticks. Returns how long it waited for the GIL, or a negative value where
  /// there is none: then the batch begins at the time that was read before it.
  virtual Nanos enter(TimePoint /*release*/) noexcept { return Nanos{-1}; }
  /// After each tick of a batch.
  virtual TickLoss ticked() noexcept { return {}; }
  /// Of the latest enter(): whether it took so long because the thread that had the GIL was kept
  /// from running. Asked after long waits only.
  virtual bool holder_was_off_cpu() noexcept { return false; }
  /// Who keeps enter() waiting, or a tick that has lost the GIL. From any thread.
  virtual Holder holder() noexcept { return {}; }
  /// From any thread: whether a debugger holds the thread, so that its silence means nothing.
  virtual bool debugged() noexcept { return false; }
  /// From any thread: whether the running tick waits and will be told when to go on, so that its
  /// silence means nothing unless its node was given a limit.
  virtual bool awaits() noexcept { return false; }
  /// After a batch; `next` is the following release.
  virtual void leave(TimePoint /*next*/) noexcept {}
};

}  // namespace horus

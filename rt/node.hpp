// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "rt/base/tick_stats.hpp"
#include "rt/budget.hpp"

namespace horus {

/// What a node is told at each tick.
struct Tick {
  std::uint64_t number = 0;  ///< 0 for the node's first.
  TimePoint release{};       ///< The planned instant.
  TimePoint start{};         ///< When this node's turn came.
  Nanos period{};            ///< 1/rate; 0 for event nodes.
  Budget budget{};

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
  /// Bring the actuators to rest. May be called from another thread when this node's hangs.
  virtual void enter_safe_state() noexcept {}
};

/// Something an event node waits for; a subscriber is one.
class WakeSource {
 public:
  virtual ~WakeSource() = default;
  /// True when there is work; false at `until`, or earlier for no reason. Waits without a lock.
  virtual bool wait_until(TimePoint until) noexcept = 0;
  /// Makes a waiting wait_until() return; from any thread.
  virtual void interrupt() noexcept = 0;
};

/// The thread that a hook is for.
struct ThreadRole {
  NodeName name{};  ///< Of its first node.
  NodeClass node_class = NodeClass::kTick;
  Nanos period{};  ///< 0: an event node.
  Nanos budget{};  ///< Of the ticks of all its nodes together; 0: no limit.
};

/// What of a tick its node could not run, because its thread had lost what the hook holds (the
/// GIL).
struct TickLoss {
  bool lost = false;
  Nanos time{};         ///< Part of the execution time; 0 where it went unseen.
  std::int32_t to = 0;  ///< The thread that had it; 0: not known.
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
  /// there is none.
  virtual Nanos enter(TimePoint /*release*/) noexcept { return Nanos{-1}; }
  /// After each tick of a batch.
  virtual TickLoss ticked() noexcept { return {}; }
  /// Of the latest enter(): whether it took so long because the thread that had the GIL was kept
  /// from running. Asked after long waits only.
  virtual bool holder_was_off_cpu() noexcept { return false; }
  /// After a batch; `next` is the following release.
  virtual void leave(TimePoint /*next*/) noexcept {}
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <string_view>

#include "rt/base/tick_stats.hpp"
#include "rt/budget.hpp"

namespace horus {

class Safety;

/// The argument of Node::tick(): the times, limits and safety state of one tick. All instants are
/// on CLOCK_MONOTONIC. The object is valid during the call only.
struct Tick {
  std::uint64_t number = 0;  ///< Counts the node's ticks; 0 for the first.
  TimePoint release{};       ///< The instant at which the tick was planned to start.
  TimePoint start{};         ///< When the tick started: after the nodes before it in its thread.
  Nanos period{};            ///< 1/rate; 0 for event nodes.
  Budget budget{};           ///< The limits in force for this tick.
  SafetyState safety = SafetyState::kArmed;  ///< The node's state when the tick started.
  Safety* run = nullptr;  ///< Used by estop(). Null when no scheduler made this tick.

  /// True when the robot, or this node alone, was at rest as the tick started: the node must not
  /// move anything.
  constexpr bool safe() const noexcept { return is_latched(safety); }
  /// True when this node may move something. A node that is no actuator is always armed, except
  /// while the robot is at rest.
  constexpr bool armed() const noexcept { return may_act(safety); }
  /// RT-safe. Requests the emergency stop of the whole robot. It holds until it is released. `why`
  /// is cut after 159 bytes. Does nothing when no scheduler made this tick.
  void estop(std::string_view why) const noexcept;
  /// The period in seconds.
  constexpr double dt() const noexcept { return static_cast<double>(period.count()) * 1e-9; }
  /// When the tick must have finished. Equals `release` when the node has no deadline.
  constexpr TimePoint deadline() const noexcept { return release + budget.deadline; }
};

/// A unit of work that a scheduler runs at a rate or on events. Derive from it and implement
/// tick().
///
/// Thread safety: all callbacks run on the node's own thread, unless the callback says otherwise.
/// That thread may be shared with other nodes; their callbacks run one after the other.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  /// Prepares the node. Called once before the first tick, and again after each shutdown() when the
  /// failure policy restarts the node. May allocate and block. If the first init() throws, the run
  /// does not start; if a later one throws, the failure policy decides.
  virtual void init() {}
  /// Does the node's work for one release or event. In a real-time node it must not allocate, take
  /// a lock or make a system call. If it throws, the node's failure policy decides what follows.
  virtual void tick(const Tick& tick) = 0;
  /// Releases what init() acquired. Called after the last tick, if the latest init() succeeded. May
  /// allocate and block. If it throws, the failure is logged and counted, and the stop goes on. At
  /// a stop another thread calls it if this node's thread is blocked in another node's callback.
  virtual void shutdown() {}
  /// Brings the actuators to rest. What an actuator sends in here goes out although its outputs are
  /// shut. Called before the next tick after a request for safe state or an emergency stop, or
  /// right after a tick when a policy answers the node's own misses with safe state. If this node's
  /// thread hangs in another node's callback, another thread calls it. If it hangs in this node's
  /// callback, another thread calls it only where NodeConfig::safe_state_async is set.
  virtual void enter_safe_state() noexcept {}
  /// The rest that enter_safe_state() began was released. An actuator is still disarmed here.
  /// Called from the same threads as enter_safe_state().
  virtual void leave_safe_state() noexcept {}
  /// The node was removed from a run that goes on. Called after its shutdown(), as the last call.
  virtual void removed() noexcept {}
  /// The run is stopping: a callback that waits for something should give up, if it can. Called
  /// from the watchdog's thread, again and again until the run has ended, whether a callback is
  /// running or not. Must not wait itself.
  virtual void stop_waiting() noexcept {}
};

/// An exception that left a callback written in another language. what() is its message.
class NodeFailure : public std::exception {
 public:
  /// The type's name, e.g. "ValueError". Empty: the failure is not kept in NodeStats::failures.
  virtual const char* type() const noexcept = 0;
  /// The stack trace. Empty when it was reported before.
  virtual const char* trace() const noexcept = 0;
};

/// Something that an event node waits for, e.g. a subscriber.
class WakeSource {
 public:
  virtual ~WakeSource() = default;
  /// Waits for work until `until`. Returns true once for each piece of work, whether the tick that
  /// follows handles it or not. Returns false at `until`, and may do so earlier for no reason.
  /// Takes no lock.
  virtual bool wait_until(TimePoint until) noexcept = 0;
  /// Makes a waiting wait_until() return. From any thread.
  virtual void interrupt() noexcept = 0;
};

/// Describes the executor thread for which a hook is made.
struct ThreadRole {
  NodeName name{};                          ///< Name of the thread's first node.
  NodeClass node_class = NodeClass::kTick;  ///< Class of the thread's nodes.
  Nanos period{};                           ///< 0: an event node.
  Nanos budget{};  ///< Sum of the execution budgets of all its nodes; 0: none has a limit.
  const NodeStats* stats = nullptr;  ///< Statistics of its first node. They outlive the thread.
};

/// The time within one tick in which the node did not run: another thread had the GIL that the hook
/// holds for the tick, or the node waited.
struct TickLoss {
  bool lost = false;    ///< The tick lost the GIL at least once.
  Nanos time{};         ///< Part of the execution without the GIL; 0 when it was not measured.
  std::int32_t to = 0;  ///< Linux id of the thread that had the GIL; 0: not known.
  Nanos awaited{};      ///< Time the node waited and ran no code, see TickTiming.
};

/// Which thread holds the resource that a hook takes for its ticks.
struct Holder {
  std::int32_t thread = 0;       ///< Linux id of the holding thread; 0: nobody, or not known.
  std::uint64_t turn = 0;        ///< Changes whenever another thread gets the resource.
  const char* what = "the GIL";  ///< The resource, for messages.
};

/// Actions of the host around the ticks of one executor thread, e.g. take and drop the GIL.
///
/// Thread safety: one object per executor thread. All calls come from that thread, except holder(),
/// debugged() and awaits(), which may come from any thread. Between the thread's first and last
/// tick the calls are part of the real-time loop.
class GroupHook {
 public:
  virtual ~GroupHook() = default;
  /// The first call on the thread, before any init().
  virtual void thread_started() noexcept {}
  /// The last call on the thread, after every shutdown().
  virtual void thread_stopping() noexcept {}
  /// How long before the release enter() wants to begin; 0: at the release. Asked only on threads
  /// that spin before their releases. At most half of the shortest period is granted.
  virtual Nanos lead(TimePoint /*release*/) noexcept { return Nanos{}; }
  /// Called before a batch of ticks, and before callbacks outside of ticks (init(), shutdown(),
  /// safe state, changes) with a release of zero. Returns how long it waited for the GIL. A
  /// negative value means that there is no GIL: the caller then reuses the time that it read before
  /// the call.
  virtual Nanos enter(TimePoint /*release*/) noexcept { return Nanos{-1}; }
  /// Called after each tick of a batch. Returns what the tick lost.
  virtual TickLoss ticked() noexcept { return {}; }
  /// Whether the latest enter() waited long because the thread that had the GIL got no CPU. Asked
  /// only after waits of kLongGilWait and more.
  virtual bool holder_was_off_cpu() noexcept { return false; }
  /// The thread that keeps enter(), or a tick that lost the GIL, waiting. From any thread.
  virtual Holder holder() noexcept { return {}; }
  /// Whether a debugger holds the thread, so that its silence is no fault. From any thread.
  virtual bool debugged() noexcept { return false; }
  /// Whether the running tick waits for something that will wake it. Its silence is then no fault,
  /// unless the node was given a watchdog limit. From any thread.
  virtual bool awaits() noexcept { return false; }
  /// Called after a batch and after callbacks outside of ticks. `next` is the next release of the
  /// thread; zero when there is none (event nodes, callbacks outside of ticks).
  virtual void leave(TimePoint /*next*/) noexcept {}
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <memory>

#include <horus/node.hpp>
#include <horus/time.hpp>

#include "rt/base/tick_stats.hpp"

namespace horus {

/// An exception that left a callback written in another language. what() is its message.
class NodeFailure : public std::exception {
 public:
  /// The type's name, e.g. "ValueError". Empty: the failure is not kept in NodeStats::failures.
  virtual const char* type() const noexcept = 0;
  /// The stack trace. Empty when it was reported before.
  virtual const char* trace() const noexcept = 0;
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
  /// Called after each tick of a batch. Whether the tick lost or awaited anything: loss() tells.
  virtual bool ticked() noexcept { return false; }
  /// What the tick lost. Called right after a ticked() that returned true, and only then.
  virtual TickLoss loss() noexcept { return {}; }
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

/// Makes the hook of each executor thread.
class HookFactory {
 public:
  virtual ~HookFactory() = default;
  /// Called by Scheduler::start(), once per executor thread. May return null: the thread then needs
  /// no hook.
  virtual std::unique_ptr<GroupHook> make(const ThreadRole& role) = 0;
};

}  // namespace horus

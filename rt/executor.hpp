// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include <horus/node.hpp>

#include "rt/clock.hpp"
#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"
#include "rt/plan.hpp"
#include "rt/rate_group.hpp"
#include "rt/run_control.hpp"
#include "rt/wake_lead.hpp"

namespace horus {

/// The barrier between init() and the first tick: no node ticks before every init() is done.
///
/// Thread safety: arrive() by executors, the rest by the scheduler's threads. Not RT-safe: it is
/// used before the first tick only. The first open() or close() decides; later ones do nothing.
class StartGate {
 public:
  /// Called by an executor when its inits are done. Blocks until the gate is opened or closed.
  /// Returns the epoch; nothing when the gate was closed.
  std::optional<TimePoint> arrive() noexcept;

  /// Blocks until so many executors have arrived.
  void wait_for_arrivals(std::uint32_t executors) noexcept;
  /// Lets the executors begin to tick at `epoch`.
  void open(TimePoint epoch) noexcept;
  /// Sends the executors to their shutdowns without a tick.
  void close() noexcept;

 private:
  static constexpr std::int64_t kUndecided = 0;
  static constexpr std::int64_t kClosed = -1;

  void decide(std::int64_t epoch_ns) noexcept;

  std::atomic<std::uint32_t> arrived_{0};
  std::atomic<std::int64_t> epoch_ns_{kUndecided};
};

/// What an executor needs of its scheduler. All of it outlives the executor.
struct ExecutorContext {
  Clock& clock;
  RunControl& control;
  StartGate& gate;
  Nanos spin_limit{};          ///< The longest spin before a release; 0: never spin.
  LogChannel* log = nullptr;   ///< May be null.
  WakeSource* wake = nullptr;  ///< Event nodes only.
};

/// The loop of one executor thread: wait for a release or an event, tick the group's nodes that are
/// due, repeat.
///
/// Thread safety: run() on the executor's own thread, wake() from any. Progress: between two ticks
/// it makes one system call, the timer wait. An event executor waits in its WakeSource.
class Executor {
 public:
  /// `period` is that of the group's plan; 0 for an event node, which needs `context.wake`.
  /// `hook` may be null.
  Executor(Nanos period, RateGroup& group, std::unique_ptr<GroupHook> hook,
           const ExecutorContext& context);

  /// The thread's whole life: hook, inits, gate, ticks, shutdowns. Returns when the run stops.
  void run() noexcept;
  /// RT-safe as far as the nodes are. Ticks at the releases from `epoch` on, until the run stops or
  /// every node was removed.
  void tick_periodically(TimePoint epoch) noexcept;
  /// Ticks an event node at each event, until the run stops or the node was removed.
  void tick_on_events() noexcept;

  WakeSource* wake() const noexcept { return context_.wake; }

 private:
  /// The start of a batch of ticks, after GroupHook::enter().
  struct Begin {
    TimePoint now{};
    Nanos gil_wait{};  ///< See GroupHook::enter().
  };
  /// Sleeps until `wake`; `now` is the present time. Returns the time after the sleep. Returns
  /// nothing when the run stops or ends, or when a request was followed: that may have changed the
  /// next release.
  std::optional<TimePoint> sleep_until(TimePoint wake, TimePoint now) noexcept;
  /// Sleeps and spins until `release`, and enters the hook. Returns nothing in the same cases as
  /// sleep_until(); the hook is then not entered.
  std::optional<Begin> wait_for_release(TimePoint release, TimePoint now) noexcept;
  Begin enter_hook(TimePoint release, TimePoint now) noexcept;
  /// Follows requests for safe state and changes of nodes. Returns whether there were any.
  bool follow_requests() noexcept;
  /// The rare part of follow_requests(), out of line.
  bool follow_what_is_due() noexcept;

  RateGroup& group_;
  std::unique_ptr<GroupHook> hook_;
  ExecutorContext context_;
  WakeLead lead_;
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "rt/clock.hpp"
#include "rt/log_queue.hpp"
#include "rt/node.hpp"
#include "rt/plan.hpp"
#include "rt/rate_group.hpp"
#include "rt/run_control.hpp"
#include "rt/wake_lead.hpp"

namespace horus {

/// Where executors wait for each other: no tick before all inits. Who opens or closes it first
/// decides.
///
/// Thread safety: arrive() by executors, the rest by the scheduler's threads. Not RT-safe: before
/// the first tick only.
class StartGate {
 public:
  /// An executor's inits are done; returns the epoch, once that is fixed, or nothing.
  std::optional<TimePoint> arrive() noexcept;

  void wait_for_arrivals(std::uint32_t executors) noexcept;
  void open(TimePoint epoch) noexcept;
  /// There will be no tick.
  void close() noexcept;

 private:
  static constexpr std::int64_t kUndecided = 0;
  static constexpr std::int64_t kClosed = -1;

  void decide(std::int64_t epoch_ns) noexcept;

  std::atomic<std::uint32_t> arrived_{0};
  std::atomic<std::int64_t> epoch_ns_{kUndecided};
};

/// What an executor needs of its scheduler; all of it outlives the executor.
struct ExecutorContext {
  Clock& clock;
  RunControl& control;
  StartGate& gate;
  Nanos spin_limit{};
  LogChannel* log = nullptr;   ///< May be null.
  WakeSource* wake = nullptr;  ///< Event nodes only.
};

/// The loop of one thread: waits for a release or an event, ticks its group, again.
///
/// Thread safety: run() on its own thread. Progress: between two ticks one system call, the timer
/// wait; an event executor waits as its source does.
class Executor {
 public:
  Executor(Nanos period, RateGroup& group, std::unique_ptr<GroupHook> hook,
           const ExecutorContext& context);

  /// All of a thread's life: hook, inits, gate, ticks, shutdowns.
  void run() noexcept;
  /// RT-safe. The ticks on the grid from `epoch` on, until the run stops.
  void tick_periodically(TimePoint epoch) noexcept;
  /// The ticks of an event node, until the run stops.
  void tick_on_events() noexcept;

  WakeSource* wake() const noexcept { return context_.wake; }

 private:
  /// A batch that may begin: the hook is entered.
  struct Begin {
    TimePoint now{};
    Nanos gil_wait{};  ///< See GroupHook::enter().
  };
  /// From `now` on. The time that it is then; nothing when the run stops meanwhile, or a request
  /// was followed.
  std::optional<TimePoint> sleep_until(TimePoint wake, TimePoint now) noexcept;
  /// The same; the hook is not entered then.
  std::optional<Begin> wait_for_release(TimePoint release, TimePoint now) noexcept;
  Begin enter_hook(TimePoint release, TimePoint now) noexcept;
  /// What was asked of the group from outside; true when something was.
  bool follow_requests() noexcept;
  bool follow_what_is_due() noexcept;

  RateGroup& group_;
  std::unique_ptr<GroupHook> hook_;
  ExecutorContext context_;
  WakeLead lead_;
};

}  // namespace horus

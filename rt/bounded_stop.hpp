// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include <horus/realtime.hpp>

#include "rt/clock.hpp"
#include "rt/rate_group.hpp"
#include "rt/rt_thread.hpp"
#include "rt/run_control.hpp"
#include "rt/run_guard.hpp"
#include "rt/stop_watch.hpp"
#include "rt/watchdog.hpp"

namespace horus {

/// Bounds the time of a stop (RT-10), as StopWatch decides: logs which callbacks the stop waits
/// for, interrupts them, shuts down the other nodes of blocked threads, and in the end gives up.
///
/// Thread safety: look() from the watchdog's thread, the rest from the scheduler's thread.
class BoundedStop {
 public:
  /// All references outlive this object; `guard` may be null. `timeout` 0: a stop may take for
  /// ever.
  BoundedStop(Clock& clock, RunControl& control, const Watchdog& watchdog, RunGuard* guard,
              Nanos timeout) noexcept
      : clock_{clock}, control_{control}, watchdog_{watchdog}, guard_{guard}, watch_{timeout} {}

  /// Watches the thread of `group`. Call it before the first look().
  void watch(RateGroup& group) { groups_.push_back({&group}); }
  /// One round. Call it several times a second while the run stops.
  void look() noexcept;
  /// Whether the shutdown of other nodes of blocked threads was begun. It is over when
  /// RunControl::kShutDown comes. Ask it once the executors have ended.
  bool shuts_down() const noexcept { return shuts_down_.load(); }
  /// Joins the thread of those shutdowns. Call it once the watchdog's thread has ended.
  void join() noexcept;

 private:
  void ask(bool hurried) noexcept;
  void ask_owner(bool hurried) noexcept;
  void shut_down_others() noexcept;
  std::optional<BlockedCall> first_blocked() const noexcept;
  void give_up() noexcept;

  Clock& clock_;
  RunControl& control_;
  const Watchdog& watchdog_;
  RunGuard* guard_;
  StopWatch watch_;
  struct Watched {
    RateGroup* group = nullptr;
    std::optional<std::int64_t> asked_ns = {};  ///< Start of the callback that was reported last.
    bool waited = false;                        ///< At the last look the thread ran no callback.
  };
  std::vector<Watched> groups_;
  bool asking_ = false;       ///< The step kAsk has come.
  bool owner_asked_ = false;  ///< The present RunGuard::own_call() was reported.
  std::atomic<bool> shuts_down_{false};
  std::atomic<const NodeRunner*> calls_{nullptr};  ///< The node whose shutdown() `thread_` runs.
  std::optional<RtThread> thread_;
};

}  // namespace horus

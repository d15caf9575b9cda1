// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "rt/clock.hpp"
#include "rt/rate_group.hpp"
#include "rt/rt_thread.hpp"
#include "rt/run_control.hpp"
#include "rt/run_guard.hpp"
#include "rt/stop_watch.hpp"
#include "rt/watchdog.hpp"

namespace horus {

/// Carries out what StopWatch says: a stop says whom it waits for, and ends without it.
///
/// Thread safety: look() from the watchdog's thread, the rest from the scheduler's.
class BoundedStop {
 public:
  /// All references outlive it; `guard` may be null. `timeout` 0: a stop may take for ever.
  BoundedStop(Clock& clock, RunControl& control, const Watchdog& watchdog, RunGuard* guard,
              Nanos timeout) noexcept
      : clock_{clock}, control_{control}, watchdog_{watchdog}, guard_{guard}, watch_{timeout} {}

  /// Before the first look.
  void watch(RateGroup& group) { groups_.push_back({&group}); }
  /// While the run stops, a few times a second.
  void look() noexcept;
  /// Whether nodes of blocked threads are shut down, until RunControl::kShutDown comes. Once the
  /// executors have ended.
  bool shuts_down() const noexcept { return shuts_down_.load(); }
  /// Once the watchdog's thread has ended.
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
    std::optional<std::int64_t> asked_ns = {};  ///< When the callback began that was asked for.
    bool waited = false;                        ///< At the last look, for its turn.
  };
  std::vector<Watched> groups_;
  bool asking_ = false;
  bool owner_asked_ = false;  ///< For the call that its own thread is in.
  std::atomic<bool> shuts_down_{false};
  std::atomic<const NodeRunner*> calls_{nullptr};  ///< Whose shutdown() the thread is in.
  std::optional<RtThread> thread_;
};

}  // namespace horus

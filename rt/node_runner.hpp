// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "rt/base/black_box.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/failure_policy.hpp"
#include "rt/ladder.hpp"
#include "rt/late_recorder.hpp"
#include "rt/log_queue.hpp"
#include "rt/node.hpp"
#include "rt/node_config.hpp"
#include "rt/run_control.hpp"

namespace horus {

/// Says "this happened" at most once a second, with how often it was left out since.
class LogLimit {
 public:
  /// Nothing to say now; otherwise how many were left out before this one.
  std::optional<std::uint64_t> admit(TimePoint now) noexcept;

 private:
  std::optional<TimePoint> last_;
  std::uint64_t suppressed_ = 0;
};

/// What a runner needs of its scheduler.
struct RunnerContext {
  Clock& clock;
  RunControl& control;
  GroupHook* hook = nullptr;     ///< Of its thread; may be null.
  int max_deadline_misses = 0;   ///< In a row; then safe state for all. 0: no limit.
  bool may_arm_at_start = true;  ///< See NodeConfig::arm_at_start.
  LogChannel* log = nullptr;     ///< The one that the node's thread logs through. May be null.
  LateRecorder::Context late{};
  std::int32_t index = -1;  ///< Of the node in its host.
  BlackBox* box = nullptr;  ///< Null: no events are kept.
};

/// Runs one node: measures, ticks, judges, counts, and applies the policies. The one place where
/// a node's exceptions end. Rest and arming: node_safety.cpp.
///
/// Thread safety: as said, the rest on the node's own thread.
class NodeRunner {
 public:
  /// `node`, `stats` and what `context` refers to outlive the runner. Fills the fixed part of
  /// `stats`.
  NodeRunner(Node& node, const NodeConfig& config, NodeStats& stats, const RunnerContext& context);
  NodeRunner(const NodeRunner&) = delete;
  NodeRunner& operator=(const NodeRunner&) = delete;

  /// False when the node's init() threw; the run is then stopped.
  bool init() noexcept;
  /// RT-safe as far as the node is. One release, at `now`: a tick, or a skip where a policy says
  /// so. Returns the clock's time, so that nobody reads it twice: when the tick ended, or `now`.
  TimePoint run(TimePoint release, TimePoint now, const Predecessors& before) noexcept;
  TimePoint run(TimePoint release, TimePoint now) noexcept {
    return run(release, now, {.begun = now});
  }
  /// RT-safe. Brings what run() touches into the cache.
  void prefetch() const noexcept {
    __builtin_prefetch(this);
    __builtin_prefetch(&tick_, 1);
    __builtin_prefetch(&late_, 1);
    __builtin_prefetch(&node_);
    __builtin_prefetch(&stats_.ticks, 1);
    __builtin_prefetch(&stats_.last_execution_ns, 1);
    stats_.lateness.prefetch();
    stats_.execution.prefetch();
    stats_.response.prefetch();
  }
  /// RT-safe. Nothing is to be seen to before the next tick.
  bool undisturbed() const noexcept {
    // relaxed: see has().
    return due_.load(std::memory_order_relaxed) == 0 && follows_safe_state();
  }
  /// RT-safe as far as the node is. What run() does where all is undisturbed().
  TimePoint tick(TimePoint release, TimePoint start, const Predecessors& before) noexcept;
  /// Whether run() would begin with an init(), after a failure.
  bool restart_due(TimePoint release) const noexcept {
    return has(kRestarts) && !isolated() && release >= resume_at_ && !has(kSkips);
  }
  /// That init(), apart, so that it is told from a tick. False when it failed: no run() then.
  bool restart() noexcept;
  /// RT-safe. `count` releases before the next run() were given up.
  /// False where the next one tells nothing of them.
  bool skip(std::uint64_t count) noexcept;
  /// RT-safe. How long the thread waited for the GIL before this batch.
  void record_gil_wait(Nanos wait) noexcept;
  /// Calls the node's shutdown() if its init() had succeeded, and nobody has called it since.
  void shutdown() noexcept;
  /// The same from another thread, where the node's own is blocked in another node. bar() first.
  void shut_down_for() noexcept;
  /// The node ticks no more, whenever its thread comes back. From any thread.
  void bar() noexcept { raise(kIsolated); }

  /// RT-safe. Whether safe state was asked for that this node has not followed.
  bool safe_state_due() const noexcept { return !follows_safe_state() && !gone(); }
  /// RT-safe as far as the node is. Calls enter_safe_state() or leave_safe_state(), as is due. From
  /// any thread.
  void follow_safe_state() noexcept;
  /// The same on its own thread, whose log then names the node.
  void follow_safe_state_itself() noexcept;
  /// The same for a thread that hangs: should it come back meanwhile, it does not tick the node.
  void follow_safe_state_for() noexcept;

  /// Lets an actuator act, or forbids it; no other node has to be let. From any thread. arm() fails
  /// where it is not ready or at rest, or an input of its own is stale, and says so.
  Status arm() noexcept;
  /// kBusy for a critical node that is not ready, hangs, is isolated, or rests after failures:
  /// nobody is armed then.
  Status serves() const noexcept;
  /// From the watchdog: its callback has lasted for too long, or is over.
  void note_hang(bool hangs) noexcept { hangs_.store(hangs); }
  /// kBusy where the node is the reason for a stop yet: it does not serve, or an input is stale
  /// whose fallback is a stop.
  Status may_be_released() const noexcept;
  void disarm() noexcept;
  /// Around a release: the node is at rest, whether it has followed or not; and it is not any more.
  void hold_at_rest() noexcept { stats_.safety.step(SafetyEvent::kStop); }
  void let_go() noexcept;

  /// From the next release on. From any thread, as are the next two.
  void set_budget(Nanos execution) noexcept;
  /// Its thread follows between two ticks, by follow_change(). From any thread, as is the next.
  void set_timing(Nanos period, const Budget& budget) noexcept;
  void remove() noexcept {
    // relaxed: the flag orders it.
    leaves_.store(true, std::memory_order_relaxed);
    raise(kChanged, std::memory_order_release);
  }
  /// RT-safe. Whether follow_change() has something to look at.
  bool change_due() const noexcept { return has(kChanged); }
  /// Takes over the wanted period, or shuts down a node that leaves.
  void follow_change() noexcept;
  /// It was removed: it has shut down, and ticks no more.
  bool gone() const noexcept {
    // relaxed: a flag on its own.
    return gone_.load(std::memory_order_relaxed);
  }

  /// RT-safe. Its own grid: the next release; never: it is gone.
  void begin_grid(TimePoint first) noexcept { next_ = first; }
  TimePoint next() const noexcept { return next_; }
  /// RT-safe. The release that a batch at `now` serves, those before it are given up; never: there
  /// is none. No release at or after `end` is ticked.
  TimePoint take_release(TimePoint now, TimePoint end) noexcept {
    const TimePoint due = next_;
    released_ = due <= now;
    if (!released_) return RunControl::kNever;
    if (now - due >= tick_.period || due >= end) [[unlikely]]
      return take_late_release(now, end);
    next_ = due + tick_.period;
    return due;
  }
  /// RT-safe. Whether the latest take_release() gave one.
  bool released() const noexcept { return released_; }

  /// Never ticks again. From any thread.
  void isolate() noexcept;
  bool isolated() const noexcept { return has(kIsolated); }
  /// Whether a debugger holds its thread.
  bool debugged() const noexcept { return hook_ != nullptr && hook_->debugged(); }
  /// See GroupHook.
  bool awaits() const noexcept { return hook_ != nullptr && hook_->awaits(); }
  /// Not before this instant will run() do anything.
  TimePoint resumes_at() const noexcept { return resume_at_; }

  TimePoint now() const noexcept { return clock_.now(); }
  /// Whom its lines of log name.
  const LogSource& source() const noexcept { return source_; }
  const NodeConfig& config() const noexcept { return config_; }
  std::int32_t index() const noexcept { return index_; }
  NodeStats& stats() noexcept { return stats_; }
  LateRecorder& late() noexcept { return late_; }
  const NodeStats& stats() const noexcept { return stats_; }
  Node& node() noexcept { return node_; }

 private:
  /// Calls the node: what it throws is kept, or told to `tell`, and a child that it forks does not
  /// come back.
  template <typename Call>
  bool guarded(const char* callback, Call call) noexcept;
  template <typename Call, typename Tell>
  bool guarded(const char* callback, Call call, Tell tell) noexcept;
  void enter_safe_state() noexcept;
  void leave_safe_state() noexcept;
  void follow_rest(std::uint32_t from, Safety::View to) noexcept;
  void make_safe() noexcept;
  void rest_by_itself() noexcept;
  void leave_own_rest(TimePoint& now) noexcept;
  void become_ready() noexcept;
  void keep_error(const Thrown& thrown) noexcept;
  void log_as(const LogSource* source) noexcept { *log_source_ = source; }
  bool follows_safe_state() const noexcept {
    // relaxed: a number on its own.
    return safe_episode_.load(std::memory_order_relaxed) == control_.safety().episode();
  }
  /// What is to be seen to before the next tick, so that a tick looks at one word.
  enum Due : std::uint32_t {
    kIsolated = 1,     // It ticks no more.
    kRests = 2,        // Until resume_at_.
    kSkips = 4,        // The next release is given up.
    kRestarts = 8,     // By an init().
    kRebudgeted = 16,  // The wanted budget has changed.
    kChanged = 32,     // The wanted period has changed, or it leaves.
    kReleased = 64,    // From a rest of its own.
    kRescued = 128     // Another thread calls its safe state.
  };
  // relaxed: flags on their own, but for the budget's.
  bool has(Due due) const noexcept { return (due_.load(std::memory_order_relaxed) & due) != 0; }
  void raise(std::uint32_t due, std::memory_order order = std::memory_order_relaxed) noexcept {
    due_.fetch_or(due, order);
  }
  bool lower(Due due, std::memory_order order = std::memory_order_relaxed) noexcept {
    return (due_.fetch_and(~std::uint32_t{due}, order) & due) != 0;
  }
  /// Half the rate while the ladder has it so.
  Nanos wanted_period() const noexcept {
    // relaxed: a number on its own.
    return Nanos{wanted_period_ns_.load(std::memory_order_relaxed)} * slowness_;
  }
  void take_budget() noexcept;
  TimePoint take_late_release(TimePoint now, TimePoint end) noexcept;
  bool may_tick(TimePoint release, TimePoint& now) noexcept;
  bool init_again() noexcept;
  void call_tick();
  void take_loss(TickTiming& timing) noexcept;
  void count(const TickTiming& timing) noexcept;
  void count(const Verdict& verdict) noexcept;
  TimePoint look_back(TickTiming timing, const Predecessors& before) noexcept;
  /// A tick that was late or failed, and what is kept of it.
  struct Bad {
    Verdict verdict{};
    bool succeeded = true;
    const LateTick* kept = nullptr;
    const NodeRunner* before = nullptr;
  };
  TimePoint follow(const TickTiming& timing, const Bad& bad) noexcept;
  /// What was more than allowed; `what` has a place for each of the numbers.
  struct Excess {
    const char* what;
    std::array<long long, 2> numbers;
  };
  void say_skipped(const TickTiming& timing, std::uint64_t count, const Bad& bad) noexcept;
  void say_late(LogLimit& limit, TimePoint now, const Excess& excess, const Bad& bad) noexcept;
  void count_loss(const TickLoss& loss) noexcept;
  void count_skipped_responses(const TickTiming& timing) noexcept;
  void follow_ladder(const TickTiming& timing, const Bad& bad) noexcept;
  void climb(const TickTiming& timing, const Bad& bad) noexcept;
  void recover(Rung left, TimePoint now) noexcept;
  void set_slowness(int slowness) noexcept;
  void say_rung(const char* what, const Bad& bad) noexcept;
  void follow_stale_stop() noexcept;
  void follow_miss(const TickTiming& timing, const Bad& bad) noexcept;
  void follow_failure(TimePoint now) noexcept;
  void say_failure(TimePoint now, FailureAction action) noexcept;
  void set_state(NodeState state) noexcept;
  /// Of this node, in the tick that runs or comes next. Nothing where no events are kept.
  void keep(EventKind kind, std::string_view text,
            const std::array<std::int64_t, 3>& numbers = {}) noexcept;
  void keep_late(const TickTiming& timing, const Bad& bad) noexcept;
  void keep_failure(TimePoint now) noexcept;
  void tell_lost(const char* what) noexcept;
  Status are_fresh(const char* what, bool stops) const noexcept;
  Status refuse_at_rest() const noexcept;

  // What every tick reads comes first, on as few cache lines as it takes.
  Node& node_;
  NodeStats& stats_;
  Clock& clock_;
  RunControl& control_;
  const LogSource** const log_source_;
  GroupHook* const hook_;
  std::atomic<std::uint32_t> due_{0};  // Of Due; but for kRescued its own thread lowers it.
  std::atomic<std::uint32_t> safe_episode_{0};  // Of the control's, the one it has followed.
  LogSource source_;                            // Its tick is the number of the next one.
  Tick tick_;                                   // The latest; its period and budget hold on.
  bool looks_back_ = true;                      // Something is to be set right after the tick.
  bool failed_ = false;                         // The tick, by an exception.
  bool released_ = false;
  TimePoint next_{};
  LateRecorder late_;
  // The rest is for what is rare.
  const LogSource* unheard_ = nullptr;  // Where there is no channel.
  std::atomic<std::int64_t> wanted_budget_ns_;
  std::atomic<std::int64_t> wanted_deadline_ns_;
  std::atomic<std::int64_t> wanted_period_ns_;
  TimePoint resume_at_{};
  std::uint64_t owed_responses_ = 0;  // Skips whose response the next tick will tell.
  std::uint64_t given_up_ = 0;        // Of those, what no policy asked for.
  std::atomic<bool> leaves_{false};
  std::atomic<bool> gone_{false};
  std::atomic<bool> initialised_{false};      // Whoever resets it calls shutdown().
  std::atomic<bool> rests_by_itself_{false};  // Not with its run, and nobody has released it.
  std::atomic<bool> hangs_{false};
  bool in_miss_episode_ = false;
  int slowness_ = 1;  // By how much the period is longer than wanted.
  const LadderPlan ladder_plan_;
  LadderState ladder_{};
  std::uint64_t stops_followed_ = 0;  // Of NodeStats::stops_asked.
  FailureRecord failures_{};
  TickLoss loss_{};  // Of the latest tick.
  const int max_deadline_misses_;
  const bool may_arm_at_start_;
  const NodeConfig config_;
  const std::int32_t index_;
  LogLimit miss_log_;
  LogLimit overrun_log_;
  LogLimit skip_log_;
  LogLimit failure_log_;
  Name<384> error_{};
  Name<64> error_type_{};
  BlackBox* const box_;
  EventLimit late_events_;
  EventLimit error_events_;
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <horus/node.hpp>

#include "rt/base/black_box.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/failure_policy.hpp"
#include "rt/group_hook.hpp"
#include "rt/ladder.hpp"
#include "rt/late_recorder.hpp"
#include "rt/log_queue.hpp"
#include "rt/run_control.hpp"

namespace horus {

/// Limits one kind of log line to one a second, and counts the lines that were left out.
class LogLimit {
 public:
  /// Whether a line at `now` may be logged. Nothing: it is to be left out. Otherwise the number of
  /// lines that were left out since the last one.
  std::optional<std::uint64_t> admit(TimePoint now) noexcept;

 private:
  std::optional<TimePoint> last_;
  std::uint64_t suppressed_ = 0;
};

/// What a runner needs of its scheduler. All of it outlives the runner.
struct RunnerContext {
  Clock& clock;
  RunControl& control;
  GroupHook* hook = nullptr;     ///< The hook of the node's thread; may be null.
  int max_deadline_misses = 0;   ///< See SchedulerOptions::max_deadline_misses.
  bool may_arm_at_start = true;  ///< False after a crash: NodeConfig::arm_at_start is ignored.
  LogChannel* log = nullptr;     ///< The channel of the node's thread. May be null.
  LateRecorder::Context late{};  ///< Where late ticks are recorded.
  std::int32_t index = -1;       ///< The node's index in its host.
  BlackBox* box = nullptr;       ///< Where events are kept; null: nowhere.
};

/// Runs one node: measures, ticks, judges, counts, and applies the policies. A node's exceptions
/// end here (RT-5). The parts: node_runner.cpp runs and counts, node_ladder.cpp follows repeated
/// misses, node_safety.cpp rest and arming, node_events.cpp writes to the black box.
///
/// Thread safety: all calls on the node's own thread, unless they say otherwise. Its own thread is
/// the executor that ticks the node.
class alignas(64) NodeRunner {
 public:
  /// `node`, `stats` and what `context` refers to outlive the runner. Sets the fields of `stats`
  /// that come from `config`, and resets the state of this life.
  NodeRunner(Node& node, const NodeConfig& config, NodeStats& stats, const RunnerContext& context);
  NodeRunner(const NodeRunner&) = delete;
  NodeRunner& operator=(const NodeRunner&) = delete;

  /// Calls the node's init(). Returns false when it threw; the run is then stopped.
  bool init() noexcept;
  /// RT-safe as far as the node is. Serves one release at the time `now`: a tick, or a skip if a
  /// policy says so. Returns the time when the tick, and what followed from it, ended; for a skip
  /// `now`. The caller need not read the clock again.
  TimePoint run(TimePoint release, TimePoint now, const Predecessors& before) noexcept;
  TimePoint run(TimePoint release, TimePoint now) noexcept {
    return run(release, now, {.begun = now});
  }
  /// RT-safe. Fetches into the cache what run() touches. From any thread.
  // always_inline: gcc takes a function that only prefetches for one without effect, and leaves
  // out its calls.
  [[gnu::always_inline]] void prefetch() const noexcept {
    __builtin_prefetch(this);
    __builtin_prefetch(&source_, 1);
    __builtin_prefetch(&tick_, 1);
    __builtin_prefetch(&late_, 1);
    // A node's own state begins on these.
    __builtin_prefetch(&node_);
    __builtin_prefetch(reinterpret_cast<const std::byte*>(&node_) + 64);
    __builtin_prefetch(&stats_, 1);
    stats_.lateness.prefetch();
    stats_.execution.prefetch();
    stats_.response.prefetch();
  }
  /// RT-safe. Likewise, where in the histograms the next tick will count if it is as the latest.
  /// Waits for what prefetch() fetches.
  [[gnu::always_inline]] void prefetch_buckets() const noexcept {
    const Nanos lateness = tick_.start - tick_.release;
    const Nanos execution{stats_.last_execution_ns.value()};
    stats_.lateness.prefetch(lateness);
    stats_.execution.prefetch(execution);
    stats_.response.prefetch(lateness + execution);
  }
  /// RT-safe. Whether nothing has to be done before the next tick: tick() may be called directly.
  bool undisturbed() const noexcept {
    // relaxed: see has().
    return due_.load(std::memory_order_relaxed) == 0 && follows_safe_state();
  }
  /// RT-safe as far as the node is. Ticks the node, measures and counts. Call it only while the
  /// node is undisturbed(). Returns the time when the tick, and what followed from it, ended.
  TimePoint tick(TimePoint release, TimePoint start, const Predecessors& before) noexcept;
  /// Whether run() for `release` would begin with an init(), because the failure policy restarts
  /// the node.
  bool restart_due(TimePoint release) const noexcept {
    return has(kRestarts) && !isolated() && release >= resume_at_ && !has(kSkips);
  }
  /// Does that init() apart from run(), so that the watchdog does not take it for a tick. Returns
  /// false when it failed: do not call run() for this release then.
  bool restart() noexcept;
  /// RT-safe. Counts `count` releases as given up before the next run(). Returns false when the
  /// next tick must not report them: the node is isolated, or waits for its restart.
  bool skip(std::uint64_t count) noexcept;
  /// RT-safe. Records how long the thread waited for the GIL before this batch.
  void record_gil_wait(Nanos wait) noexcept;
  /// Calls the node's shutdown(), unless its init() failed or its shutdown() was called already.
  void shutdown() noexcept;
  /// As shutdown(), for another thread to call while the node's own is blocked in another node.
  /// Call bar() first.
  void shut_down_for() noexcept;
  /// The node never ticks again, even if its thread comes back. From any thread.
  void bar() noexcept { raise(kIsolated); }

  /// RT-safe. Whether the run came to rest, or was released, and the node has not followed yet.
  /// From any thread.
  bool safe_state_due() const noexcept { return !follows_safe_state() && !gone(); }
  /// RT-safe as far as the node is. Calls enter_safe_state() or leave_safe_state(), as is due. From
  /// any thread; two threads never make the same call twice.
  void follow_safe_state() noexcept;
  /// As follow_safe_state(), on the node's own thread: log lines then name the node.
  void follow_safe_state_itself() noexcept;
  /// As follow_safe_state(), for another thread to call while the node's own hangs. If that comes
  /// back meanwhile, it does not tick the node until this call has returned.
  void follow_safe_state_for() noexcept;

  /// Allows an actuator to act. Succeeds without effect for any other node. From any thread.
  /// \errors kBusy: the node is not ready, is at rest, does not tick any more, or one of its inputs
  /// is stale.
  Status arm() noexcept;
  /// Whether a critical node does its work. Other nodes always pass. From any thread.
  /// \errors kBusy: it is not ready, hangs, is isolated, rests after failures or waits for its
  /// restart.
  Status serves() const noexcept;
  /// Tells whether a callback of the node hangs. Called from the watchdog's thread.
  void note_hang(bool hangs) noexcept { hangs_.store(hangs); }
  /// Whether nothing about this node speaks against a release of the run (RT-15). From any thread.
  /// \errors kBusy: see serves(); or an input whose fallback is a stop is stale.
  Status may_be_released() const noexcept;
  /// Forbids an actuator to act. No effect on other nodes. From any thread.
  void disarm() noexcept;
  /// Before a release of the run: sets the node's state to rest, even if it has not followed the
  /// rest yet. Otherwise end_rest() would leave such a node armed. From any thread.
  void hold_at_rest() noexcept { stats_.safety.step(SafetyEvent::kStop); }
  /// After a release of the run: the state leaves rest. An actuator is then disarmed, any other
  /// node armed. From any thread. The node's leave_safe_state() is called later, by
  /// follow_safe_state().
  void end_rest() noexcept;

  /// Changes the execution budget from the next release on. From any thread.
  void set_budget(Nanos execution) noexcept;
  /// Changes period and limits. The node's thread follows between two ticks, see follow_change().
  /// From any thread.
  void set_timing(Nanos period, const Budget& budget) noexcept;
  /// The node is to be removed. Its thread follows between two ticks, see follow_change(). From any
  /// thread.
  void remove() noexcept {
    // relaxed: the release below publishes it.
    leaves_.store(true, std::memory_order_relaxed);
    raise(kChanged, std::memory_order_release);
  }
  /// RT-safe. Whether follow_change() has something to look at.
  bool change_due() const noexcept { return has(kChanged); }
  /// Takes over the wanted period; or shuts down a node that is to be removed.
  void follow_change() noexcept;
  /// Whether the node was removed: it has shut down, and never ticks again. From any thread.
  bool gone() const noexcept {
    // relaxed: a flag on its own.
    return gone_.load(std::memory_order_relaxed);
  }

  /// RT-safe. The node's first release is `first`.
  void begin_grid(TimePoint first) noexcept { next_ = first; }
  /// RT-safe. The node's next release; RunControl::kNever after it was removed.
  TimePoint next() const noexcept { return next_; }
  /// RT-safe. Takes the release that a batch at `now` serves, and gives up the ones before it.
  /// Returns kNever when no release has come by `now`, or only ones at or after `end`.
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

  /// The node never ticks again; the outputs of an actuator are shut. From any thread.
  void isolate() noexcept;
  /// Whether isolate() or bar() was called. From any thread.
  bool isolated() const noexcept { return has(kIsolated); }
  /// See GroupHook::debugged(). From any thread.
  bool debugged() const noexcept { return hook_ != nullptr && hook_->debugged(); }
  /// See GroupHook::awaits(). From any thread.
  bool awaits() const noexcept { return hook_ != nullptr && hook_->awaits(); }
  /// Until this instant run() skips, because the failure policy has the node pause.
  TimePoint resumes_at() const noexcept { return resume_at_; }

  TimePoint now() const noexcept { return clock_.now(); }
  /// The node and tick that its log lines name.
  const LogSource& source() const noexcept { return source_; }
  const NodeConfig& config() const noexcept { return config_; }
  std::int32_t index() const noexcept { return index_; }
  NodeStats& stats() noexcept { return stats_; }
  LateRecorder& late() noexcept { return late_; }
  const NodeStats& stats() const noexcept { return stats_; }
  Node& node() noexcept { return node_; }

 private:
  /// Runs `call`, which calls the node. An exception is given to `tell`, or else to keep_error(). A
  /// child that the node has forked ends here. Returns false when an exception was thrown.
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
  /// Reasons why a tick cannot simply run. All are flags in one word, due_, so that an undisturbed
  /// tick makes a single check.
  enum Due : std::uint32_t {
    kIsolated = 1,     // The node never ticks again.
    kRests = 2,        // The node does not tick before resume_at_.
    kSkips = 4,        // The next release is given up, by the miss policy.
    kRestarts = 8,     // The next tick begins with an init(), by the failure policy.
    kRebudgeted = 16,  // The wanted budget has changed.
    kChanged = 32,     // The wanted period has changed, or the node is to be removed.
    kReleased = 64,    // The node's own rest, see rests_by_itself_, was released.
    kRescued = 128     // Another thread is calling the node's safe state.
  };
  // relaxed by default: most flags publish nothing. Callers that publish data pass another order.
  bool has(Due due) const noexcept { return (due_.load(std::memory_order_relaxed) & due) != 0; }
  void raise(std::uint32_t due, std::memory_order order = std::memory_order_relaxed) noexcept {
    due_.fetch_or(due, order);
  }
  bool lower(Due due, std::memory_order order = std::memory_order_relaxed) noexcept {
    return (due_.fetch_and(~std::uint32_t{due}, order) & due) != 0;
  }
  /// The period that was asked for, doubled while the ladder halves the rate.
  Nanos wanted_period() const noexcept {
    // relaxed: a number on its own.
    return Nanos{wanted_period_ns_.load(std::memory_order_relaxed)} * slowness_;
  }
  void take_budget() noexcept;
  TimePoint take_late_release(TimePoint now, TimePoint end) noexcept;
  bool may_tick(TimePoint release, TimePoint& now) noexcept;
  bool init_again() noexcept;
  void call_tick();
  std::pair<Nanos, Nanos> take_loss(Nanos took) noexcept;
  void count(const TickTiming& timing) noexcept;
  void count(const Verdict& verdict) noexcept;
  TimePoint look_back(TickTiming timing, const Predecessors& before) noexcept;
  /// The findings about a tick that was late or failed.
  struct Bad {
    Verdict verdict{};
    bool succeeded = true;               // It threw no exception.
    const LateTick* kept = nullptr;      // Its record; null: none was made.
    const NodeRunner* before = nullptr;  // The node before it that is to blame; null: none.
  };
  /// Logs, keeps and applies the policies. Returns the time afterwards.
  TimePoint follow(const TickTiming& timing, const Bad& bad) noexcept;
  /// A limit that was exceeded, for a log line.
  struct Excess {
    const char* what;                  // A format with a place for each of the numbers.
    std::array<long long, 2> numbers;  // The measured value and the limit.
  };
  // These two log a line if LogLimit admits it.
  void say_skipped(const TickTiming& timing, std::uint64_t count, const Bad& bad) noexcept;
  void say_late(LogLimit& limit, TimePoint now, const Excess& excess, const Bad& bad) noexcept;
  void count_loss(const TickLoss& loss) noexcept;
  void count_skipped_responses(const TickTiming& timing) noexcept;
  /// Moves the node on its ladder after a tick: see after_tick().
  void follow_ladder(const TickTiming& timing, const Bad& bad) noexcept;
  /// Does what the rung just reached asks for.
  void climb(const TickTiming& timing, const Bad& bad) noexcept;
  /// Undoes what the rungs up to `left` have done. The node's own rest holds until a release.
  void recover(Rung left, TimePoint now) noexcept;
  void set_slowness(int slowness) noexcept;
  void say_rung(const char* what, const Bad& bad) noexcept;
  void follow_stale_stop() noexcept;
  /// Logs a miss, and applies max_deadline_misses and the miss policy.
  void apply_miss_policy(const TickTiming& timing, const Bad& bad) noexcept;
  /// Counts a failure of tick() or of a restart's init(), and applies the failure policy.
  void apply_failure_policy(TimePoint now) noexcept;
  void log_failure(TimePoint now, FailureAction action) noexcept;
  void set_state(NodeState state) noexcept;
  /// Writes an event of this node, in the tick that runs or comes next, to the black box. Does
  /// nothing without a box.
  void keep(EventKind kind, std::string_view text,
            const std::array<std::int64_t, 3>& numbers = {}) noexcept;
  void keep_late(const TickTiming& timing, const Bad& bad) noexcept;
  void keep_failure(TimePoint now) noexcept;
  void tell_lost(const char* what) noexcept;
  Status are_fresh(const char* what, bool stops) const noexcept;
  Status refuse_at_rest() const noexcept;

  // What every tick touches comes first, on four cache lines. The first:
  Node& node_;
  NodeStats& stats_;
  Clock& clock_;
  RunControl& control_;
  const LogSource** const log_source_;
  GroupHook* const hook_;
  // Flags of Due. Any thread raises them; only the node's own lowers them, except kRescued.
  std::atomic<std::uint32_t> due_{0};
  std::atomic<std::uint32_t> safe_episode_{0};  // The latest episode of Safety it has followed.
  TimePoint next_{};                            // See next().
  // The second:
  LogSource source_;                  // Its tick is the number of the next tick.
  bool looks_back_ = true;            // The next tick must be followed by look_back().
  bool failed_ = false;               // The running tick threw an exception.
  bool released_ = false;             // See released().
  std::uint64_t stops_followed_ = 0;  // The value of NodeStats::stops_asked that was followed.
  // The third and the fourth:
  alignas(64) Tick tick_;  // The latest tick; period and budget stay in force for the next.
  LateRecorder late_;
  // What follows is needed rarely.
  const LogSource* unheard_ = nullptr;  // What log_source_ points to when there is no channel.
  std::atomic<std::int64_t> wanted_budget_ns_;
  std::atomic<std::int64_t> wanted_deadline_ns_;
  std::atomic<std::int64_t> wanted_period_ns_;
  TimePoint resume_at_{};                     // See resumes_at().
  std::uint64_t untold_responses_ = 0;        // Skips to record in skipped_response at next tick.
  std::uint64_t given_up_ = 0;                // Those of them skipped because the thread was late.
  std::atomic<bool> leaves_{false};           // remove() was called.
  std::atomic<bool> gone_{false};             // See gone().
  std::atomic<bool> initialised_{false};      // The thread that resets it calls shutdown().
  std::atomic<bool> rests_by_itself_{false};  // At rest for its own fault, and not released yet.
  std::atomic<bool> hangs_{false};            // See note_hang().
  bool in_miss_episode_ = false;              // The latest tick missed its deadline.
  int slowness_ = 1;                          // Factor on the wanted period; 2: half the rate.
  const LadderPlan ladder_plan_;
  LadderState ladder_{};
  FailureRecord failures_{};
  TickLoss loss_{};                              // What a tick lost,
  std::uint64_t loss_tick_ = ~std::uint64_t{0};  // and which one: the latest that lost anything.
  const int max_deadline_misses_;
  const bool may_arm_at_start_;
  const NodeConfig config_;
  const std::int32_t index_;
  LogLimit miss_log_;
  LogLimit overrun_log_;
  LogLimit skip_log_;
  LogLimit failure_log_;
  Name<384> error_{};      // Message of the latest exception.
  Name<64> error_type_{};  // Type of the latest exception.
  BlackBox* const box_;
  EventLimit late_events_;
  EventLimit error_events_;
};

}  // namespace horus

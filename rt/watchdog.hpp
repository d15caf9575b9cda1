// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "rt/base/black_box.hpp"
#include "rt/base/outputs.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/group_hook.hpp"
#include "rt/rate_group.hpp"
#include "rt/rescue.hpp"
#include "rt/rt_thread.hpp"
#include "rt/run_control.hpp"
#include "rt/run_guard.hpp"
#include "rt/thread_usage.hpp"

namespace horus {

/// How far an executor's silence has gone (RT-8).
enum class Silence : std::uint8_t {
  kMoves,      ///< Not silent for its limit.
  kWarned,     ///< Silent for its limit: a warning is logged.
  kUnhealthy,  ///< Silent for twice its limit: an error is logged.
  kHung,       ///< Silent for three times its limit: isolation and safe state for all.
};

/// The verdict on a silence of this length. `limit` 0: there is no limit.
[[nodiscard]] constexpr Silence judge_silence(Nanos silent, Nanos limit) noexcept {
  if (silent < limit || limit <= Nanos{}) return Silence::kMoves;
  if (silent < 2 * limit) return Silence::kWarned;
  return silent < 3 * limit ? Silence::kUnhealthy : Silence::kHung;
}

/// The silence of a node that leads to a warning; 0: it has no limit. It is the limit of its
/// configuration, if given; else `fallback`, if above 0; else ten periods, but at least 1 s, or
/// 30 s for compute nodes. Event nodes have that least value.
[[nodiscard]] Nanos silence_limit(const NodeConfig& config, Nanos fallback) noexcept;

/// How a watchdog judges silence, and whom it tells.
struct WatchdogOptions {
  Nanos fallback{};    ///< See silence_limit().
  Nanos first_tick{};  ///< A node's first tick may be silent for at least this long. 0: no more.
  /// How long after its limit a node counts as lost and RunGuard::hung() is called. Nothing: 10 s,
  /// and never for compute nodes.
  std::optional<Nanos> hang_timeout{};
  /// False: nodes whose limit is only the default are not isolated, because a default is a guess.
  /// That is always so for compute nodes.
  bool isolates_by_default = true;
  RunGuard* guard = nullptr;   ///< May be null.
  Outputs* outputs = nullptr;  ///< Told which nodes are isolated. May be null.
  CpuShare (*cpu_share)(std::int32_t tid) noexcept = read_cpu_share;  ///< Replaced by tests.
};

/// Checks that every executor shows signs of life, and acts when one does not (RT-8, RT-9). It
/// brings the nodes of a hung thread to rest from spare threads, because their callbacks may block
/// as well. The node that hangs is not called beside its own tick, unless its safe_state_async
/// allows it (RT-14). Time in which a thread was ready to run but had no CPU does not count as
/// silence, until the thread has run for half of its limit.
///
/// Thread safety: alive(), resting(), await_rest(), expirations(), interval(), update() and
/// take_usage_base() from any thread. start(), watch() and write_to() before the first look(). The
/// rest from one thread that is no executor.
class Watchdog {
 public:
  /// All references outlive the watchdog.
  Watchdog(Clock& clock, RunControl& control, const WatchdogOptions& options);

  /// Starts the spare threads that bring the nodes of hung threads to rest, on `cpus`.
  /// \errors those of RtThread::start().
  Status start(const CpuSet& cpus) { return rescue_.start(cpus); }
  /// Watches the thread of `group`. `hook` is the group's; it may be null.
  void watch(RateGroup& group, GroupHook* hook = nullptr);
  /// Where hangs are kept as events; null: nowhere.
  void write_to(BlackBox* box) noexcept { box_ = box; }
  /// One round: judges every thread, acts, and logs. Call it every interval().
  void look() noexcept;
  /// False while some node is silent for so long that it is isolated.
  bool alive() const noexcept;
  /// A node whose safe state a spare thread is calling; nothing when there is none.
  std::optional<BlockedCall> resting() const noexcept;
  /// Blocks until no safe state is being called or waits for it. Call it when the executors have
  /// ended.
  void await_rest() const noexcept;
  /// How often an executor was silent for its limit; counts once per episode of silence.
  std::uint64_t expirations() const noexcept {
    // relaxed: a number on its own.
    return expirations_.load(std::memory_order_relaxed);
  }
  /// How long to wait between two rounds: a quarter of the shortest limit, 5 to 250 ms.
  Nanos interval() const noexcept {
    // relaxed: a number on its own.
    return Nanos{interval_ns_.load(std::memory_order_relaxed)};
  }
  /// Takes over the limit in the new configuration of a node, which is found by its name.
  void update(const NodeConfig& config) noexcept;

  /// Statistics of the threads' usage count from now on. Call it once, when the inits are done.
  void take_usage_base() noexcept;
  /// Reads the threads' usage from /proc into the statistics. Does nothing before
  /// take_usage_base(). Call it about once a second.
  void store_usage() noexcept;

 private:
  struct Limit {
    std::atomic<std::int64_t> ns{0};
    std::atomic<bool> given{false};  // The node's configuration sets it: it is no default.
  };
  /// One executor thread, and what was found about it.
  struct Watched {
    RateGroup* group;
    GroupHook* hook;
    std::deque<Limit> limits;    // One per node of the group.
    std::vector<bool> isolated;  // Per node: what `outputs` was told.
    ThreadUsage usage_base{};    // See take_usage_base().
    // The thread's usage at the latest store_usage(). The difference to the next one is what the
    // records of late ticks in between get.
    ThreadUsage usage{};
    Nanos waited{};
    TimePoint looked{};
    Silence seen = Silence::kMoves;  // How far the present silence has been acted on.
    std::uint64_t turn = 0;          // Holder::turn at the latest look.

    // The present episode of silence, which began at `since_ns`.
    std::atomic<std::int64_t> since_ns{0};
    std::optional<CpuShare> share_base;       // The thread's CPU share at the first look at it.
    std::atomic<std::int64_t> excused_ns{0};  // Part of the silence in which it had no CPU.
    bool starvation_said = false;             // The lack of CPU was logged.
    bool loss_said = false;                   // The guard was told that the node is lost.
    bool hangs = false;  // Spare threads bring the nodes to rest; `hung` only if it allows it.
    int hung = -1;       // The node that hangs; -1: none, the thread hangs between callbacks.
  };
  /// The silence of one thread.
  struct Silent {
    std::int64_t since_ns = 0;  // See Progress::expected_since_ns.
    Nanos lasted{};             // How long that has been.
    int running = -1;           // See Progress::running.
    NodeActivity activity = NodeActivity::kNone;
  };
  /// The other thread that keeps a thread from running, because it holds the GIL.
  struct Blame {
    std::int32_t thread = 0;        // Its Linux id; 0: no other thread does.
    const char* what = "";          // What it holds: Holder::what.
    const Watched* node = nullptr;  // It, if it is an executor; null: it is another thread.
    bool in_time = false;           // It is an executor that is within its own limit.
  };

  static std::optional<Silent> silence_of(const Watched& watched, TimePoint now) noexcept;
  void set(Limit& limit, const NodeConfig& config) noexcept;
  static Nanos limit_at(const Watched& watched, std::size_t index) noexcept;
  Nanos limit_of(const Watched& watched, int running) const noexcept;
  static const NodeRunner& runner_of(const Watched& watched, int running) noexcept;
  bool ticks(const Silent& silent) const noexcept;
  static bool awaits(const Watched& watched, const Silent& silent) noexcept;
  static NodeActivity callback_of(const Silent& silent) noexcept;
  Silence judge(const Watched& watched, const Silent& silent) const noexcept;
  Blame blame(Watched& watched, const Silent& silent, TimePoint now) noexcept;
  void begin_episode(Watched& watched, const Silent& silent) noexcept;
  static void end_hang(Watched& watched) noexcept;
  void excuse(Watched& watched, const Silent& silent, Nanos limit) noexcept;
  void look_at(Watched& watched, const Silent& silent, TimePoint now) noexcept;
  void look_at_own_call() noexcept;
  void count(const Watched& watched, const Silent& silent, const Blame& blame) noexcept;
  void look_for_loss(Watched& watched, const Silent& silent, const Blame& blame) noexcept;
  void tell_slow_init(Watched& watched, const Silent& silent) noexcept;
  static void show(const Watched& watched, const std::optional<Silent>& silent) noexcept;
  void act(Watched& watched, const Silent& silent, const Blame& blame, Silence silence) noexcept;
  void isolate(Watched& watched, const Silent& silent, const Blame& blame) noexcept;
  void keep(const Watched& watched, const Silent& silent, Silence silence,
            std::string_view text) const noexcept;
  void bring_to_rest(Watched& watched) noexcept;
  void tell_outputs(Watched& watched) const noexcept;
  void look_at_rescue() noexcept;
  bool isolates(const Watched& watched, int running) const noexcept;
  static int describe(const Watched& watched, const Silent& silent, const Blame& blame,
                      std::span<char> text) noexcept;

  Clock& clock_;
  RunControl& control_;
  const WatchdogOptions options_;
  std::atomic<std::int64_t> interval_ns_;
  std::deque<Watched> watched_;
  Rescue rescue_;
  std::atomic<bool> usage_counts_{false};  // take_usage_base() is done.
  Silence own_call_seen_ = Silence::kMoves;
  BlackBox* box_ = nullptr;
  std::atomic<std::uint64_t> expirations_{0};
};

}  // namespace horus

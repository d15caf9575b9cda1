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
#include "rt/rate_group.hpp"
#include "rt/rescue.hpp"
#include "rt/rt_thread.hpp"
#include "rt/run_control.hpp"
#include "rt/run_guard.hpp"
#include "rt/thread_usage.hpp"

namespace horus {

/// How far an executor's silence has gone.
enum class Silence : std::uint8_t {
  kMoves,
  kWarned,     ///< Longer than its limit: logged.
  kUnhealthy,  ///< Twice: logged as an error.
  kHung,       ///< Three times: the node is isolated, all others go into safe state.
};

/// `limit` 0: there is none.
[[nodiscard]] constexpr Silence judge_silence(Nanos silent, Nanos limit) noexcept {
  if (silent < limit || limit <= Nanos{}) return Silence::kMoves;
  if (silent < 2 * limit) return Silence::kWarned;
  return silent < 3 * limit ? Silence::kUnhealthy : Silence::kHung;
}

/// What silence of a node is a warning: its own limit, or `fallback`, or (0) ten periods, at least
/// 1 s, of compute nodes 30 s.
[[nodiscard]] Nanos silence_limit(const NodeConfig& config, Nanos fallback) noexcept;

struct WatchdogOptions {
  Nanos fallback{};    ///< See silence_limit().
  Nanos first_tick{};  ///< A node's first tick has at least so long. 0: as any other.
  /// How long after its limit a node counts as lost, and RunGuard::hung() is told. Nothing: 10 s,
  /// and never for compute nodes.
  std::optional<Nanos> hang_timeout{};
  /// False: only nodes whose limit was given are isolated. A default limit is a guess; of compute
  /// nodes always.
  bool isolates_by_default = true;
  RunGuard* guard = nullptr;   ///< May be null.
  Outputs* outputs = nullptr;  ///< Told whose readers take their fallbacks. May be null.
  CpuShare (*cpu_share)(std::int32_t tid) noexcept = read_cpu_share;
};

/// Looks whether every executor moves, and acts when one does not. Brings the nodes of a hung
/// thread to rest from another one, of its own: what it calls may block as well. The node that
/// hangs is not called beside its tick, unless it is declared so. Time that a thread was ready to
/// run but had no CPU is no silence, until it has had CPU enough.
///
/// Thread safety: alive(), resting(), await_rest() and expirations() from any thread, the rest from
/// one that is no executor.
class Watchdog {
 public:
  /// All references outlive the watchdog.
  Watchdog(Clock& clock, RunControl& control, const WatchdogOptions& options);

  /// Before the first look: the threads that bring others' nodes to rest, on these CPUs.
  /// \errors as RtThread::start().
  Status start(const CpuSet& cpus) { return rescue_.start(cpus); }
  /// Before the first look. `hook` is the group's; may be null.
  void watch(RateGroup& group, GroupHook* hook = nullptr);
  /// Where its events go; null: nowhere. Before the first look.
  void write_to(BlackBox* box) noexcept { box_ = box; }
  /// One round: judge, act, log.
  void look() noexcept;
  /// No node is silent for so long that it is isolated.
  bool alive() const noexcept;
  /// A node that is being brought to rest.
  std::optional<BlockedCall> resting() const noexcept;
  /// Once the executors have ended: returns when none is.
  void await_rest() const noexcept;
  /// How often an executor was silent for its limit: once an episode.
  std::uint64_t expirations() const noexcept {
    // relaxed: a number on its own.
    return expirations_.load(std::memory_order_relaxed);
  }
  /// How long to wait between two rounds.
  Nanos interval() const noexcept {
    // relaxed: a number on its own.
    return Nanos{interval_ns_.load(std::memory_order_relaxed)};
  }
  /// The limit of the node of that name follows its new configuration. From any thread.
  void update(const NodeConfig& config) noexcept;

  /// What the threads have used so far counts as nothing.
  void take_usage_base() noexcept;
  /// Reads /proc; about once a second.
  void store_usage() noexcept;

 private:
  struct Limit {
    std::atomic<std::int64_t> ns{0};
    std::atomic<bool> given{false};  ///< By the node's configuration.
  };
  struct Watched {
    RateGroup* group;
    GroupHook* hook;
    std::deque<Limit> limits;    // By node of the group.
    std::vector<bool> isolated;  // As the outputs were told, by node.
    ThreadUsage usage_base{};
    // Of the latest look at it: what late ticks since then are told by.
    ThreadUsage usage{};
    Nanos waited{};
    TimePoint looked{};
    Silence seen = Silence::kMoves;
    std::uint64_t turn = 0;  // Of the holder, at the latest look.

    // Of the episode of silence that `since_ns` begins.
    std::atomic<std::int64_t> since_ns{0};
    std::optional<CpuShare> share_base;       // The thread's, when that was first read.
    std::atomic<std::int64_t> excused_ns{0};  // What of the silence it had no CPU.
    bool starvation_said = false;
    bool loss_said = false;
    bool hangs = false;  // Its nodes do not come to rest by themselves,
    int hung = -1;       // all but this one, which is called by its own thread: -1: there is none.
  };
  struct Debt {
    std::int64_t since_ns = 0;
    Nanos silent{};
    int running = -1;
    NodeActivity activity = NodeActivity::kNone;
  };
  /// Who keeps a thread from its ticks.
  struct Blame {
    std::int32_t thread = 0;        // 0: nobody else.
    const char* what = "";          // It has.
    const Watched* node = nullptr;  // The node's thread that it is; null: another one.
    bool in_time = false;           // That node may take so long.
  };

  static std::optional<Debt> debt(const Watched& watched, TimePoint now) noexcept;
  void set(Limit& limit, const NodeConfig& config) noexcept;
  static Nanos limit_at(const Watched& watched, std::size_t index) noexcept;
  Nanos limit_of(const Watched& watched, int running) const noexcept;
  static const NodeRunner& runner_of(const Watched& watched, int running) noexcept;
  bool ticks(const Debt& debt) const noexcept;
  static bool awaits(const Watched& watched, const Debt& debt) noexcept;
  static NodeActivity callback_of(const Debt& debt) noexcept;
  Silence judge(const Watched& watched, const Debt& debt) const noexcept;
  Blame blame(Watched& watched, const Debt& debt, TimePoint now) noexcept;
  void begin_episode(Watched& watched, const Debt& debt) noexcept;
  static void end_hang(Watched& watched) noexcept;
  void excuse(Watched& watched, const Debt& debt, Nanos limit) noexcept;
  void look_at(Watched& watched, const Debt& debt, TimePoint now) noexcept;
  void look_at_own_call() noexcept;
  void count(const Watched& watched, const Debt& debt, const Blame& blame) noexcept;
  void look_for_loss(Watched& watched, const Debt& debt, const Blame& blame) noexcept;
  void tell_slow_init(Watched& watched, const Debt& debt) noexcept;
  static void show(const Watched& watched, const std::optional<Debt>& debt) noexcept;
  void act(Watched& watched, const Debt& debt, const Blame& blame, Silence silence) noexcept;
  void isolate(Watched& watched, const Debt& debt, const Blame& blame) noexcept;
  void keep(const Watched& watched, const Debt& debt, Silence silence,
            std::string_view text) const noexcept;
  void bring_to_rest(Watched& watched) noexcept;
  void tell_outputs(Watched& watched) const noexcept;
  void look_at_rescue() noexcept;
  bool isolates(const Watched& watched, int running) const noexcept;
  static int describe(const Watched& watched, const Debt& debt, const Blame& blame,
                      std::span<char> text) noexcept;

  Clock& clock_;
  RunControl& control_;
  const WatchdogOptions options_;
  std::atomic<std::int64_t> interval_ns_;
  std::deque<Watched> watched_;
  Rescue rescue_;
  Silence own_call_seen_ = Silence::kMoves;
  BlackBox* box_ = nullptr;
  std::atomic<std::uint64_t> expirations_{0};
};

}  // namespace horus

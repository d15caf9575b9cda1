// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "rt/base/tick_stats.hpp"
#include "rt/clock.hpp"
#include "rt/rate_group.hpp"
#include "rt/run_control.hpp"
#include "rt/thread_usage.hpp"

namespace horus {

/// How far an executor's silence has gone.
enum class Silence : std::uint8_t {
  kMoves,
  kWarned,     ///< Longer than its limit: logged.
  kUnhealthy,  ///< Twice: the host does not count as alive.
  kHung,       ///< Three times: the node is isolated, all others go into safe state.
};

[[nodiscard]] constexpr Silence judge_silence(Nanos silent, Nanos limit) noexcept {
  if (silent < limit) return Silence::kMoves;
  if (silent < 2 * limit) return Silence::kWarned;
  return silent < 3 * limit ? Silence::kUnhealthy : Silence::kHung;
}

/// What silence of a node is a warning: its own limit, or `fallback`, or (0) ten periods and at
/// least 100 ms; for nodes without a period one second.
[[nodiscard]] Nanos silence_limit(const NodeConfig& config, Nanos fallback) noexcept;

/// Looks whether every executor moves, and acts when one does not. Brings the nodes of a hung
/// thread to rest from its own thread, which is not hung.
///
/// Thread safety: alive() and expirations() from any thread, the rest from one that is no executor.
class Watchdog {
 public:
  /// All references outlive the watchdog. `fallback`: see silence_limit().
  Watchdog(Clock& clock, RunControl& control, Nanos fallback);

  /// Before the first look.
  void watch(RateGroup& group);
  /// One round: judge, act, log.
  void look() noexcept;
  bool alive() const noexcept;
  /// How often an executor was silent for its limit: once an episode.
  std::uint64_t expirations() const noexcept {
    // relaxed: a number on its own.
    return expirations_.load(std::memory_order_relaxed);
  }
  /// How long to wait between two rounds.
  Nanos interval() const noexcept { return interval_; }

  /// What the threads have used so far counts as nothing.
  void take_usage_base() noexcept;
  /// Reads /proc; about once a second.
  void store_usage() noexcept;

 private:
  struct Watched {
    RateGroup* group;
    std::vector<Nanos> limits;  // By node of the group.
    Nanos longest_limit;
    ThreadUsage usage_base{};
    Silence seen = Silence::kMoves;
  };

  static Silence judge(const Watched& watched, TimePoint now) noexcept;
  void act(Watched& watched, Silence silence, Nanos silent) noexcept;
  void isolate(RateGroup& group, int running) noexcept;

  Clock& clock_;
  RunControl& control_;
  Nanos fallback_;
  Nanos interval_;
  std::vector<Watched> watched_;
  std::atomic<std::uint64_t> expirations_{0};
};

}  // namespace horus

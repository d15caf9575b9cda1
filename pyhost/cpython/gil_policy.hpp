// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "rt/base/tick_stats.hpp"
#include "rt/base/time.hpp"

/// The decisions about the GIL, without a thread, a clock or an interpreter.
namespace horus::py {

/// Whether ticks of this class ask for the GIL and are protected. Compute and async nodes share it
/// as any Python thread does.
constexpr bool asks_for_gil(NodeClass node_class) noexcept {
  return node_class != NodeClass::kCompute && node_class != NodeClass::kAsync;
}

/// Who of two threads of ours has the GIL first; the greater one. First the real-time priority,
/// then periodic ticks before events before best effort, then the shorter period.
struct Urgency {
  int priority = 0;  ///< SCHED_FIFO, 0: the ordinary policy.
  int rank = 0;
  std::int64_t minus_period_ns = 0;

  friend constexpr bool operator>(const Urgency& a, const Urgency& b) noexcept {
    if (a.priority != b.priority) return a.priority > b.priority;
    if (a.rank != b.rank) return a.rank > b.rank;
    return a.minus_period_ns > b.minus_period_ns;
  }
};

constexpr Urgency urgency_of(NodeClass node_class, int priority, Nanos period) noexcept {
  const int rank = node_class == NodeClass::kTick ? 2 : node_class == NodeClass::kEvent ? 1 : 0;
  return {.priority = priority, .rank = rank, .minus_period_ns = -period.count()};
}

/// A tick that has held the GIL for less is not asked to leave: leaving costs more than it takes.
inline constexpr Nanos kLeastHold = 100us;

/// Plain threads cannot force a tick off within its budget, but never for longer than this.
inline constexpr Nanos kLongestProtection = 100ms;

/// The switch interval, in us, that protects a tick with this budget; 0: none is needed.
constexpr unsigned long protection_us(NodeClass node_class, Nanos budget) noexcept {
  if (!asks_for_gil(node_class) || budget <= Nanos{}) return 0;
  const auto us = std::min(budget, kLongestProtection) / 1us;
  // One more than a round number: a value that a user sets is told from ours.
  return static_cast<unsigned long>(us) + 1;
}

/// Where the GIL cannot be asked for: one switch interval for the whole run, in us. Half of the
/// waits end within it, and a tick that takes longer loses the GIL: a sixteenth of the shortest
/// budget serves both (measured: 50 us for ticks at 1 kHz, 0.5 ms at 100 Hz).
constexpr unsigned long constant_interval_us(Nanos shortest_budget, unsigned long users) noexcept {
  constexpr unsigned long kShortest = 50;
  if (shortest_budget <= Nanos{}) return users;
  const auto us = static_cast<unsigned long>(shortest_budget / 16 / 1us);
  return std::min(users, std::max(us, kShortest));
}

/// What a tick has lost because another thread had the GIL when it wanted to run. Fed by looks from
/// outside; between two looks that both see a loss all of the time is lost, at its edges half.
///
/// Thread safety: one thread.
class GilLoss {
 public:
  /// A tick has begun, with the GIL.
  void begin(TimePoint now) noexcept {
    lost_ = {};
    last_ = now;
    losing_ = false;
  }
  /// `losing`: the tick wants the GIL, and another thread has it.
  void look(TimePoint now, bool losing) noexcept {
    const Nanos since = now - last_;
    if (losing && losing_) lost_ += since;
    if (losing != losing_) lost_ += since / 2;
    losing_ = losing;
    last_ = now;
  }
  Nanos lost() const noexcept { return lost_; }

 private:
  Nanos lost_{};
  TimePoint last_{};
  bool losing_ = false;
};

/// When the thread that holds the GIL is lent the waiter's priority: at once where a wait of the
/// last seconds was long, since then other processes want the CPU; else at the second look, since
/// two threads of high priority that meet on one CPU make a short wait longer.
struct LendingRule {
  static constexpr Nanos kLongWait = 300us;
  static constexpr Nanos kRemember = 2s;
  static constexpr int kLooks = 2;
  /// A thread keeps what it was lent for so long at most.
  static constexpr Nanos kLongest = 2ms;

  /// `looks`: how many have found this wait going on; `last_long`: the end of the latest wait of
  /// kLongWait or more, zero before the first.
  static constexpr bool due(int looks, TimePoint last_long, TimePoint now) noexcept {
    return looks >= kLooks || (last_long != TimePoint{} && now - last_long < kRemember);
  }
  /// Whether a loan stays at a look that has `asked` its thread, or that has found the GIL's mutex
  /// busy: that thread may be on its way out with it, and without the loan would keep it for as
  /// long as others keep it from its CPU.
  static constexpr bool kept(bool asked, bool mutex_busy, Nanos lent_for) noexcept {
    return (asked || mutex_busy) && lent_for <= kLongest;
  }
};

/// What a thread did most while it had the GIL and others waited.
enum class HolderDid : std::uint8_t {
  kRan,    ///< A call that computes without giving the GIL away.
  kSlept,  ///< One that blocks without giving it away.
  kNoCpu,  ///< Other threads kept it from running.
};

/// Of the time that it was watched: `ran`, `off_cpu`, and the rest.
constexpr HolderDid holder_did(Nanos watched, Nanos ran, Nanos off_cpu) noexcept {
  const Nanos slept = watched - ran - off_cpu;
  if (ran >= off_cpu && ran >= slept) return HolderDid::kRan;
  return off_cpu >= slept ? HolderDid::kNoCpu : HolderDid::kSlept;
}

}  // namespace horus::py

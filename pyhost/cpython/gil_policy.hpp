// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include <horus/time.hpp>

#include "rt/base/tick_stats.hpp"

/// The decisions about the GIL as pure functions: no thread, no clock, no interpreter. PY-4.
namespace horus::py {

/// Whether ticks of this class ask for the GIL at once and are protected while they run. Compute
/// and async nodes share the GIL like ordinary Python threads.
constexpr bool asks_for_gil(NodeClass node_class) noexcept {
  return node_class != NodeClass::kCompute && node_class != NodeClass::kAsync;
}

/// Which of two executor threads gets the GIL first: the one with the greater urgency. The
/// real-time priority decides first, then the class (periodic ticks before event nodes before best
/// effort), then the shorter period.
struct Urgency {
  int priority = 0;                  ///< SCHED_FIFO priority; 0: the ordinary policy.
  int rank = 0;                      ///< Of the class; a greater one is more urgent.
  std::int64_t minus_period_ns = 0;  ///< Negative, so that a shorter period compares greater.

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

/// A tick that has held the GIL for less than this is not asked to drop it, even by a more urgent
/// one: two switches would cost more than waiting.
inline constexpr Nanos kLeastHold = 100us;

/// Plain threads cannot force a tick off the GIL within its budget. This bounds that protection.
inline constexpr Nanos kLongestProtection = 100ms;

/// The switch interval, in us, that protects a tick with this budget; 0: none is needed.
constexpr unsigned long protection_us(NodeClass node_class, Nanos budget) noexcept {
  if (!asks_for_gil(node_class) || budget <= Nanos{}) return 0;
  const auto us = std::min(budget, kLongestProtection) / 1us;
  // One more than the budget: GilArbiter tells its own value from the user's by comparing the two,
  // and users set round numbers.
  return static_cast<unsigned long>(us) + 1;
}

/// The switch interval of ConstantInterval, in us: a sixteenth of the shortest budget, at least
/// 50 us and at most `users`, the user's own. A shorter one makes ticks lose the GIL in their
/// middle, a longer one makes them wait for it; half of the waits end within one interval.
/// Measured: 50 us suits ticks at 1 kHz, 0.5 ms ticks at 100 Hz.
constexpr unsigned long constant_interval_us(Nanos shortest_budget, unsigned long users) noexcept {
  constexpr unsigned long kShortest = 50;
  if (shortest_budget <= Nanos{}) return users;
  const auto us = static_cast<unsigned long>(shortest_budget / 16 / 1us);
  return std::min(users, std::max(us, kShortest));
}

/// Estimates how long a tick wanted to run while another thread had the GIL. It samples: between
/// two looks that both see a loss all of the time counts as lost, between two that differ half.
///
/// Thread safety: one thread.
class GilLoss {
 public:
  /// A tick has begun at `now`, with the GIL. Forgets the previous tick.
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

/// When the holder of the GIL is lent a real-time priority by a tick that waits. Usually at the
/// second look: a loan that comes too early may put two threads of high priority on one CPU, which
/// makes a short wait longer. At the first look where a wait of the last 2 s was long, since other
/// processes then compete for the CPU.
struct LendingRule {
  static constexpr Nanos kLongWait = 300us;  ///< From here on a wait counts as long.
  static constexpr Nanos kRemember = 2s;     ///< How long a long wait is remembered.
  static constexpr int kLooks = 2;           ///< At which look the loan is made otherwise.
  /// The longest loan.
  static constexpr Nanos kLongest = 2ms;

  /// Whether to lend now. `looks`: how many looks have found this wait, the present one included;
  /// `last_long`: the end of the latest wait of kLongWait or more, zero before the first.
  static constexpr bool due(int looks, TimePoint last_long, TimePoint now) noexcept {
    return looks >= kLooks || (last_long != TimePoint{} && now - last_long < kRemember);
  }
  /// Whether the loan goes on after a look. It does while this look `asked` the thread again, or
  /// found the GIL's mutex busy, but for kLongest at most. Why the mutex: the thread may hold it
  /// while it drops the GIL. Without the loan others could take its CPU, and the mutex would stay
  /// locked.
  static constexpr bool kept(bool asked, bool mutex_busy, Nanos lent_for) noexcept {
    return (asked || mutex_busy) && lent_for <= kLongest;
  }
};

/// What the holder of the GIL did for most of a long wait.
enum class HolderDid : std::uint8_t {
  kRan,    ///< A call that computes without giving the GIL away.
  kSlept,  ///< A call that blocks without giving the GIL away.
  kNoCpu,  ///< It was ready to run, but other threads had its CPU.
};

/// The largest of three parts of `watched`: `ran`, `off_cpu` (ready without a CPU), and the rest,
/// in which the thread slept.
constexpr HolderDid holder_did(Nanos watched, Nanos ran, Nanos off_cpu) noexcept {
  const Nanos slept = watched - ran - off_cpu;
  if (ran >= off_cpu && ran >= slept) return HolderDid::kRan;
  return off_cpu >= slept ? HolderDid::kNoCpu : HolderDid::kSlept;
}

}  // namespace horus::py

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "rt/base/late_ticks.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/budget.hpp"
#include "rt/node.hpp"
#include "rt/thread_usage.hpp"

namespace horus {

class NodeRunner;

/// What ran before a tick in its thread, for the same release.
struct Predecessors {
  TimePoint begun{};  ///< When the first of them started; the tick's own start where it is first.
  Nanos gil_wait{};   ///< Before that.
  TimePoint free{};   ///< When its thread was done with earlier releases.
  const NodeRunner* longest = nullptr;  ///< Which of them took longest; null: there was none.
  Nanos took{};                         ///< How long it took.
  /// Which of them was late first; null: none was. It sets it itself, where few ticks come.
  mutable const NodeRunner* late = nullptr;

  /// With whom the others' lateness began.
  const NodeRunner* culprit() const noexcept { return late != nullptr ? late : longest; }
};

/// A tick that has ended.
struct EndedTick {
  std::uint64_t number = 0;
  const TickTiming& timing;
  const Verdict& verdict;
  const TickLoss& loss;
  std::uint64_t skipped = 0;  ///< Releases right before it that were given up,
  Nanos period{};             ///< so far apart.

  LateReason reason() const noexcept {
    if (verdict.missed) return LateReason::kMissed;
    if (skipped > 0) return LateReason::kSkipped;
    return verdict.overrun ? LateReason::kOverran : LateReason::kSlowest;
  }
};

/// Keeps a node's late ticks, and of each minute the slowest one of those that were in time, from
/// its end on: a crash does not take it away.
///
/// Thread safety: look_around() from the supervising thread, the rest from the node's. RT-safe.
class LateRecorder {
 public:
  /// What a recorder needs of its host.
  struct Context {
    LateTicks* ticks = nullptr;   ///< Null: nothing is kept.
    const GcStats* gc = nullptr;  ///< Of a Python host, else null.
  };
  LateRecorder(const Context& context, const NodeStats& stats) noexcept
      : stats_{stats},
        gc_{context.gc},
        ticks_{context.ticks},
        looked_at_{ticks_ != nullptr ? ticks_->count.value() : 0} {
    place_.set(kNoPlace);
  }

  /// What the ticks from now on may cost.
  void expect(const Budget& budget) noexcept {
    budget_ = budget;
    set_limits();
  }
  /// Before a tick.
  void begin() noexcept {
    sent_ = stats_.messages_sent.value();
    bytes_ = stats_.bytes_sent.value();
    if (gc_ == nullptr) return;
    paused_ns_ = collected_.pause_ns;
    collected_ = collections();
  }
  /// After it: false where judge() would find nothing, and end() has nothing to do.
  bool is_remarkable(const TickTiming& timing) const noexcept {
    return timing.execution() > most_execution_ || timing.response() > most_response_ ||
           timing.release >= minute_ends_;
  }
  /// The record of a tick that is_remarkable(), where one was made; else null.
  const LateTick* end(const EndedTick& ended, const Predecessors& before) noexcept;

  /// What the kernel counted for the thread from `begin` to `end`, for the ticks of that time.
  void look_around(TimePoint begin, TimePoint end, Nanos off_cpu, const ThreadUsage& now,
                   const ThreadUsage& before) noexcept;

 private:
  struct Collections {
    std::array<std::uint64_t, 3> count{};
    std::int64_t pause_ns = 0;
  };
  Collections collections() const noexcept;
  void set_limits() noexcept;
  LateTick& keep_at(std::uint64_t place, const EndedTick& ended,
                    const Predecessors& before) noexcept;
  std::uint64_t slowest_place() noexcept;
  void fill(LateTick& tick, const EndedTick& ended, const Predecessors& before) const noexcept;
  void fill_collections(LateTick& tick) const noexcept;

  // What every tick reads comes first.
  const NodeStats& stats_;
  const GcStats* const gc_;
  std::uint64_t sent_ = 0;
  std::uint64_t bytes_ = 0;
  Nanos most_execution_{};  // The budget, or the slowest tick so far where that is less.
  Nanos most_response_{};
  TimePoint minute_ends_{};
  LateTicks* const ticks_;
  Budget budget_{};
  static constexpr std::uint64_t kNoPlace = ~std::uint64_t{0};

  Nanos slowest_{};  // Of this minute.
  /// Where the slowest that was in time is kept; kNoPlace: nowhere yet.
  Cell<std::uint64_t> place_{};
  Collections collected_{};      // Before the tick,
  std::int64_t paused_ns_ = 0;   // and before the one before it.
  std::uint64_t looked_at_ = 0;  // The supervising thread's.
};

}  // namespace horus

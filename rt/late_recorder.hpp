// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/node.hpp>

#include "rt/base/late_ticks.hpp"
#include "rt/base/tick_stats.hpp"
#include "rt/budget.hpp"
#include "rt/group_hook.hpp"
#include "rt/thread_usage.hpp"

namespace horus {

class NodeRunner;

/// The ticks that ran before a tick in the same batch of its thread.
struct Predecessors {
  TimePoint begun{};  ///< When the batch's first tick started; the tick's own start if it is first.
  Nanos gil_wait{};   ///< The wait for the GIL before that.
  TimePoint free{};   ///< When the thread was done with the batch before.
  const NodeRunner* longest = nullptr;  ///< The node that took longest so far; null: none yet.
  Nanos took{};                         ///< How long `longest` took.
  /// The first node of this batch that was late; null: none was. The late node's runner sets it, in
  /// its rare path; that is why it is mutable.
  mutable const NodeRunner* late = nullptr;

  /// The node to blame for the lateness of those after it; null: none.
  const NodeRunner* culprit() const noexcept { return late != nullptr ? late : longest; }
};

/// The facts about a tick that has ended.
struct EndedTick {
  std::uint64_t number = 0;
  const TickTiming& timing;
  const Verdict& verdict;
  const TickLoss& loss;
  std::uint64_t skipped = 0;  ///< Releases right before it that were given up.
  Nanos period{};             ///< The node's period.

  /// Why it is recorded. A miss counts first, then skipped releases, then an overrun.
  LateReason reason() const noexcept {
    if (verdict.missed) return LateReason::kMissed;
    if (skipped > 0) return LateReason::kSkipped;
    return verdict.overrun ? LateReason::kOverran : LateReason::kSlowest;
  }
};

/// Records a node's late ticks, and for each minute the slowest tick that was in time. A record is
/// written when its tick ends, into memory that survives a crash.
///
/// Thread safety: look_around() from the supervising thread, the rest from the node's thread.
/// RT-safe.
class LateRecorder {
 public:
  /// What a recorder needs of its host. Outlives the recorder.
  struct Context {
    LateTicks* ticks = nullptr;   ///< Where records are kept; null: nowhere.
    const GcStats* gc = nullptr;  ///< The garbage collector of a Python host; otherwise null.
  };
  LateRecorder(const Context& context, const NodeStats& stats) noexcept
      : stats_{stats},
        gc_{context.gc},
        ticks_{context.ticks},
        looked_at_{ticks_ != nullptr ? ticks_->count.value() : 0} {
    place_.set(kNoPlace);
  }

  /// Sets the limits of the ticks from now on.
  void expect(const Budget& budget) noexcept {
    budget_ = budget;
    set_limits();
  }
  /// Call it before each tick: notes the counters from which the tick's share is computed.
  void begin() noexcept {
    sent_ = stats_.messages_sent.value();
    bytes_ = stats_.bytes_sent.value();
    if (gc_ != nullptr && gc_->finished.value() != settled_) [[unlikely]]
      note_collections();
  }
  /// Call it after each tick. False when judge() would find nothing and end() need not be called:
  /// the tick was within its limits and not the slowest of its minute.
  bool is_remarkable(const TickTiming& timing) const noexcept {
    return timing.execution() > most_execution_ || timing.response() > most_response_ ||
           timing.release >= minute_ends_;
  }
  /// Records a tick that is_remarkable(). Returns the record if the tick was late, otherwise null.
  const LateTick* end(const EndedTick& ended, const Predecessors& before) noexcept;

  /// Adds what the kernel counted for the thread from `begin` to `end` to the records of the ticks
  /// in that time.
  void look_around(TimePoint begin, TimePoint end, Nanos off_cpu, const ThreadUsage& now,
                   const ThreadUsage& before) noexcept;

 private:
  struct Collections {
    std::array<std::uint64_t, 3> count{};
    std::int64_t pause_ns = 0;
  };
  Collections collections() const noexcept;
  void note_collections() noexcept;
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
  Nanos most_execution_{};  // The budget, or the slowest tick of the minute so far if that is less.
  Nanos most_response_{};   // The deadline.
  TimePoint minute_ends_{};    // The first tick released at or after it begins a new minute.
  std::uint64_t settled_ = 0;  // GcStats::finished where the last two begin() saw no other number.
  LateTicks* const ticks_;
  Budget budget_{};
  static constexpr std::uint64_t kNoPlace = ~std::uint64_t{0};

  Nanos slowest_{};  // Longest execution in this minute.
  /// Index of the record of this minute's slowest tick in time; kNoPlace: there is none yet.
  Cell<std::uint64_t> place_{};
  Collections collected_{};      // The collector's counts at the latest begin().
  std::int64_t paused_ns_ = 0;   // Its total pause at the begin() before that.
  std::uint64_t looked_at_ = 0;  // Records seen by look_around(); the supervising thread's alone.
};

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "rt/base/time.hpp"

namespace horus::py {

/// What collections cost, learned from those that were.
class GcCost {
 public:
  /// A collection of `objects` young objects, or of as many old ones.
  Nanos young(std::int64_t objects) const noexcept;
  Nanos old(std::int64_t objects) const noexcept;
  /// What one of `objects` objects took, in CPU time: being preempted makes none dearer.
  void learn_young(std::int64_t objects, Nanos cpu) noexcept;
  void learn_old(std::int64_t objects, Nanos cpu) noexcept;
  /// The first collection of everything, whose objects were counted: better than any guess.
  void begin_old(std::int64_t objects, Nanos cpu) noexcept;

 private:
  // First guesses, from CPython 3.11: a cycle that is freed; an object beyond the caches.
  double ns_per_young_ = 36.0;
  double ns_per_old_ = 90.0;
};

/// What the planner looks at.
struct GcSight {
  std::array<std::int64_t, 3> counts{};      ///< gc.get_count().
  std::array<std::int64_t, 3> thresholds{};  ///< gc.get_threshold().
  Nanos slack{};                             ///< Until the next release of anybody.
  TimePoint now{};
  std::int64_t rss = 0;  ///< Bytes; 0: not known yet.
};

enum class GcStep : unsigned char {
  kNothing,
  kCollect,  ///< `generation`; after 2, what survives is frozen.
  kFreeze,   ///< In place of a collection of `generation`, 0 or 2.
  kFull,     ///< Unfreeze, collect everything, freeze.
  kCount,    ///< Count what is frozen.
};

struct GcPlan {
  GcStep step = GcStep::kNothing;
  int generation = 0;
  bool forced = false;     ///< It ends after the next release.
  bool announced = false;  ///< A full collection is due and does not fit; said once for each.
  Nanos expected{};        ///< Of the step, or of what is announced.
};

/// Decides when a Python host collects garbage (PY-3): CPython's rule, but between ticks, and
/// with the old objects frozen, so that a collection looks at new ones only. Knows no Python.
///
/// The numbers of objects are estimates. CPython tells how many were allocated less freed since
/// the last collection; what is freed while that count is 0 is missed until the next kCount.
///
/// Thread safety: with the GIL.
class GcPlanner {
 public:
  struct Beginning {
    std::int64_t objects = 0;  ///< Alive.
    bool may_freeze = true;    ///< Without it there is neither kFreeze nor kFull.
    Nanos cpu{};               ///< Of the collection of everything that went before; 0: none.
    TimePoint now{};
  };
  void begin(const Beginning& beginning) noexcept;

  GcPlan plan(const GcSight& sight) noexcept;

  /// What has happened, whoever did it. `young`: counts[0] before; `freed`: objects.
  void collected(int generation, std::int64_t young, std::int64_t freed, Nanos cpu) noexcept;
  void froze(int instead_of, std::int64_t young, TimePoint now) noexcept;
  void completed_full(std::int64_t young, std::int64_t freed, Nanos cpu, TimePoint now) noexcept;
  void counted(std::int64_t frozen) noexcept;

  /// Alive, as far as is known; those since the last collection are left out.
  std::int64_t objects() const noexcept { return settled_ + owed_ + old_ + middle_; }

 private:
  /// The longest slack of the last half to whole second.
  class BestSlack {
   public:
    void see(Nanos slack, TimePoint now) noexcept;
    Nanos value() const noexcept;

   private:
    TimePoint began_{};
    Nanos before_{};
    Nanos since_{};
  };

  void watch(const GcSight& sight) noexcept;
  std::int64_t grown(const GcSight& sight) const noexcept;
  bool memory_grew(const GcSight& sight) const noexcept;
  /// Whether it comes earlier than CPython's would, which waits for so many new objects.
  bool full_can_wait(const GcSight& sight) const noexcept;
  GcPlan plan_full(const GcSight& sight) noexcept;
  GcPlan plan_old(const GcSight& sight) const noexcept;
  GcPlan plan_young(const GcSight& sight) const noexcept;
  void forget_rss(TimePoint now) noexcept;

  GcCost cost_;
  BestSlack best_slack_;
  bool may_freeze_ = false;
  // Every object is in one of these, but for the young.
  std::int64_t settled_ = 0;  ///< The last full collection left them, or a burst brought them.
  std::int64_t owed_ = 0;     ///< Frozen since, unseen by a full collection.
  std::int64_t old_ = 0;      ///< In the oldest generation, not frozen.
  std::int64_t middle_ = 0;   ///< In the middle generation.

  std::int64_t bursts_ = 0;  ///< Frozen in place of a young collection since the last full.
  std::int64_t passed_ = 0;  ///< Of those: settled without having been looked at.
  bool bursts_live_ = true;  ///< The last bursts that were looked at were no garbage.
  bool wants_count_ = false;
  TimePoint due_since_{};
  TimePoint rss_forgotten_{};
  std::int64_t rss_settled_ = 0;  ///< Bytes, soon after the last full collection; 0: not yet.
};

}  // namespace horus::py

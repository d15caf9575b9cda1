// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include <horus/time.hpp>

namespace horus::py {

/// Predicts what a collection costs, from what earlier ones have cost.
class GcCost {
 public:
  /// The expected duration of a collection of `objects` young or old objects.
  Nanos young(std::int64_t objects) const noexcept;
  Nanos old(std::int64_t objects) const noexcept;
  /// A collection of `objects` objects took `cpu`. In CPU time, so that preemption does not count.
  void learn_young(std::int64_t objects, Nanos cpu) noexcept;
  void learn_old(std::int64_t objects, Nanos cpu) noexcept;
  /// The same for the first collection of everything. Its objects were counted, so that its cost
  /// replaces the first guess.
  void begin_old(std::int64_t objects, Nanos cpu) noexcept;

 private:
  // First guesses, from CPython 3.11. Young: an object of a cycle that is freed. Old: an object
  // that is not in the CPU's caches.
  double ns_per_young_ = 36.0;
  double ns_per_old_ = 90.0;
};

/// What the planner decides by.
struct GcSight {
  std::array<std::int64_t, 3> counts{};      ///< gc.get_count().
  std::array<std::int64_t, 3> thresholds{};  ///< gc.get_threshold().
  Nanos slack{};                             ///< Time until the next release of any thread.
  TimePoint now{};
  std::int64_t rss = 0;  ///< Resident memory, bytes; 0: not known yet.
};

enum class GcStep : unsigned char {
  kNothing,
  kCollect,  ///< Collect `generation`; after 2, what survives is frozen where that is allowed.
  kFreeze,   ///< Freeze everything, in place of a collection of `generation`, 0 or 2.
  kFull,     ///< Unfreeze, collect everything, freeze.
  kCount,    ///< Count the frozen objects.
};

struct GcPlan {
  GcStep step = GcStep::kNothing;
  int generation = 0;
  bool forced = false;     ///< It does not fit the slack, and may delay the next release.
  bool announced = false;  ///< A full collection is due and does not fit; true once for each.
  Nanos expected{};        ///< Expected duration of the step, or of the announced collection.
};

/// Decides when a Python host collects garbage (PY-3). The rule is CPython's, but collections run
/// between ticks, and old objects are frozen, so that a collection looks at new ones only. Pure: it
/// knows no Python and no clock.
///
/// The numbers of objects are estimates. CPython reports how many objects were allocated minus
/// freed since the last collection. That count never falls below 0, so frees beyond it go unseen
/// until the next kCount.
///
/// Thread safety: with the GIL.
class GcPlanner {
 public:
  struct Beginning {
    std::int64_t objects = 0;  ///< How many are alive.
    bool may_freeze = true;    ///< False: there is neither kFreeze nor kFull.
    Nanos cpu{};  ///< CPU time of the collection of everything just before; 0: there was none.
    TimePoint now{};
  };
  /// Starts anew.
  void begin(const Beginning& beginning) noexcept;

  /// What to do now. Remembers slack, memory and since when a full collection is due; that a step
  /// was done it learns from the four calls below.
  GcPlan plan(const GcSight& sight) noexcept;

  /// A collection or a freeze has happened, by this plan or by the user. `young`: counts[0] before
  /// it; `freed`: how many objects it freed; `cpu`: its CPU time.
  void collected(int generation, std::int64_t young, std::int64_t freed, Nanos cpu) noexcept;
  /// `instead_of`: the generation that would have been collected.
  void froze(int instead_of, std::int64_t young, TimePoint now) noexcept;
  void completed_full(std::int64_t young, std::int64_t freed, Nanos cpu, TimePoint now) noexcept;
  /// gc.get_freeze_count() has returned `frozen`.
  void counted(std::int64_t frozen) noexcept;

  /// About how many objects are alive, without those made since the last collection.
  std::int64_t objects() const noexcept { return settled_ + owed_ + old_ + middle_; }

 private:
  /// The longest slack within the last half to whole second: what a good moment looks like.
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
  /// How many objects were frozen since the last full collection; together with those of the oldest
  /// generation where CPython would collect that one.
  std::int64_t grown(const GcSight& sight) const noexcept;
  /// Whether resident memory grew by a quarter and the old objects by a sixteenth.
  bool memory_grew(const GcSight& sight) const noexcept;
  /// Whether a full collection that is due may go on waiting for slack: fewer objects have grown
  /// old than CPython's own would wait for, and memory has not grown.
  bool full_can_wait(const GcSight& sight) const noexcept;
  // What to do about a full collection, generation 2, and generations 1 and 0. plan_old() goes on
  // to plan_young() where generation 2 is not due.
  GcPlan plan_full(const GcSight& sight) noexcept;
  GcPlan plan_old(const GcSight& sight) const noexcept;
  GcPlan plan_young(const GcSight& sight) const noexcept;
  /// Resident memory has to be measured anew, kRssSettles after `now`.
  void forget_rss(TimePoint now) noexcept;

  GcCost cost_;
  BestSlack best_slack_;
  bool may_freeze_ = false;
  // Numbers of objects. Each object that is not young counts in one of these four.
  std::int64_t settled_ = 0;  ///< Survivors of the last full collection, and a first burst.
  std::int64_t owed_ = 0;     ///< Frozen since, and not seen by a full collection.
  std::int64_t old_ = 0;      ///< In the oldest generation, not frozen.
  std::int64_t middle_ = 0;   ///< In the middle generation.

  std::int64_t bursts_ = 0;    ///< Frozen in place of a young collection since the last full one.
  std::int64_t passed_ = 0;    ///< The part of bursts_ that counts as settled, never looked at.
  bool bursts_live_ = true;    ///< At the last full collection most of bursts_ was alive.
  bool wants_count_ = false;   ///< A kCount is due when slack allows it.
  TimePoint due_since_{};      ///< Since when a full collection is due; zero: none is.
  TimePoint rss_forgotten_{};  ///< When rss_settled_ was last reset.
  std::int64_t rss_settled_ = 0;  ///< Bytes, soon after the last full collection; 0: not yet.
};

}  // namespace horus::py

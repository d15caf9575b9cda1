// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/gc_planner.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace horus::py {
namespace {

/// The slack must be longer than the prediction by this factor.
constexpr double kMargin = 1.5;
/// A collection that is expected to be shorter than this may be forced. CPython's own young
/// collections, in the middle of a tick, take nearly as long.
constexpr Nanos kShort = 1ms;
/// Generations 0 and 1 wait for slack until their count is this many times their threshold.
constexpr std::array<std::int64_t, 2> kWaits{3, 2};
/// How long a full collection that must be forced waits for the best moment.
constexpr Nanos kPatience = 1s;
/// Resident memory is measured about once a second. After this time it shows a full collection.
constexpr Nanos kRssSettles = 2s;
/// Cost of gc.get_freeze_count(), which walks a list, for each object.
constexpr double kNsPerCounted = 10.0;
/// A collection of fewer objects says nothing about the cost of one object.
constexpr std::int64_t kTellingYoung = 100;
constexpr std::int64_t kTellingOld = 1000;

Nanos times(double ns, std::int64_t objects) noexcept {
  return Nanos{static_cast<std::int64_t>(ns * static_cast<double>(objects))};
}

bool fits(Nanos cost, Nanos slack) noexcept {
  return kMargin * static_cast<double>(cost.count()) < static_cast<double>(slack.count());
}

/// Moves the known cost towards a new sample: quickly up, since a prediction that is too short
/// delays a release, and slowly down. A sample counts as four times the known cost at most, so that
/// one odd sample does not spoil the prediction.
void follow(double& known, std::int64_t objects, Nanos cpu) noexcept {
  const double seen = static_cast<double>(cpu.count()) / static_cast<double>(objects);
  known += seen > known ? (std::min(seen, 4 * known) - known) / 2 : (seen - known) / 8;
}

/// More than a quarter: CPython's rule for a full collection.
bool is_quarter(std::int64_t part, std::int64_t whole) noexcept {
  return part > whole / 4;
}

}  // namespace

Nanos GcCost::young(std::int64_t objects) const noexcept {
  return times(ns_per_young_, objects);
}
Nanos GcCost::old(std::int64_t objects) const noexcept {
  return times(ns_per_old_, objects);
}
void GcCost::learn_young(std::int64_t objects, Nanos cpu) noexcept {
  if (objects >= kTellingYoung) follow(ns_per_young_, objects, cpu);
}
void GcCost::learn_old(std::int64_t objects, Nanos cpu) noexcept {
  if (objects >= kTellingOld) follow(ns_per_old_, objects, cpu);
}
void GcCost::begin_old(std::int64_t objects, Nanos cpu) noexcept {
  if (objects < kTellingOld || cpu <= Nanos{}) return;
  ns_per_old_ = static_cast<double>(cpu.count()) / static_cast<double>(objects);
}

void GcPlanner::BestSlack::see(Nanos slack, TimePoint now) noexcept {
  if (now - began_ >= kPatience / 2) {
    began_ = now;
    before_ = since_;
    since_ = Nanos{};
  }
  since_ = std::max(since_, slack);
}

Nanos GcPlanner::BestSlack::value() const noexcept {
  return std::max(before_, since_);
}

void GcPlanner::begin(const Beginning& beginning) noexcept {
  *this = {};
  settled_ = beginning.objects;
  may_freeze_ = beginning.may_freeze;
  cost_.begin_old(beginning.objects, beginning.cpu);
  forget_rss(beginning.now);
}

void GcPlanner::forget_rss(TimePoint now) noexcept {
  rss_settled_ = 0;
  rss_forgotten_ = now;
}

void GcPlanner::watch(const GcSight& sight) noexcept {
  best_slack_.see(sight.slack, sight.now);
  if (rss_settled_ == 0 && sight.now - rss_forgotten_ >= kRssSettles) rss_settled_ = sight.rss;
}

GcPlan GcPlanner::plan(const GcSight& sight) noexcept {
  watch(sight);
  // With a threshold of 0 the user has turned automatic collection off.
  if (sight.thresholds[0] <= 0) return {};
  const GcPlan full = may_freeze_ ? plan_full(sight) : GcPlan{};
  if (full.step != GcStep::kNothing) return full;
  GcPlan plan = sight.counts[0] > sight.thresholds[0] ? plan_old(sight) : GcPlan{};
  if (plan.step == GcStep::kNothing && wants_count_ &&
      fits(times(kNsPerCounted, settled_ + owed_), sight.slack)) {
    plan.step = GcStep::kCount;
  }
  if (full.announced) {
    plan.announced = true;
    plan.expected = full.expected;
  }
  return plan;
}

std::int64_t GcPlanner::grown(const GcSight& sight) const noexcept {
  return owed_ + (sight.counts[2] > sight.thresholds[2] ? old_ : 0);
}

bool GcPlanner::memory_grew(const GcSight& sight) const noexcept {
  // Few objects may hold much memory, so memory counts as well. But if hardly any object grew old,
  // the new memory is not garbage.
  return rss_settled_ > 0 && is_quarter(sight.rss - rss_settled_, rss_settled_) &&
         is_quarter(4 * grown(sight), settled_);
}

bool GcPlanner::full_can_wait(const GcSight& sight) const noexcept {
  const auto& thresholds = sight.thresholds;
  std::int64_t enough = 0;
  // The user may set them to anything that an int holds.
  if (__builtin_mul_overflow(thresholds[0] * thresholds[1], thresholds[2], &enough)) {
    enough = std::numeric_limits<std::int64_t>::max();
  }
  return grown(sight) <= enough && !memory_grew(sight);
}

GcPlan GcPlanner::plan_full(const GcSight& sight) noexcept {
  const bool due = is_quarter(grown(sight), settled_) || memory_grew(sight);
  // Objects of a burst that passed as settled were never looked at (passed_ > 0). That is worth a
  // collection in slack, but no forced pause.
  const auto not_now = [this] {
    due_since_ = {};
    return GcPlan{};
  };
  if (!due && passed_ == 0) return not_now();
  GcPlan plan{.expected = cost_.old(objects() + sight.counts[0])};
  if (fits(plan.expected, sight.slack)) {
    plan.step = GcStep::kFull;
    return plan;
  }
  if (!due || (plan.expected > kShort && full_can_wait(sight))) return not_now();
  if (due_since_ == TimePoint{}) {
    due_since_ = sight.now;
    plan.announced = plan.expected > kShort;
  }
  const bool good = 10 * sight.slack >= 9 * best_slack_.value();
  // Late also when objects pile up: waiting on would make the pause longer, not shorter.
  const bool late = sight.now - due_since_ >= kPatience || 16 * (owed_ + old_) > 5 * settled_;
  if (good || late) {
    plan.step = GcStep::kFull;
    plan.forced = true;
  }
  return plan;
}

GcPlan GcPlanner::plan_old(const GcSight& sight) const noexcept {
  // While a full collection waits for its moment, do nothing here: it will include this one.
  // Without freezing a collection of generation 2 looks at everything, so it needs CPython's rule
  // of a quarter.
  const bool due = sight.counts[2] > sight.thresholds[2] && due_since_ == TimePoint{} &&
                   (may_freeze_ || is_quarter(old_, settled_));
  if (!due) return plan_young(sight);
  const std::int64_t looked_at = sight.counts[0] + middle_ + old_;
  const Nanos expected = cost_.old(may_freeze_ ? looked_at : looked_at + settled_);
  if (fits(expected, sight.slack)) {
    return {.step = GcStep::kCollect, .generation = 2, .expected = expected};
  }
  if (may_freeze_) return {.step = GcStep::kFreeze, .generation = 2};
  return {.step = GcStep::kCollect, .generation = 2, .forced = true, .expected = expected};
}

GcPlan GcPlanner::plan_young(const GcSight& sight) const noexcept {
  const std::int64_t own_size = sight.thresholds[0] * (sight.thresholds[1] + 1);
  for (std::size_t g : {1U, 0U}) {
    if (sight.counts[g] <= sight.thresholds[g]) continue;
    const std::int64_t objects = sight.counts[0] + (g == 1 ? middle_ : 0);
    GcPlan plan{.step = GcStep::kCollect,
                .generation = static_cast<int>(g),
                .expected = cost_.young(objects)};
    if (fits(plan.expected, sight.slack)) return plan;
    if (sight.counts[g] <= kWaits.at(g) * sight.thresholds[g]) continue;
    // Force a collection that is short, or no larger than CPython's own; in place of a larger one
    // freeze, where that is allowed.
    if (plan.expected <= kShort || objects <= own_size || !may_freeze_) {
      plan.forced = true;
      return plan;
    }
    return {.step = GcStep::kFreeze, .generation = 0};
  }
  return {};
}

void GcPlanner::collected(int generation, std::int64_t young, std::int64_t freed,
                          Nanos cpu) noexcept {
  const auto left = [freed](std::int64_t objects) {
    return std::max<std::int64_t>(objects - freed, 0);
  };
  if (generation == 0) {
    cost_.learn_young(young, cpu);
    middle_ += left(young);
    return;
  }
  const std::int64_t looked_at = young + middle_;
  middle_ = 0;
  if (generation == 1) {
    cost_.learn_young(looked_at, cpu);
    old_ += left(looked_at);
    return;
  }
  cost_.learn_old(looked_at + old_ + (may_freeze_ ? 0 : settled_), cpu);
  old_ = left(looked_at + old_);
  if (!may_freeze_) settled_ += std::exchange(old_, 0);
}

void GcPlanner::froze(int instead_of, std::int64_t young, TimePoint now) noexcept {
  const std::int64_t moved = young + middle_ + old_;
  middle_ = old_ = 0;
  const bool burst = instead_of == 0;
  if (burst) bursts_ += moved;
  // A burst of new objects that stay alive (a program that loads its data) is no reason for a full
  // collection. So the first burst after one counts as settled, unless earlier bursts turned out
  // to be garbage. Further bursts count as growth.
  if (burst && passed_ == 0 && bursts_live_) {
    passed_ = moved;
    settled_ += moved;
    forget_rss(now);
  } else {
    owed_ += moved;
  }
}

void GcPlanner::completed_full(std::int64_t young, std::int64_t freed, Nanos cpu,
                               TimePoint now) noexcept {
  cost_.learn_old(objects() + young, cpu);
  if (bursts_ > 0) bursts_live_ = freed < bursts_ / 2;
  settled_ = std::max<std::int64_t>(objects() + young - freed, 0);
  owed_ = old_ = middle_ = bursts_ = passed_ = 0;
  due_since_ = {};
  wants_count_ = true;
  forget_rss(now);
}

void GcPlanner::counted(std::int64_t frozen) noexcept {
  settled_ = std::max<std::int64_t>(frozen - owed_, 0);
  wants_count_ = false;
}

}  // namespace horus::py

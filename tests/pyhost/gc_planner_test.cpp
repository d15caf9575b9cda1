// SPDX-License-Identifier: Apache-2.0
#include "pyhost/run/gc_planner.hpp"

#include <gtest/gtest.h>

namespace horus::py {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::array<std::int64_t, 3> kThresholds{700, 10, 10};

/// A host whose objects are counted here; young ones cost 36 ns, old ones 100 ns each.
class GcPlannerTest : public testing::Test {
 protected:
  void begin(std::int64_t objects, bool may_freeze = true) {
    planner.begin(
        {.objects = objects, .may_freeze = may_freeze, .cpu = objects * 100ns, .now = now});
  }
  GcPlan look(std::array<std::int64_t, 3> counts, Nanos slack, Nanos later = 1ms) {
    now += later;
    return planner.plan(
        {.counts = counts, .thresholds = thresholds, .slack = slack, .now = now, .rss = rss});
  }
  /// Objects that survive a collection of the middle generation.
  void grow_old(std::int64_t objects) { planner.collected(1, objects, 0, objects * 36ns); }
  void full(std::int64_t freed) { planner.completed_full(0, freed, 1ms, now); }

  GcPlanner planner;
  TimePoint now = from_ns(5'000'000'000);
  std::array<std::int64_t, 3> thresholds = kThresholds;
  std::int64_t rss = 100'000'000;
};

struct Young {
  std::array<std::int64_t, 3> counts;
  Nanos slack;
  GcStep step;
  int generation;
  bool forced;
};

TEST_F(GcPlannerTest, young_generations_use_slack_and_are_forced_only_when_small) {
  // 701 objects take 25 us, and need half as much again.
  const Young table[] = {
      {{700, 0, 0}, 10ms, GcStep::kNothing, 0, false},
      {{701, 0, 0}, 40us, GcStep::kCollect, 0, false},
      {{701, 0, 0}, 36us, GcStep::kNothing, 0, false},
      {{701, 10, 0}, 40us, GcStep::kCollect, 0, false},
      {{701, 11, 0}, 40us, GcStep::kCollect, 1, false},
      {{2100, 0, 0}, 0us, GcStep::kNothing, 0, false},
      {{2101, 0, 0}, 0us, GcStep::kCollect, 0, true},
      {{701, 20, 0}, 0us, GcStep::kNothing, 0, false},
      {{701, 21, 0}, 0us, GcStep::kCollect, 1, true},
      {{27'000, 0, 0}, 0us, GcStep::kCollect, 0, true},
      {{28'000, 0, 0}, 0us, GcStep::kFreeze, 0, false},
      {{28'000, 21, 0}, 0us, GcStep::kFreeze, 0, false},
      {{kMillion, 0, 0}, 900us, GcStep::kFreeze, 0, false},
      {{kMillion, 0, 0}, 100ms, GcStep::kCollect, 0, false},
  };
  for (const Young& row : table) {
    begin(kMillion);
    const GcPlan plan = look(row.counts, row.slack);
    const auto text = testing::Message()
                      << row.counts[0] << " " << row.counts[1] << " " << row.slack.count();
    EXPECT_EQ(plan.step, row.step) << text;
    EXPECT_EQ(plan.forced, row.forced) << text;
    EXPECT_EQ(plan.generation, row.generation) << text;
  }
}

TEST_F(GcPlannerTest, the_middle_generation_is_counted_into_its_own_collection) {
  begin(kMillion);
  planner.collected(0, 20'000, 5'000, 20'000 * 36ns);
  // 15,701 objects take 565 us.
  EXPECT_EQ(look({701, 11, 0}, 840us).generation, 0);
  EXPECT_EQ(look({701, 11, 0}, 860us).generation, 1);
  planner.collected(1, 701, 0, 15'701 * 36ns);
  EXPECT_EQ(look({701, 11, 0}, 40us).generation, 1);
}

TEST_F(GcPlannerTest, a_threshold_of_zero_turns_it_off) {
  begin(kMillion);
  thresholds = {0, 10, 10};
  EXPECT_EQ(look({kMillion, 99, 99}, 1s).step, GcStep::kNothing);
}

TEST_F(GcPlannerTest, as_many_as_cpython_collects_at_a_time_are_collected_however_dear) {
  begin(kMillion);
  for (int i = 0; i < 20; ++i) planner.collected(0, 1000, 0, 1ms);
  EXPECT_EQ(look({7700, 0, 0}, 0us).step, GcStep::kCollect);
  EXPECT_EQ(look({7701, 0, 0}, 0us).step, GcStep::kFreeze);
}

TEST_F(GcPlannerTest, the_oldest_is_collected_in_slack_and_else_frozen) {
  begin(kMillion);
  grow_old(10'000);
  // 10,701 old objects take 1.07 ms.
  EXPECT_EQ(look({701, 0, 11}, 1500us).step, GcStep::kFreeze);
  const GcPlan plan = look({701, 0, 11}, 1700us);
  EXPECT_EQ(plan.step, GcStep::kCollect);
  EXPECT_EQ(plan.generation, 2);
  EXPECT_EQ(look({701, 0, 10}, 1700us).generation, 0);
}

TEST_F(GcPlannerTest, a_burst_is_frozen_and_never_looked_at_while_nothing_else_grows) {
  begin(10'000);
  ASSERT_EQ(look({kMillion, 0, 0}, 0us).step, GcStep::kFreeze);
  planner.froze(0, kMillion, now);
  EXPECT_EQ(planner.objects(), kMillion + 10'000);
  for (int i = 0; i < 100'000; ++i) {
    const GcPlan plan = look({600, 0, 0}, 900us);
    ASSERT_EQ(plan.step, GcStep::kNothing);
    ASSERT_FALSE(plan.announced);
  }
  // But where a slack is long enough that costs nothing.
  const GcPlan plan = look({600, 0, 0}, 200ms);
  EXPECT_EQ(plan.step, GcStep::kFull);
  EXPECT_FALSE(plan.forced);
}

TEST_F(GcPlannerTest, after_a_burst_a_quarter_more_makes_a_full_collection_due) {
  begin(10'000);
  planner.froze(0, kMillion, now);
  planner.froze(2, 252'500, now);
  EXPECT_EQ(look({0, 0, 0}, 0us).step, GcStep::kNothing);
  planner.froze(2, 1, now);
  EXPECT_TRUE(look({0, 0, 0}, 0us).announced);
}

TEST_F(GcPlannerTest, a_second_burst_makes_a_full_collection_due) {
  begin(10'000);
  planner.froze(0, kMillion, now);
  planner.froze(0, kMillion, now);
  EXPECT_TRUE(look({0, 0, 0}, 0us).announced);
}

TEST_F(GcPlannerTest, after_bursts_of_garbage_the_next_one_is_looked_at) {
  begin(10'000);
  planner.froze(0, kMillion, now);
  planner.froze(0, kMillion, now);
  full(2 * kMillion);
  EXPECT_EQ(planner.objects(), 10'000);
  planner.froze(0, kMillion, now);
  EXPECT_TRUE(look({0, 0, 0}, 0us).announced);
  full(0);
  // That one lived: the next passes again.
  planner.froze(0, kMillion, now);
  EXPECT_FALSE(look({0, 0, 0}, 0us).announced);
}

TEST_F(GcPlannerTest, a_full_collection_is_due_by_cpythons_rule) {
  begin(kMillion);
  grow_old(250'000);
  EXPECT_FALSE(look({0, 0, 11}, 0us).announced);
  grow_old(1);
  EXPECT_FALSE(look({0, 0, 10}, 0us).announced);
  const GcPlan plan = look({0, 0, 11}, 0us);
  EXPECT_TRUE(plan.announced);
  EXPECT_EQ(plan.expected, 1'250'001 * 100ns);
}

TEST_F(GcPlannerTest, a_full_collection_that_fits_is_made_without_a_word) {
  begin(10'000);
  grow_old(2'501);
  const GcPlan plan = look({0, 0, 11}, 2ms);
  EXPECT_EQ(plan.step, GcStep::kFull);
  EXPECT_FALSE(plan.forced);
  EXPECT_FALSE(plan.announced);
}

TEST_F(GcPlannerTest, a_full_collection_is_forced_no_earlier_than_cpythons) {
  begin(100'000);
  planner.froze(2, 70'000, now);
  EXPECT_FALSE(look({0, 0, 0}, 0us).announced);
  EXPECT_EQ(look({0, 0, 0}, 30ms).step, GcStep::kFull);  // In slack it costs nothing.
  planner.froze(2, 1, now);
  EXPECT_TRUE(look({0, 0, 0}, 0us).announced);
}

TEST_F(GcPlannerTest, memory_that_grew_by_a_quarter_does_not_wait_for_many_objects) {
  begin(100'000);
  look({0, 0, 0}, 0us, 2s);
  planner.froze(2, 25'001, now);
  EXPECT_FALSE(look({0, 0, 0}, 0us).announced);
  rss = 125'000'001;
  EXPECT_TRUE(look({0, 0, 0}, 0us).announced);
}

TEST_F(GcPlannerTest, a_short_full_collection_is_forced_but_not_announced) {
  begin(5'000);
  grow_old(1'251);
  const GcPlan plan = look({0, 0, 11}, 500us);
  EXPECT_EQ(plan.step, GcStep::kFull);
  EXPECT_TRUE(plan.forced);
  EXPECT_FALSE(plan.announced);
}

TEST_F(GcPlannerTest, a_full_collection_waits_for_the_emptiest_moment) {
  begin(kMillion);
  look({0, 0, 0}, 800us);
  grow_old(250'001);
  const GcPlan first = look({0, 0, 11}, 300us);
  EXPECT_TRUE(first.announced);
  EXPECT_EQ(first.step, GcStep::kNothing);
  const GcPlan second = look({0, 0, 11}, 710us);
  EXPECT_FALSE(second.announced);
  EXPECT_EQ(second.step, GcStep::kNothing);
  const GcPlan third = look({0, 0, 11}, 730us);
  EXPECT_EQ(third.step, GcStep::kFull);
  EXPECT_TRUE(third.forced);
}

TEST_F(GcPlannerTest, the_young_are_collected_while_a_full_collection_waits) {
  begin(kMillion);
  look({0, 0, 0}, 800us);
  grow_old(250'001);
  EXPECT_EQ(look({701, 0, 11}, 300us).step, GcStep::kCollect);
  EXPECT_EQ(look({701, 0, 11}, 300us).generation, 0);
}

TEST_F(GcPlannerTest, a_full_collection_does_not_wait_for_longer_than_a_second) {
  begin(kMillion);
  grow_old(250'001);
  // Each slack is best when it is seen, and the next one is shorter.
  look({0, 0, 0}, 900us);
  Nanos slack = 700us;
  int waited = 0;
  while (look({0, 0, 11}, slack, 10ms).step == GcStep::kNothing) {
    slack = slack * 8 / 10;
    ++waited;
  }
  EXPECT_EQ(waited, 100);
}

TEST_F(GcPlannerTest, a_full_collection_does_not_wait_while_the_heap_goes_on_growing) {
  begin(kMillion);
  look({0, 0, 0}, 900us);
  grow_old(312'500);
  EXPECT_EQ(look({0, 0, 11}, 100us).step, GcStep::kNothing);
  grow_old(1);
  EXPECT_EQ(look({0, 0, 11}, 100us).step, GcStep::kFull);
}

TEST_F(GcPlannerTest, the_best_moment_is_forgotten_within_a_second) {
  begin(kMillion);
  look({0, 0, 0}, 900us);
  for (int i = 0; i < 1001; ++i) look({0, 0, 0}, 100us);
  grow_old(250'001);
  EXPECT_EQ(look({0, 0, 11}, 95us).step, GcStep::kFull);
}

TEST_F(GcPlannerTest, memory_that_grew_by_a_quarter_is_looked_for_among_those_that_grew_old) {
  begin(kMillion);
  look({0, 0, 0}, 0us, 2s);
  rss = 125'000'004;
  EXPECT_FALSE(look({0, 0, 11}, 0us).announced);
  grow_old(62'500);
  EXPECT_FALSE(look({0, 0, 11}, 0us).announced);
  grow_old(1);
  rss = 125'000'000;
  EXPECT_FALSE(look({0, 0, 11}, 0us).announced);
  rss = 125'000'001;
  EXPECT_TRUE(look({0, 0, 11}, 0us).announced);
}

TEST_F(GcPlannerTest, memory_is_held_against_what_it_was_once_a_burst_had_shown_in_it) {
  begin(kMillion);
  look({0, 0, 0}, 0us, 2s);
  planner.froze(0, kMillion, now);
  planner.froze(2, 200'000, now);
  rss = 150'000'000;
  EXPECT_FALSE(look({0, 0, 0}, 0us, 1999ms).announced);
  rss = 200'000'000;
  look({0, 0, 0}, 0us, 1ms);
  rss = 250'000'000;
  EXPECT_FALSE(look({0, 0, 0}, 0us).announced);
  rss = 250'000'001;
  EXPECT_TRUE(look({0, 0, 0}, 0us).announced);
}

TEST_F(GcPlannerTest, after_a_full_collection_the_count_begins_anew) {
  begin(kMillion);
  grow_old(250'001);
  full(50'001);
  EXPECT_EQ(planner.objects(), 1'200'000);
  grow_old(300'000);
  EXPECT_FALSE(look({0, 0, 11}, 0us).announced);
  grow_old(1);
  EXPECT_TRUE(look({0, 0, 11}, 0us).announced);
}

TEST_F(GcPlannerTest, one_that_is_no_longer_due_is_announced_when_it_is_again) {
  begin(kMillion);
  look({0, 0, 0}, 800us);
  grow_old(250'001);
  EXPECT_TRUE(look({0, 0, 11}, 100us).announced);
  // The user has collected.
  EXPECT_EQ(look({0, 0, 0}, 100us, 2s).step, GcStep::kNothing);
  look({0, 0, 0}, 800us);
  const GcPlan again = look({0, 0, 11}, 100us);
  EXPECT_TRUE(again.announced);
  EXPECT_EQ(again.step, GcStep::kNothing);
}

TEST_F(GcPlannerTest, one_that_is_due_again_at_once_is_announced_again) {
  begin(kMillion);
  grow_old(250'001);
  EXPECT_EQ(look({0, 0, 11}, 0us).step, GcStep::kFull);
  full(0);
  grow_old(400'000);
  EXPECT_TRUE(look({0, 0, 11}, 0us).announced);
}

TEST_F(GcPlannerTest, the_young_are_part_of_a_full_collection) {
  begin(kMillion);
  grow_old(250'001);
  EXPECT_EQ(look({9'999, 0, 11}, 0us).expected, 1'260'000 * 100ns);
}

TEST_F(GcPlannerTest, a_full_collection_without_a_burst_says_nothing_of_bursts) {
  begin(10'000);
  planner.froze(0, kMillion, now);
  full(0);
  grow_old(kMillion);
  full(kMillion);
  planner.froze(0, kMillion, now);
  EXPECT_FALSE(look({0, 0, 0}, 0us).announced);
}

TEST_F(GcPlannerTest, memory_is_held_against_what_a_full_collection_left) {
  begin(kMillion);
  look({0, 0, 0}, 0us, 2s);
  full(0);
  grow_old(100'000);
  rss = 130'000'000;
  EXPECT_FALSE(look({0, 0, 11}, 0us, 2s).announced);
  rss = 160'000'000;
  EXPECT_FALSE(look({0, 0, 11}, 0us).announced);
  rss = 163'000'000;
  EXPECT_TRUE(look({0, 0, 11}, 0us).announced);
}

TEST_F(GcPlannerTest, costs_are_learned_from_the_middle_generation_and_from_full_collections) {
  begin(kMillion);
  planner.collected(0, 1'000, 0, 36us);
  planner.collected(1, 1'000, 0, 152us);
  EXPECT_EQ(look({1'000, 0, 0}, 1s).expected, 56us);
  planner.completed_full(0, 0, planner.objects() * 200ns, now);
  grow_old(251'000);
  EXPECT_EQ(look({0, 0, 11}, 0us).expected, planner.objects() * 150ns);
}

TEST_F(GcPlannerTest, objects_are_counted_after_a_full_collection_when_that_fits) {
  begin(kMillion);
  EXPECT_EQ(look({0, 0, 0}, 1s).step, GcStep::kNothing);
  full(0);
  EXPECT_EQ(look({0, 0, 0}, 14ms).step, GcStep::kNothing);
  EXPECT_EQ(look({0, 0, 0}, 16ms).step, GcStep::kCount);
  planner.froze(2, 1'000, now);
  planner.counted(900'000);
  EXPECT_EQ(planner.objects(), 900'000);
  EXPECT_EQ(look({0, 0, 0}, 16ms).step, GcStep::kNothing);
}

TEST_F(GcPlannerTest, objects_move_through_the_generations_and_none_is_lost) {
  begin(1'000);
  planner.collected(0, 800, 300, 1us);
  EXPECT_EQ(planner.objects(), 1'500);
  planner.collected(0, 100, 300, 1us);
  EXPECT_EQ(planner.objects(), 1'500);
  planner.collected(1, 700, 200, 1us);
  EXPECT_EQ(planner.objects(), 2'000);
  planner.collected(2, 0, 400, 1us);
  EXPECT_EQ(planner.objects(), 1'600);
  planner.froze(2, 50, now);
  EXPECT_EQ(planner.objects(), 1'650);
  planner.completed_full(10, 660, 1us, now);
  EXPECT_EQ(planner.objects(), 1'000);
}

TEST_F(GcPlannerTest, what_the_user_froze_is_not_touched) {
  begin(kMillion, /*may_freeze=*/false);
  EXPECT_EQ(look({kMillion, 0, 0}, 0us).step, GcStep::kCollect);
  grow_old(250'000);
  EXPECT_EQ(look({701, 0, 11}, 40us).generation, 0);
  grow_old(1);
  const GcPlan plan = look({701, 0, 11}, 40us);
  EXPECT_EQ(plan.step, GcStep::kCollect);
  EXPECT_EQ(plan.generation, 2);
  EXPECT_TRUE(plan.forced);
  // 1,250,702 objects take 125 ms, whatever is new of them.
  EXPECT_TRUE(look({701, 0, 11}, 150ms).forced);
  EXPECT_FALSE(look({701, 0, 11}, 200ms).forced);
  planner.collected(2, 701, 0, 125ms);
  EXPECT_EQ(planner.objects(), 1'250'702);
  EXPECT_EQ(look({701, 0, 11}, 40us).generation, 0);
}

}  // namespace
}  // namespace horus::py

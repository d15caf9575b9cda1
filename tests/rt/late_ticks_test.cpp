// SPDX-License-Identifier: Apache-2.0
#include "rt/base/late_ticks.hpp"

#include <array>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace horus {
namespace {

std::string words(const LateTick& tick, std::string_view before = "") {
  std::array<char, 256> text{};
  const std::size_t size = describe_cause(tick, before, text);
  EXPECT_EQ(size, std::string_view{text.data()}.size());
  return {text.data(), size};
}

/// A tick of 10 ms that started 3 ms after its release.
struct LateTicksTest : ::testing::Test {
  LateTicksTest() {
    tick.reason.set(LateReason::kMissed);
    tick.lateness_ns.set(3'000'000);
    tick.execution_ns.set(10'000'000);
    tick.before.set(-1);
  }
  LateTick tick{};
};

TEST_F(LateTicksTest, what_nothing_else_explains_is_its_own_work) {
  EXPECT_EQ(words(tick), "10 of 13 ms: its own work");
}

TEST_F(LateTicksTest, the_largest_part_is_the_cause) {
  tick.collecting_ns.set(6'000'000);
  tick.collections[0].set(3);
  tick.collections[2].set(1);
  EXPECT_EQ(words(tick), "6 of 13 ms: full collection");
  tick.objects.set(1'234'567);
  EXPECT_EQ(words(tick), "6 of 13 ms: full collection of about 1.2 M objects");
  tick.objects.set(40'000);
  EXPECT_EQ(words(tick), "6 of 13 ms: full collection of about 40000 objects");
  tick.collections[1].set(1);
  tick.collections[2].set(0);
  EXPECT_EQ(words(tick), "6 of 13 ms: collection of generation 1");
  tick.collecting_ns.set(1'000'000);
  tick.gil_lost_ns.set(7'000'000);
  EXPECT_EQ(words(tick), "7 of 13 ms: without the GIL");
  tick.gil_lost_to.set(77);
  EXPECT_EQ(words(tick), "7 of 13 ms: without the GIL, which thread 77 had");
  std::array<char, 256> text{};
  describe_cause(tick, "", text, "vision");
  EXPECT_STREQ(text.data(), "7 of 13 ms: without the GIL, which node vision had (thread 77)");
}

TEST_F(LateTicksTest, a_late_start_has_causes_of_its_own) {
  tick.lateness_ns.set(20'000'000);
  EXPECT_EQ(words(tick), "20 of 30 ms: woken late");
  tick.around.window_ns.set(1'000'000'000);
  tick.around.off_cpu_ns.set(10'000'000);
  EXPECT_EQ(words(tick), "20 of 30 ms: woken late") << "half of it is no explanation";
  tick.around.off_cpu_ns.set(10'000'001);
  EXPECT_EQ(words(tick), "20 of 30 ms: ready to run, without a CPU (in 1.0 s around it)");
  tick.gil_wait_ns.set(15'000'000);
  EXPECT_EQ(words(tick), "15 of 30 ms: waiting for the GIL");
  tick.gil_wait_ns.set(1'000'000);
  tick.before_ns.set(18'000'000);
  EXPECT_EQ(words(tick), "18 of 30 ms: ticks before it in its thread");
  EXPECT_EQ(words(tick, "vision"),
            "18 of 30 ms: ticks before it in its thread, above all of node vision");
}

TEST_F(LateTicksTest, what_its_thread_did_before_explains_a_late_start) {
  tick.lateness_ns.set(20'000'000);
  tick.behind_ns.set(16'000'000);
  EXPECT_EQ(words(tick), "16 of 30 ms: the tick before it, which was not done");
  tick.behind_ns.set(2'000'000);
  tick.collected_before_ns.set(15'000'000);
  EXPECT_EQ(words(tick), "15 of 30 ms: a collection before it");
  // A collection that was over before the release explains no more than what is left.
  tick.behind_ns.set(19'000'000);
  EXPECT_EQ(words(tick), "19 of 30 ms: the tick before it, which was not done");
}

TEST_F(LateTicksTest, seconds_have_no_exponent) {
  tick.execution_ns.set(11'691'000'000);
  EXPECT_EQ(words(tick), "11691 of 11694 ms: its own work");
}

TEST_F(LateTicksTest, an_overrun_is_of_the_execution_alone) {
  tick.lateness_ns.set(50'000'000);
  tick.before_ns.set(50'000'000);
  tick.reason.set(LateReason::kOverran);
  EXPECT_EQ(words(tick), "10 of 10 ms: its own work");
}

TEST_F(LateTicksTest, a_page_that_lies_is_of_no_harm) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t lie : {kMost, -kMost - 1}) {
    for (Gauge* gauge :
         {&tick.lateness_ns, &tick.gil_wait_ns, &tick.before_ns, &tick.execution_ns,
          &tick.gil_lost_ns, &tick.collecting_ns, &tick.around.window_ns, &tick.around.off_cpu_ns,
          &tick.behind_ns, &tick.collected_before_ns, &tick.objects}) {
      gauge->set(lie);
      EXPECT_FALSE(words(tick, std::string(300, 'x')).empty());
    }
  }
}

TEST_F(LateTicksTest, a_short_buffer_gets_what_fits) {
  std::array<char, 8> text{};
  EXPECT_EQ(describe_cause(tick, "", text), 7U);
  EXPECT_STREQ(text.data(), "10 of 1");
}

TEST(LateTicks, are_carried_on_but_for_who_stood_where) {
  const auto past = std::make_unique<LateTicks>();
  const auto now = std::make_unique<LateTicks>();
  past->count.set(300);
  LateTick& one = past->at(299);
  one.number.set(5);
  one.lateness_ns.set(7);
  one.before.set(3);
  one.around.preemptions.set(9);
  one.skipped.set(4);
  one.behind_ns.set(10);
  one.collected_before_ns.set(11);
  one.collections[1].set(12);
  one.objects.set(13);
  carry(*now, *past);
  EXPECT_EQ(now->count.value(), 300U);
  EXPECT_EQ(now->at(299).number.value(), 5U);
  EXPECT_EQ(now->at(299).lateness_ns.value(), 7);
  EXPECT_EQ(now->at(299).around.preemptions.value(), 9U);
  EXPECT_EQ(now->at(299).before.value(), -1);
  EXPECT_EQ(now->at(299).skipped.value(), 4U);
  EXPECT_EQ(now->at(299).behind_ns.value(), 10);
  EXPECT_EQ(now->at(299).collected_before_ns.value(), 11);
  EXPECT_EQ(now->at(299).collections[1].value(), 12U);
  EXPECT_EQ(now->at(299).objects.value(), 13);
}

}  // namespace
}  // namespace horus

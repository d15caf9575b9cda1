// SPDX-License-Identifier: Apache-2.0
#include "rt/base/failures.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace horus {
namespace {

struct FailuresTest : ::testing::Test {
  void note(std::string_view type, std::string_view message = "", std::string_view trace = "") {
    ++tick;
    count(*failures, {type, message, trace}, tick, TimePoint{Nanos{1000 * tick}});
  }
  Failure of(std::string_view type) const {
    for (const auto& kind : failures->kinds) {
      const Failure failure = kind.load().value();
      if (failure.type == type) return failure;
    }
    return {};
  }
  std::unique_ptr<Failures> failures = std::make_unique<Failures>();
  std::uint64_t tick = 0;
};

TEST_F(FailuresTest, count_one_type_in_one_place) {
  note("ValueError", "bent", "line 1");
  note("KeyError", "lost");
  note("ValueError", "broken");
  const Failure value = of("ValueError");
  EXPECT_EQ(value.count, 2U);
  EXPECT_EQ(value.tick, 3U);
  EXPECT_EQ(value.first_ns, 1000);
  EXPECT_EQ(value.last_ns, 3000);
  EXPECT_EQ(value.message.view(), "broken");
  EXPECT_EQ(value.trace.view(), "line 1") << "what was told before stays";
  EXPECT_EQ(of("KeyError").count, 1U);
}

TEST_F(FailuresTest, give_the_place_of_the_one_longest_past) {
  for (const char* type : {"A", "B", "C", "D"}) note(type);
  note("A");
  note("E");
  EXPECT_EQ(of("A").count, 2U);
  EXPECT_EQ(of("B").count, 0U);
  EXPECT_EQ(of("C").count, 1U);
  EXPECT_EQ(of("E").count, 1U);
  EXPECT_EQ(of("E").first_ns, 6000);
}

TEST_F(FailuresTest, keep_the_end_of_a_long_traceback_from_a_line_on) {
  std::string trace;
  for (int i = 0; i < 200; ++i) trace += "line " + std::to_string(i) + " of it\n";
  note("ValueError", "bent", trace);
  const std::string kept{of("ValueError").trace.view()};
  EXPECT_TRUE(kept.starts_with("line ")) << kept;
  EXPECT_TRUE(kept.ends_with("line 199 of it\n")) << kept;
  note("OSError", "", std::string(5000, 'x') + "\n");
  EXPECT_EQ(of("OSError").trace.view().size(), Name<1504>::kMaxLength);
}

TEST_F(FailuresTest, outlive_their_process) {
  note("ValueError", "bent", "line 1");
  const auto next = std::make_unique<Failures>();
  carry(*next, *failures);
  carry(*failures, *next);
  note("ValueError");
  EXPECT_EQ(of("ValueError").count, 2U);
  EXPECT_EQ(of("ValueError").trace.view(), "line 1");
}

}  // namespace
}  // namespace horus

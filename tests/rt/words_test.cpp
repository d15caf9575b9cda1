// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <horus/log.hpp>
#include <horus/text.hpp>

namespace horus {
namespace {

enum class Grade { kGood, kBad };
constexpr auto words_of(Grade /*any*/) noexcept {
  return words_in_order<Grade>("good", "bad");
}

TEST(Words, stand_for_the_values_both_ways) {
  EXPECT_STREQ(to_text(Grade::kBad), "bad");
  EXPECT_EQ(parse_word<Grade>("good"), Grade::kGood);
  EXPECT_FALSE(parse_word<Grade>("Good"));
  EXPECT_FALSE(parse_word<Grade>(""));
}

TEST(Words, of_a_value_that_has_none_say_so) {
  EXPECT_STREQ(to_text(static_cast<Grade>(7)), "unknown");
}

TEST(Words, that_are_only_understood_are_not_offered) {
  EXPECT_EQ(parse_word<LogLevel>("err"), LogLevel::kError);
  EXPECT_STREQ(to_text(LogLevel::kError), "error");
  constexpr std::string_view kOffered = kChoices<LogLevel, '"'>;
  EXPECT_EQ(kOffered, R"("error", "warning", "info" or "debug")");
  constexpr std::string_view kOfTwo = kChoices<Grade, '\''>;
  EXPECT_EQ(kOfTwo, "'good' or 'bad'");
}

}  // namespace
}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/text.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace horus::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(DurationText, three_digits_and_the_unit_that_fits) {
  EXPECT_EQ(duration_text(0), "0ns");
  EXPECT_EQ(duration_text(0.82), "820ns");
  EXPECT_EQ(duration_text(1.236), "1.24us");
  EXPECT_EQ(duration_text(44.04), "44us");
  EXPECT_EQ(duration_text(3500), "3.5ms");
  EXPECT_EQ(duration_text(12e6), "12s");
}

TEST(DurationText, rounding_up_moves_to_the_next_unit) {
  EXPECT_EQ(duration_text(0.9996), "1us");
  EXPECT_EQ(duration_text(9.996), "10us");
  EXPECT_EQ(duration_text(99.96), "100us");
  EXPECT_EQ(duration_text(999.6), "1ms");
  EXPECT_EQ(duration_text(999.6e3), "1s");
}

TEST(RateText, hertz_and_kilohertz) {
  EXPECT_EQ(rate_text(0), "-");
  EXPECT_EQ(rate_text(-3), "-");
  EXPECT_EQ(rate_text(2.5), "2.5 Hz");
  EXPECT_EQ(rate_text(500), "500 Hz");
  EXPECT_EQ(rate_text(1000), "1 kHz");
}

TEST(CountText, all_digits_until_they_are_too_many) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(99'999'999), "99999999");
  EXPECT_EQ(count_text(123'456'789), "123M");
  EXPECT_EQ(count_text(std::numeric_limits<std::uint64_t>::max()), "18446744073709M");
}

TEST(UptimeText, two_units_as_people_say_them) {
  EXPECT_EQ(uptime_text(12.34), "12.3 s");
  EXPECT_EQ(uptime_text(245), "4 min 05 s");
  EXPECT_EQ(uptime_text(12'000), "3 h 20 min");
  EXPECT_EQ(uptime_text(2 * 86400 + 5 * 3600), "2 d 5 h");
  EXPECT_THAT(uptime_text(1e300), HasSubstr(" d "));
}

TEST(ParseSeconds, plain_numbers_are_seconds) {
  EXPECT_EQ(parse_seconds("2").value(), 2s);
  EXPECT_EQ(parse_seconds("0.5").value(), 500ms);
  EXPECT_EQ(parse_seconds("200 ms").value(), 200ms);
  EXPECT_EQ(parse_seconds("0").value(), Nanos{});
}

TEST(ParseSeconds, anything_else_is_refused) {
  for (const char* text :
       {"", ".", "-1", "1.2.3", "soon", "10 h", "1e3", "2 s later", "99999999999999999999", " 1"}) {
    EXPECT_FALSE(parse_seconds(text)) << text;
  }
}

Table table_of_two() {
  Table table{{{"NAME", "", false}, {"N", "", true}, {"p50", "TIME", true}, {"max", "TIME", true}}};
  table.add({"a", "12345", "1us", "20us"});
  table.add({"longer", "1", "-", "-"});
  return table;
}

TEST(TableText, columns_are_aligned_and_lines_end_without_blanks) {
  EXPECT_EQ(table_of_two().text(80),
            "               TIME\n"
            "NAME        N  p50   max\n"
            "a       12345  1us  20us\n"
            "longer      1    -     -\n");
}

TEST(TableText, a_narrow_one_is_cut_between_groups_and_repeats_the_first_column) {
  EXPECT_EQ(table_of_two().text(20),
            "NAME        N\n"
            "a       12345\n"
            "longer      1\n"
            "\n"
            "        TIME\n"
            "NAME    p50   max\n"
            "a       1us  20us\n"
            "longer    -     -\n");
}

TEST(TableText, a_group_stays_together_even_where_it_does_not_fit) {
  EXPECT_THAT(table_of_two().text(8), HasSubstr("NAME    p50   max\n"));
}

TEST(TableText, letters_that_take_several_bytes_take_one_column) {
  Table table{{{"NAME", "", false}, {"N", "", true}}};
  table.add({"Grüße", "1"});
  table.add({"abcde", "2"});
  EXPECT_EQ(table.text(80), "NAME   N\nGrüße  1\nabcde  2\n");
}

TEST(TableText, a_very_long_cell_is_cut_at_a_letter) {
  Table table{{{"NAME", "", false}}};
  std::string umlauts;
  for (int i = 0; i < 50; ++i) umlauts += "ü";
  table.add({umlauts});
  EXPECT_THAT(table.text(80), EndsWith("ü~\n"));
  EXPECT_EQ(table.text(80).size(), std::string{"NAME\n"}.size() + 39 * 2 + 2);
}

TEST(TableText, cells_are_fit_for_a_terminal) {
  Table table{{{"NAME", "", false}}};
  table.add({"\x1b]0;title\x07"});
  EXPECT_THAT(table.text(80), Not(HasSubstr("\x1b")));
  EXPECT_THAT(table.text(80), HasSubstr("?]0;title?"));
}

}  // namespace
}  // namespace horus::cli

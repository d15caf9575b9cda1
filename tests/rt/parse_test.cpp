// SPDX-License-Identifier: Apache-2.0
#include "rt/base/parse.hpp"

#include <string>

#include <gtest/gtest.h>

namespace horus {
namespace {

TEST(ParseDuration, takes_a_number_and_a_unit) {
  EXPECT_EQ(parse_duration("200 us").value(), 200us);
  EXPECT_EQ(parse_duration("200us").value(), 200us);
  EXPECT_EQ(parse_duration("1.5ms").value(), 1500us);
  EXPECT_EQ(parse_duration("7 ns").value(), 7ns);
  EXPECT_EQ(parse_duration("2 s").value(), 2s);
  EXPECT_EQ(parse_duration("3 µs").value(), 3us);
  EXPECT_EQ(parse_duration("0").value(), 0ns);
  EXPECT_EQ(parse_duration("86400 s").value(), 24h);
}

TEST(ParseDuration, refuses_everything_else) {
  for (const char* text : {"", " ", "us", "5", "-1 s", "+1 s", "1e3 us", "inf s", "nan", "1 sec",
                           "1 s ", "1 s s", "1,5 ms", "86401 s", "0x10 ns", " 1 s", "1 m"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::kInvalidArgument);
    EXPECT_EQ(parsed.error().subject.view(), text);
  }
}

TEST(ParseRate, takes_hertz_with_and_without_a_unit) {
  EXPECT_EQ(parse_rate("1000").value(), 1000_hz);
  EXPECT_EQ(parse_rate("1000 Hz").value(), 1000_hz);
  EXPECT_EQ(parse_rate("1 kHz").value(), 1000_hz);
  EXPECT_EQ(parse_rate("0.5").value(), Rate::from_hz(0.5));
  EXPECT_EQ(parse_rate("1 MHz").value(), Rate::from_hz(1e6));
}

TEST(ParseRate, refuses_everything_else) {
  for (const char* text : {"", "0", "0.0001", "-5", "2 MHz", "Hz", "10 hz", "10 s", "1e3"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

}  // namespace
}  // namespace horus

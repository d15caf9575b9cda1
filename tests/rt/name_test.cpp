// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include <horus/text.hpp>

namespace horus {
namespace {

TEST(Name, holds_what_fits_and_ends_in_a_zero) {
  const auto name = Name<8>::clipped("motor");
  EXPECT_EQ(name.view(), "motor");
  EXPECT_EQ(name.view().data()[5], '\0');
  EXPECT_TRUE(name == "motor");
  EXPECT_TRUE(Name<8>{}.empty());
}

TEST(Name, clips_what_does_not_fit) {
  EXPECT_EQ(Name<4>::clipped("motor").view(), "mot");
  EXPECT_TRUE(Name<4>::fits("mot"));
  EXPECT_FALSE(Name<4>::fits("moto"));
}

TEST(Name, clips_between_characters) {
  EXPECT_EQ(Name<6>::clipped("Größe").view(), "Grö");
  EXPECT_EQ(Name<8>::clipped("Größe").view(), "Größe");
  EXPECT_EQ(Name<5>::clipped("Größe").view(), "Grö");
  EXPECT_EQ(Name<4>::clipped("Größe").view(), "Gr");
  EXPECT_EQ(Name<4>::clipped("\x80\x80\x80\x80\x80").view(), "");
}

TEST(Name, without_its_zero_is_read_within_its_bounds) {
  Name<4> hostile;
  std::memset(static_cast<void*>(&hostile), 'x', sizeof hostile);
  EXPECT_EQ(hostile.view(), "xxxx");
}

}  // namespace
}  // namespace horus

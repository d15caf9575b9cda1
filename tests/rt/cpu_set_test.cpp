// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include <horus/realtime.hpp>

namespace horus {
namespace {

TEST(CpuSet, parses_the_kernels_list_format) {
  EXPECT_EQ(CpuSet::parse("2-3,5").value().text(), "2-3,5");
  EXPECT_EQ(CpuSet::parse("").value().text(), "");
  EXPECT_EQ(CpuSet::parse("7").value(), CpuSet::of(7));
  EXPECT_EQ(CpuSet::parse("1,0,2").value().text(), "0-2");
  EXPECT_EQ(CpuSet::parse("1023").value().last(), 1023);
}

TEST(CpuSet, refuses_everything_else) {
  for (const char* text :
       {"3-2", "-1", "1-", "a", "1,", ",1", "1;2", "1024", "1--2", "1 2", " 1"}) {
    const auto set = CpuSet::parse(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().code, Errc::kInvalidArgument);
  }
}

TEST(CpuSet, knows_its_members) {
  const auto set = CpuSet::parse("1,4-5").value();
  EXPECT_EQ(set.count(), 3);
  EXPECT_EQ(set.first(), 1);
  EXPECT_EQ(set.last(), 5);
  EXPECT_TRUE(set.contains(4));
  EXPECT_FALSE(set.contains(2));
  EXPECT_FALSE(set.contains(-1));
  EXPECT_FALSE(set.contains(CpuSet::kMaxCpus));
  EXPECT_EQ(CpuSet{}.first(), -1);
  EXPECT_EQ(CpuSet{}.last(), -1);
  EXPECT_TRUE(CpuSet::of(-1).empty());
}

TEST(CpuSet, intersects_and_subtracts) {
  const auto some = CpuSet::parse("0-3").value();
  const auto others = CpuSet::parse("2-5").value();
  EXPECT_EQ(some.intersect(others).text(), "2-3");
  EXPECT_EQ(some.without(others).text(), "0-1");
}

TEST(CpuSet, finds_the_machines) {
  EXPECT_FALSE(CpuSet::allowed().empty());
  EXPECT_TRUE(CpuSet::allowed().without(CpuSet::online()).empty());
}

}  // namespace
}  // namespace horus

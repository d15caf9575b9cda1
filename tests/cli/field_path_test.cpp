// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/field_path.hpp"

#include <string>

#include <gtest/gtest.h>

namespace horus::cli {
namespace {

TEST(FieldPath, names_and_indices_lead_into_a_message) {
  const auto message = MessageJson::parse(R"({"pose": {"x": 1}, "ranges": [4, 5], "a.b": 6})");
  const auto at = [&message](const char* path) {
    return message.at(parse_field_path(path).value()).get<int>();
  };
  EXPECT_EQ(at("pose.x"), 1);
  EXPECT_EQ(at("ranges[1]"), 5);
  EXPECT_EQ(at("/a.b"), 6);
  EXPECT_EQ(at("/ranges/0"), 4);
}

TEST(FieldPath, an_index_may_stand_first_and_in_the_middle) {
  const auto message = MessageJson::parse(R"([{"points": [[1, 2], [3, 4]]}])");
  EXPECT_EQ(message.at(parse_field_path("[0].points[1][0]").value()), 3);
}

TEST(FieldPath, what_is_no_path_is_refused) {
  for (const std::string& path :
       {std::string{}, std::string{"."}, std::string{"pose."}, std::string{".x"},
        std::string{"a..b"}, std::string{"a["}, std::string{"a[]"}, std::string{"a[x]"},
        std::string{"a[-1]"}, std::string{"a[1]b"}, std::string{"a[1234567890]"},
        std::string{"/a~2"}, std::string(2000, 'a')}) {
    EXPECT_FALSE(parse_field_path(path)) << path;
  }
}

}  // namespace
}  // namespace horus::cli

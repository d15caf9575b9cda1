// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/show_message.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <horus/msg/control.hpp>
#include <horus/msg/sensors.hpp>

namespace horus::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

template <typename Message>
MessageJson shown(const Message& message) {
  return typed_message(type_info(shm::Tag<Message>{}), std::as_bytes(std::span{&message, 1}));
}

void set_name(msg::JointState& joints, std::size_t index, const std::string& name) {
  std::memcpy(joints.names[index], name.data(), name.size());
}

TEST(TypedMessage, fields_are_named_and_floats_are_as_they_were_written) {
  msg::CmdVel command;
  command.linear = 0.1F;
  command.angular = -2;
  const MessageJson json = shown(command);
  EXPECT_EQ(json["linear"].get<double>(), 0.1);
  EXPECT_EQ(json["angular"].get<double>(), -2.0);
}

TEST(TypedMessage, of_a_counted_array_only_what_is_in_use_is_shown) {
  msg::JointState joints;
  joints.joint_count = 2;
  joints.positions[1] = 1.5;
  set_name(joints, 0, "shoulder");
  const MessageJson json = shown(joints);
  EXPECT_EQ(json["positions"], MessageJson({0.0, 1.5}));
  EXPECT_EQ(json["names"], MessageJson({"shoulder", ""}));
}

TEST(TypedMessage, a_count_beyond_the_array_is_not_believed) {
  msg::JointState joints;
  joints.joint_count = 255;
  EXPECT_EQ(shown(joints)["positions"].size(), 16U);
}

TEST(TypedMessage, a_text_without_its_end_ends_with_its_field) {
  msg::JointState joints;
  joints.joint_count = 1;
  set_name(joints, 0, std::string(32, 'x'));
  set_name(joints, 1, "next");
  EXPECT_EQ(shown(joints)["names"][0], std::string(32, 'x'));
}

TEST(TypedMessage, any_bytes_of_any_type_can_be_shown) {
  for (const shm::TypeInfo* type : shm::all_types()) {
    for (const int byte : {0x00, 0x80, 0xFF}) {
      const std::vector<std::byte> bytes(type->size, static_cast<std::byte>(byte));
      const MessageJson json = typed_message(*type, bytes);
      EXPECT_TRUE(MessageJson::accept(message_line(json))) << type->name;
      EXPECT_THAT(message_text(json), Not(HasSubstr("\xff"))) << type->name;
    }
  }
}

TEST(TypedMessage, any_bytes_of_a_varying_type_are_shown_or_refused) {
  std::mt19937_64 random{3};
  for (const shm::TypeInfo* type : shm::all_types()) {
    if (type->tails.empty()) continue;
    std::vector<std::byte> bytes(type->size + 64);
    for (int round = 0; round < 1000; ++round) {
      std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random() % 3); });
      const auto size = random() % (bytes.size() + 1);
      if (const auto json = whole_message(*type, std::span{bytes}.first(size))) {
        EXPECT_TRUE(MessageJson::accept(message_line(json.value()))) << type->name;
      } else {
        EXPECT_EQ(json.error().code, Errc::kCorrupt) << type->name;
      }
    }
  }
}

TEST(MessageText, a_line_for_each_field_and_nested_ones_indented) {
  const MessageJson json{{"name", "imu"}, {"pose", {{"x", 1}, {"y", 2.5}}}, {"tags", {1, 2}}};
  EXPECT_EQ(message_text(json),
            "name: imu\n"
            "pose:\n"
            "  x: 1\n"
            "  y: 2.5\n"
            "tags: [1, 2]\n");
}

TEST(MessageText, lists_of_objects_have_a_dash_each) {
  const MessageJson json{{"list", {{{"a", 1}}, {{"a", 2}}}}};
  EXPECT_EQ(message_text(json), "list:\n  -\n    a: 1\n  -\n    a: 2\n");
}

TEST(MessageText, long_arrays_are_cut_for_people_and_whole_for_programs) {
  MessageJson numbers = MessageJson::array();
  MessageJson objects = MessageJson::array();
  for (int i = 0; i < 100; ++i) {
    numbers.push_back(i);
    objects.push_back({{"i", i}});
  }
  EXPECT_THAT(message_text(numbers), EndsWith("14, 15, ... 84 more]\n"));
  EXPECT_THAT(message_text(objects), EndsWith("-\n  i: 15\n... 84 more\n"));
  EXPECT_EQ(MessageJson::parse(message_line(numbers)).size(), 100U);
}

TEST(MessageText, values_that_are_no_objects_stand_alone) {
  EXPECT_EQ(message_text(MessageJson(5)), "5\n");
  EXPECT_EQ(message_text(MessageJson("hi")), "hi\n");
  EXPECT_EQ(message_text(MessageJson(nullptr)), "null\n");
  EXPECT_EQ(message_text(MessageJson::object()), "{}\n");
  EXPECT_EQ(message_text(MessageJson::array()), "[]\n");
}

TEST(MessageText, nan_and_infinity_are_told_to_people_and_null_to_programs) {
  const MessageJson json{{"a", std::nan("")}, {"b", std::numeric_limits<double>::infinity()}};
  EXPECT_EQ(message_text(json), "a: nan\nb: inf\n");
  EXPECT_EQ(message_line(json), R"({"a":null,"b":null})");
}

TEST(MessageText, text_in_keys_and_values_is_fit_for_a_terminal) {
  const MessageJson json{{"\x1b]0;x", "a\nb\x7f"}};
  EXPECT_EQ(message_text(json), "?]0;x: a?b?\n");
  EXPECT_EQ(message_line(json), "{\"\\u001b]0;x\":\"a\\nb\\u007f\"}");
}

}  // namespace
}  // namespace horus::cli

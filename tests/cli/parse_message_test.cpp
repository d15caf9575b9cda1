// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/parse_message.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include <horus/msg/control.hpp>
#include <horus/msg/geometry.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>

#include "tools/cli/output.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;

template <typename T>
const shm::TypeInfo& type_of() {
  return type_info(shm::Tag<T>{});
}

Result<std::vector<std::byte>> bytes_of(const shm::TypeInfo& type, const std::string& text) {
  return typed_bytes(type, MessageJson::parse(text));
}

template <typename T>
T message_of(const std::string& text) {
  const auto bytes = bytes_of(type_of<T>(), text);
  EXPECT_TRUE(bytes) << error_line(bytes.error());
  T message;
  if (bytes) std::memcpy(&message, bytes.value().data(), sizeof message);
  return message;
}

template <typename T>
std::string complaint(const std::string& text) {
  const auto bytes = bytes_of(type_of<T>(), text);
  EXPECT_FALSE(bytes) << text;
  return bytes ? "" : error_line(bytes.error());
}

TEST(ParseMessage, fields_are_filled_and_the_rest_is_zero) {
  const auto command = message_of<msg::CmdVel>(R"({"linear": 0.5, "timestamp_ns": 7})");
  EXPECT_EQ(command.linear, 0.5F);
  EXPECT_EQ(command.angular, 0.0F);
  EXPECT_EQ(command.timestamp_ns, 7U);
}

TEST(ParseMessage, an_argument_that_has_two_places_reaches_both) {
  const auto camera = message_of<msg::CameraInfo>(R"({"fx": 500, "cy": 240})");
  EXPECT_EQ(camera.camera_matrix[0], 500);
  EXPECT_EQ(camera.projection_matrix[0], 500);
  EXPECT_EQ(camera.projection_matrix[6], 240);
  EXPECT_EQ(camera.projection_matrix[10], 1);
}

TEST(ParseMessage, arguments_of_the_constructor_reach_nested_fields) {
  const auto odometry = message_of<msg::Odometry>(
      R"({"x": 1.5, "linear_velocity": 2, "pose": {"theta": 0.25}, "frame_id": "odom"})");
  EXPECT_EQ(odometry.pose.x, 1.5);
  EXPECT_EQ(odometry.pose.theta, 0.25);
  EXPECT_EQ(odometry.twist.linear[0], 2.0);
  EXPECT_STREQ(reinterpret_cast<const char*>(odometry.frame_id), "odom");
}

TEST(ParseMessage, a_list_sets_the_count_that_belongs_to_it) {
  const auto state =
      message_of<msg::JointState>(R"({"names": ["hip", "knee"], "positions": [0.5, null]})");
  EXPECT_EQ(state.joint_count, 2);
  EXPECT_EQ(state.positions[0], 0.5);
  EXPECT_TRUE(std::isnan(state.positions[1]));
}

TEST(ParseMessage, what_echo_prints_comes_back_as_the_same_bytes) {
  for (const shm::TypeInfo* type : shm::all_types()) {
    const auto first = typed_bytes(*type, MessageJson::object());
    ASSERT_TRUE(first) << type->name;
    // Infinity is printed as NaN is, and comes back where it is there in a new message.
    const MessageJson shown = whole_message(*type, first.value()).value();
    const auto printed = MessageJson::parse(message_line(shown));
    const auto second = typed_bytes(*type, printed);
    ASSERT_TRUE(second) << type->name << ": " << error_line(second.error());
    EXPECT_EQ(second.value(), first.value()) << type->name;
    EXPECT_EQ(whole_message(*type, second.value()).value().dump(), printed.dump()) << type->name;
  }
}

TEST(ParseMessage, a_count_is_not_above_what_its_lists_hold) {
  EXPECT_THAT(complaint<msg::JointState>(R"({"joint_count": 17})"),
              HasSubstr("joint_count is 17; names holds 16"));
  EXPECT_EQ(message_of<msg::JointState>(R"({"joint_count": 16})").joint_count, 16);
}

TEST(ParseMessage, a_list_without_a_count_is_given_whole) {
  EXPECT_THAT(complaint<msg::Imu>(R"({"orientation": [0, 0, 0]})"),
              HasSubstr("orientation has 3 elements; it takes 4"));
  EXPECT_THAT(complaint<msg::Odometry>(R"({"pose_covariance": []})"),
              HasSubstr("pose_covariance has 0 elements; it takes 36"));
  // Where 0 says that nothing is there, a part is enough.
  EXPECT_EQ(message_of<msg::LaserScan>(R"({"ranges": [1, 2]})").ranges[1], 2.0F);
}

TEST(ParseMessage, lists_that_belong_together_have_one_length) {
  EXPECT_THAT(complaint<msg::JointState>(R"({"names": ["a", "b", "c"], "positions": [1]})"),
              HasSubstr("positions has 1 elements, where names has 3"));
  EXPECT_THAT(complaint<msg::JointState>(R"({"joint_count": 3, "positions": [1]})"),
              HasSubstr("positions has 1 elements, where joint_count has 3"));
  const auto state = message_of<msg::JointState>(
      R"({"joint_count": 2, "names": ["a", "b"], "positions": [1, 2], "efforts": []})");
  EXPECT_EQ(state.joint_count, 2);
  EXPECT_EQ(state.positions[1], 2.0);
  EXPECT_EQ(message_of<msg::BatteryState>(R"({"cell_voltages": []})").cell_count, 0);
}

TEST(ParseMessage, a_list_has_the_length_that_its_count_says) {
  for (const char* text : {R"({"cell_count": 4, "cell_voltages": [3.7]})",
                           R"({"cell_voltages": [3.7], "cell_count": 4})"}) {
    EXPECT_THAT(complaint<msg::BatteryState>(text),
                HasSubstr("cell_voltages has 1 elements, where cell_count has 4"));
  }
  EXPECT_THAT(complaint<msg::NavPath>(R"({"waypoints": [], "waypoint_count": 2})"),
              HasSubstr("waypoints has 0 elements, where waypoint_count has 2"));
  EXPECT_EQ(message_of<msg::BatteryState>(R"({"cell_count": 1, "cell_voltages": [3.7]})")
                .cell_voltages[0],
            3.7F);
}

template <typename T>
MessageJson shown(const std::string& text) {
  const auto bytes = bytes_of(type_of<T>(), text);
  if (!bytes) return error_line(bytes.error());
  return whole_message(type_of<T>(), bytes.value()).value();
}

TEST(ParseMessage, arrays_behind_the_fields_are_as_long_as_the_fields_say) {
  const auto map =
      shown<msg::OccupancyGrid>(R"({"width": 2, "height": 1, "data": [-1, 100], "frame_id": "m"})");
  EXPECT_EQ(map["data"].dump(), "[-1,100]");
  EXPECT_EQ(map["frame_id"], "m");
  EXPECT_EQ(shown<msg::OccupancyGrid>(R"({"width": 1, "height": 2})")["data"].dump(), "[-1,-1]");
  const auto image = shown<msg::CompressedImage>(R"({"data_count": 9, "data": [255, 216]})");
  EXPECT_EQ(image["data_count"], 2);
  EXPECT_EQ(shown<msg::CompressedImage>(R"({"data_count": 9})")["data_count"], 0);
  const auto costs =
      shown<msg::CostMap>(R"({"grid": {"width": 1, "height": 1, "data": [7]}, "costs": [9]})");
  EXPECT_EQ(costs["data"].dump() + costs["costs"].dump(), "[7][9]");
}

TEST(ParseMessage, arrays_that_do_not_fit_their_fields_are_refused) {
  EXPECT_THAT(complaint<msg::OccupancyGrid>(R"({"width": 2, "height": 2, "data": [1]})"),
              HasSubstr("data has 1 elements; width x height is 4"));
  EXPECT_THAT(complaint<msg::OccupancyGrid>(R"({"width": 1, "height": 1, "data": [128]})"),
              HasSubstr("data[0] is 128, not a whole number from -128 to 127"));
  EXPECT_THAT(complaint<msg::OccupancyGrid>(R"({"data": 5})"), HasSubstr("data is 5, not a list"));
  EXPECT_THAT(complaint<msg::OccupancyGrid>(R"({"width": 4294967295, "height": 4294967295})"),
              HasSubstr("OccupancyGrid is larger than 4194304 bytes"));
  EXPECT_THAT(complaint<msg::CostMap>(R"({"grid": 5})"), HasSubstr("grid is 5, not an object"));
  EXPECT_THAT(complaint<msg::TactileArray>(R"({"force": []})"), HasSubstr("timestamp_ns, forces"));
}

TEST(ParseMessage, defaults_are_those_of_the_constructor) {
  const shm::TypeInfo* quaternion = shm::find_type("Quaternion");
  ASSERT_NE(quaternion, nullptr);
  const auto bytes = bytes_of(*quaternion, R"({"x": 0.5})");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(typed_message(*quaternion, bytes.value())["w"], 1.0);
}

TEST(ParseMessage, a_mistake_names_the_field_and_what_fits) {
  EXPECT_THAT(
      complaint<msg::CmdVel>(R"({"liner": 1})"),
      AllOf(HasSubstr("liner is not in CmdVel"), HasSubstr("timestamp_ns, linear, angular")));
  EXPECT_THAT(complaint<msg::CmdVel>(R"({"linear": "fast"})"),
              HasSubstr("linear is \"fast\", not a number"));
  EXPECT_THAT(complaint<msg::CmdVel>(R"({"linear": 1e300})"), HasSubstr("too large"));
  EXPECT_THAT(complaint<msg::CmdVel>(R"({"timestamp_ns": -1})"),
              HasSubstr("whole number from 0 to 18446744073709551615"));
  EXPECT_THAT(complaint<msg::CmdVel>(R"({"timestamp_ns": 1.5})"), HasSubstr("whole number"));
  EXPECT_THAT(complaint<msg::CmdVel>("[1, 2]"), HasSubstr("not an object"));
  EXPECT_THAT(complaint<msg::Odometry>(R"({"pose": {"z": 1}})"), HasSubstr("pose.z"));
  EXPECT_THAT(complaint<msg::Odometry>(R"({"pose": 1})"), HasSubstr("pose is 1, not an object"));
  EXPECT_THAT(complaint<msg::Odometry>(R"({"pose_covariance": 1})"), HasSubstr("not a list"));
  EXPECT_THAT(complaint<msg::JointState>(R"({"positions": [0, "x"]})"), HasSubstr("positions[1]"));
  EXPECT_THAT(
      complaint<msg::JointState>(R"({"positions": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]})"),
      HasSubstr("has 17 elements; it holds 16"));
  EXPECT_THAT(complaint<msg::Odometry>(R"({"frame_id": "a name that is longer than 31 bytes"})"),
              HasSubstr("it holds 31"));
}

TEST(ParseMessage, broken_json_says_where) {
  const auto json = parse_json("{\"linear\": }");
  ASSERT_FALSE(json);
  EXPECT_THAT(error_line(json.error()), HasSubstr("line 1, column 12"));
  ASSERT_FALSE(parse_json("1e999"));
  EXPECT_THAT(error_line(parse_json("1e999").error()), HasSubstr("1e999"));
}

TEST(ParseMessage, json_nested_too_deeply_is_refused) {
  const auto nested = [](std::size_t levels) {
    return parse_json(std::string(levels, '[') + std::string(levels, ']'));
  };
  EXPECT_TRUE(generic_message(generic_bytes(nested(50).value())));
  ASSERT_FALSE(nested(100'000));
  EXPECT_THAT(error_line(nested(100'000).error()), HasSubstr("nested"));
}

TEST(ParseMessage, a_generic_value_comes_back_from_its_bytes) {
  const auto value = MessageJson::parse(R"({"a": [1, -2, 2.5, true, null, "t\u00e9xt"], "b": {}})");
  const auto back = generic_message(generic_bytes(value));
  ASSERT_TRUE(back);
  EXPECT_EQ(back.value(), value);
}

}  // namespace
}  // namespace horus::cli

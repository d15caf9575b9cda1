// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <horus/image.hpp>
#include <horus/message.hpp>
#include <horus/msg/control.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>

#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <typename T>
std::string odd_in(const T& message) {
  return first_not_finite(type_info(Tag<T>{}), std::as_bytes(std::span{&message, 1}));
}

TEST(Finite, looks_at_scalars_nested_messages_and_arrays) {
  msg::CmdVel command;
  EXPECT_TRUE(is_finite(command));
  EXPECT_EQ(odd_in(command), "");
  command.angular = -std::numeric_limits<float>::infinity();
  EXPECT_FALSE(is_finite(command));
  EXPECT_EQ(odd_in(command), "angular");

  msg::Odometry odometry;
  EXPECT_TRUE(is_finite(odometry));
  odometry.pose.y = kNan;
  EXPECT_EQ(odd_in(odometry), "pose.y");
}

TEST(Finite, looks_at_as_much_of_an_array_as_is_in_use) {
  msg::JointState joints;
  joints.joint_count = 2;
  joints.positions[2] = kNan;
  EXPECT_TRUE(is_finite(joints));
  joints.joint_count = 3;
  EXPECT_EQ(odd_in(joints), "positions[2]");
  joints.joint_count = 255;  // More than there are.
  EXPECT_FALSE(is_finite(joints));
}

TEST(Finite, every_message_is_before_anything_is_set) {
  for (const TypeInfo* type : all_types()) {
    std::vector<std::byte> message(type->size);
    std::ranges::copy(type->initial, message.begin());
    EXPECT_EQ(first_not_finite(*type, message), "") << type->name;
  }
}

TEST(Finite, a_limit_may_be_absent_and_nothing_else) {
  msg::MotorCommand motor;
  EXPECT_TRUE(std::isinf(motor.max_velocity));
  EXPECT_TRUE(is_finite(motor));
  motor.max_velocity = -motor.max_velocity;
  EXPECT_EQ(odd_in(motor), "max_velocity");
  motor.max_velocity = kNan;
  EXPECT_EQ(odd_in(motor), "max_velocity");
  motor = {.target = std::numeric_limits<double>::infinity()};
  EXPECT_EQ(odd_in(motor), "target");
}

TEST(Finite, bytes_that_are_no_message_are_not_finite) {
  const std::array<std::byte, 3> bytes{};
  EXPECT_FALSE(is_finite(type_info(Tag<msg::CmdVel>{}), bytes));
}

using FiniteTopicTest = test::ShmTest;

TEST_F(FiniteTopicTest, refuses_counts_and_goes_on) {
  const auto session = open();
  auto publisher = session->publisher<msg::CmdVel>("cmd_vel", {.finite = true}).value();
  auto subscriber = session->subscriber<msg::CmdVel>("cmd_vel").value();
  msg::CmdVel command;
  EXPECT_TRUE(publisher.send(command));
  command.linear = kNan;
  EXPECT_FALSE(publisher.send(command));
  EXPECT_EQ(publisher.refused(), 1U);
  command.linear = 1;
  EXPECT_TRUE(publisher.send(command));
  EXPECT_TRUE(subscriber.take());
  EXPECT_EQ(subscriber.take()->linear, 1);
  EXPECT_EQ(session->publish("values", generic_type(), {.finite = true}).error().code,
            Errc::kInvalidArgument);
  EXPECT_EQ(session->publisher<Image>("camera", {.finite = true}).error().code,
            Errc::kInvalidArgument);
}

}  // namespace
}  // namespace horus::shm

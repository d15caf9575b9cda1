// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "dc_motor.hpp"
#include "drive_frames.hpp"
#include "joystick.hpp"
#include "noise.hpp"
#include "photo.hpp"
#include "room.hpp"
#include "velocity_pid.hpp"

namespace rover {
namespace {

constexpr double kMillisecond = 1e-3;

TEST(DcMotor, its_no_load_speed_is_the_catalogue_s) {
  DcMotor motor;
  for (int i = 0; i < 5'000; ++i) motor.advance(24.0, kMillisecond);
  const double rpm = motor.wheel_speed() * 33.0 * 60.0 / (2.0 * std::numbers::pi);
  EXPECT_NEAR(rpm, 9'660.0, 100.0);
  EXPECT_NEAR(motor.current(), 36.8e-3, 2e-3);
}

TEST(DcMotor, its_stall_current_is_voltage_over_resistance) {
  DcMotorFigures held;
  held.load_inertia = 1e9;
  DcMotor motor{held};
  motor.advance(24.0, 10 * kMillisecond);
  EXPECT_NEAR(motor.current(), 24.0 / 2.32, 0.01);
}

TEST(DcMotor, one_long_step_is_many_short_ones) {
  DcMotor often;
  DcMotor once;
  for (int i = 0; i < 20; ++i) often.advance(12.0, kMillisecond);
  once.advance(12.0, 20 * kMillisecond);
  EXPECT_DOUBLE_EQ(often.wheel_speed(), once.wheel_speed());
}

double settle(VelocityPid& pid, DcMotor& motor, double target, int ticks) {
  for (int i = 0; i < ticks; ++i) {
    motor.advance(pid.step(target, motor.wheel_speed(), kMillisecond), kMillisecond);
  }
  return motor.wheel_speed();
}

TEST(VelocityPid, reaches_the_target_without_error) {
  VelocityPid pid{PidGains{}};
  DcMotor motor;
  EXPECT_NEAR(settle(pid, motor, 6.0, 3'000), 6.0, 0.01);
}

TEST(VelocityPid, does_not_wind_up_at_a_target_out_of_reach) {
  VelocityPid pid{PidGains{}};
  DcMotor motor;
  settle(pid, motor, 100.0, 10'000);
  // Wound up, it would stay at the limit for seconds.
  EXPECT_NEAR(settle(pid, motor, 6.0, 1'500), 6.0, 0.1);
}

TEST(DriveFrames, a_voltage_is_millivolts_little_endian) {
  const FrameBytes expected{0x10, 0x27, 0xf0, 0xd8, 7, 0, 0, 0};  // 10,000 and -10,000.
  EXPECT_EQ(encode(10.0, -10.0, 7), expected);
}

TEST(DriveFrames, a_voltage_out_of_range_is_the_nearest_that_fits) {
  EXPECT_EQ(encode(1e9, -1e9, 0), encode(32.0, -32.0, 0));
}

TEST(DriveFrames, a_turn_is_right_across_the_counter_s_overflow) {
  constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
  EXPECT_DOUBLE_EQ(turned(kMost, kLeast), turned(0, 1));
  EXPECT_DOUBLE_EQ(turned(kLeast, kMost), turned(1, 0));
  EXPECT_DOUBLE_EQ(turned(0, 4096 * 33), 2.0 * std::numbers::pi);
}

TEST(Noise, is_the_same_in_each_run_and_normal) {
  Noise one{1};
  Noise again{1};
  double sum = 0.0;
  double squares = 0.0;
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i) {
    const double value = one.next();
    ASSERT_EQ(value, again.next());
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kCount, 0.0, 0.02);
  EXPECT_NEAR(squares / kCount, 1.0, 0.02);
}

TEST(MemsAxis, reads_the_truth_on_average_with_the_density_s_spread) {
  Noise noise{2};
  MemsAxis axis{0.01, 0.0};
  constexpr double kRate = 500.0;
  constexpr int kCount = 50'000;
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < kCount; ++i) {
    const double error = axis.read(1.0, 1.0 / kRate, noise) - 1.0;
    sum += error;
    squares += error * error;
  }
  EXPECT_NEAR(sum / kCount, 0.0, 0.005);
  EXPECT_NEAR(squares / kCount, axis.variance(kRate), 0.002);
}

TEST(Room, a_ray_ends_at_the_wall_it_looks_at) {
  EXPECT_NEAR(clear_distance(0.0, 0.0, 0.0), kHalfLength, 1e-9);
  EXPECT_NEAR(clear_distance(1.0, 0.0, std::numbers::pi), 1.0 + kHalfLength, 1e-9);
  EXPECT_NEAR(clear_distance(0.0, 1.0, std::numbers::pi / 2.0), kHalfWidth - 1.0, 1e-9);
}

TEST(Room, a_ray_ends_at_the_pillar_before_the_wall) {
  const Pillar& pillar = kPillars[0];
  EXPECT_NEAR(clear_distance(0.0, pillar.y, 0.0), pillar.x - pillar.radius, 1e-9);
  EXPECT_NEAR(clear_distance(pillar.x + 1.0, pillar.y, 0.0), kHalfLength - pillar.x - 1.0, 1e-9);
}

TEST(Room, there_is_no_way_from_within_a_pillar_or_from_outside) {
  EXPECT_EQ(clear_distance(kPillars[1].x, kPillars[1].y, 1.0), 0.0);
  EXPECT_EQ(clear_distance(10.0, 0.0, 1.0), 0.0);
}

TEST(Photo, the_embedded_one_is_decoded_and_is_a_picture) {
  const Photo photo = decode_jpeg(embedded_jpeg());
  EXPECT_EQ(photo.width, 1024U);
  EXPECT_EQ(photo.height, 768U);
  const std::set<std::byte> values{photo.pixels.begin(), photo.pixels.end()};
  EXPECT_GT(values.size(), 200U);
}

TEST(Photo, what_is_no_jpeg_is_an_error_that_says_so) {
  const std::array<unsigned char, 4> bytes{'n', 'o', 'p', 'e'};
  EXPECT_THAT([&] { decode_jpeg(bytes); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("JPEG")));
}

input_event event(std::uint16_t type, std::uint16_t code, int value) {
  input_event made{};
  made.type = type;
  made.code = code;
  made.value = value;
  return made;
}

TEST(StickState, a_report_ends_with_syn_and_its_order_has_both_axes) {
  StickState stick;
  stick.calibrate(ABS_X, 0, 255);
  stick.calibrate(ABS_Y, 0, 255);
  EXPECT_FALSE(stick.apply(event(EV_ABS, ABS_X, 255)));
  EXPECT_FALSE(stick.apply(event(EV_ABS, ABS_Y, 0)));
  EXPECT_TRUE(stick.apply(event(EV_SYN, SYN_REPORT, 0)));
  EXPECT_FLOAT_EQ(stick.order().linear, 0.8F);
  EXPECT_FLOAT_EQ(stick.order().angular, -1.5F);
}

TEST(StickState, arrows_drive_while_they_are_held) {
  StickState stick;
  stick.apply(event(EV_KEY, KEY_UP, 1));
  stick.apply(event(EV_KEY, KEY_LEFT, 1));
  EXPECT_FLOAT_EQ(stick.order().linear, 0.8F);
  EXPECT_FLOAT_EQ(stick.order().angular, 1.5F);
  stick.apply(event(EV_KEY, KEY_UP, 0));
  EXPECT_FLOAT_EQ(stick.order().linear, 0.0F);
}

TEST(StickState, other_axes_and_keys_change_nothing) {
  StickState stick;
  stick.apply(event(EV_ABS, ABS_RZ, 1'000));
  stick.apply(event(EV_KEY, KEY_A, 1));
  EXPECT_FLOAT_EQ(stick.order().linear, 0.0F);
  EXPECT_FLOAT_EQ(stick.order().angular, 0.0F);
}

}  // namespace
}  // namespace rover

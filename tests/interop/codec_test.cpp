// SPDX-License-Identifier: Apache-2.0
#include "shm/interop/codec.hpp"

#include <cmath>
#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include <horus/message.hpp>
#include <horus/msg/control.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>

#include "shm/interop/protobuf.hpp"
#include "shm/interop/well_known.hpp"
#include "shm/schema.hpp"

namespace horus::interop {
namespace {

using shm::FieldInfo;
using shm::Kind;
using shm::TypeInfo;

std::mt19937 any{1};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same messages each time.

void fill(const TypeInfo& type, std::span<std::byte> message);

/// What a sender may write: texts that end, flags of 0 and 1, any number.
void fill_element(const FieldInfo& field, std::span<std::byte> one) {
  if (field.kind == Kind::kMessage) return fill(*field.nested, one);
  if (field.kind == Kind::kBool) {
    one[0] = std::byte{static_cast<std::uint8_t>(any() % 2)};
    return;
  }
  if (field.kind == Kind::kText) {
    const std::size_t length = any() % (one.size() + 1);
    for (std::size_t i = 0; i < length; ++i)
      one[i] = std::byte{static_cast<std::uint8_t>('a' + i % 26)};
    return;
  }
  for (std::byte& byte : one) byte = std::byte{static_cast<std::uint8_t>(any())};
}

/// Counts are within their arrays; what they leave out is 0.
void fill(const TypeInfo& type, std::span<std::byte> message) {
  for (const FieldInfo& field : type.fields) {
    if (field.kind == Kind::kPadding) continue;
    for (std::size_t i = 0; i < field.count; ++i) {
      fill_element(field, message.subspan(field.offset + i * field.size, field.size));
    }
  }
  for (const FieldInfo& field : type.fields) {
    const FieldInfo* const by =
        field.counted_by.empty() ? nullptr : shm::find_field(type, field.counted_by);
    if (by == nullptr) continue;
    const auto count = static_cast<std::uint32_t>(any() % (field.count + 1));
    std::memset(message.data() + by->offset, 0, by->size);
    std::memcpy(message.data() + by->offset, &count, std::min<std::size_t>(by->size, 4));
  }
  for (const FieldInfo& field : type.fields) {
    const FieldInfo* const by =
        field.counted_by.empty() ? nullptr : shm::find_field(type, field.counted_by);
    if (by == nullptr) continue;
    std::uint32_t count = 0;
    std::memcpy(&count, message.data() + by->offset, std::min<std::size_t>(by->size, 4));
    for (std::size_t i = count; i < field.count; ++i) {
      std::memset(message.data() + field.offset + i * field.size, 0, field.size);
    }
  }
}

/// A message of this type with random contents, its tails included.
std::vector<std::byte> some_message(const TypeInfo& type) {
  std::vector<std::byte> head(type.size);
  fill(type, head);
  for (const shm::TailInfo& tail : type.tails) {
    for (const std::string_view name : tail.counted_by) {
      const FieldInfo* const by = name.empty() ? nullptr : shm::find_field(type, name);
      if (by == nullptr) continue;
      const auto count = static_cast<std::uint32_t>(any() % 20);
      std::memcpy(head.data() + by->offset, &count, by->size);
    }
  }
  const auto layout = shm::TailLayout::of(type, head).value();
  std::vector<std::byte> message(layout.size());
  std::ranges::copy(head, message.begin());
  for (std::size_t i = 0; i < type.tails.size(); ++i) {
    const std::size_t bytes = layout.count(i) * type.tails[i].size;
    for (std::size_t k = 0; k < bytes; ++k) {
      message[layout.offset(i) + k] = std::byte{static_cast<std::uint8_t>(any())};
    }
  }
  return message;
}

std::string encoded(const TypeInfo& type, std::span<const std::byte> message) {
  std::string bytes;
  EXPECT_TRUE(encode(type, message, bytes));
  return bytes;
}

/// A NaN may come back with other bits: conversions between float and double may make it quiet.
bool is_nan_field(const TypeInfo& type, std::size_t at, std::span<const std::byte> message) {
  for (const FieldInfo& field : type.fields) {
    if (at < field.offset || at >= field.offset + std::size_t{field.size} * field.count) continue;
    const std::size_t start = field.offset + (at - field.offset) / field.size * field.size;
    if (field.kind == Kind::kMessage) {
      return is_nan_field(*field.nested, at - start, message.subspan(start, field.size));
    }
    if (field.kind != Kind::kF32) return false;
    float value = 0;
    std::memcpy(&value, message.data() + start, sizeof value);
    return std::isnan(value);
  }
  return false;
}

TEST(CodecTest, every_message_of_every_type_comes_back_as_it_was) {
  for (const TypeInfo* const type : shm::all_types()) {
    for (int i = 0; i < 50; ++i) {
      const auto message = some_message(*type);
      const auto back = decode(*type, encoded(*type, message));
      ASSERT_TRUE(back) << type->name << ": " << describe(back.error());
      ASSERT_EQ(back.value().size(), message.size()) << type->name;
      for (std::size_t k = 0; k < message.size(); ++k) {
        if (back.value()[k] == message[k] || is_nan_field(*type, k, message)) continue;
        FAIL() << type->name << " differs at byte " << k;
      }
    }
  }
}

TEST(CodecTest, a_type_known_from_its_schema_alone_reads_the_same_bytes) {
  const TypeInfo& type = type_info(shm::Tag<msg::JointState>{});
  const auto parsed = shm::parse_schema(shm::schema_of(type)).value();
  const auto message = some_message(type);
  EXPECT_EQ(decode(parsed.info(), encoded(type, message)).value(), message);
}

TEST(CodecTest, viewers_find_the_fields_that_they_draw) {
  msg::Odometry odometry;
  odometry.pose = {.x = 1, .y = 2, .theta = 0};
  odometry.timestamp_ns = 3'000'000'004;
  const TypeInfo& type = type_info(shm::Tag<msg::Odometry>{});
  const std::string bytes = encoded(type, std::as_bytes(std::span{&odometry, 1}));
  EXPECT_EQ(format_of(type).schema_name, "foxglove.PoseInFrame");
  protozero::pbf_reader in{bytes};
  ASSERT_TRUE(in.next(1));
  EXPECT_EQ(read_time(in), odometry.timestamp_ns);
  protozero::pbf_reader pose_in{bytes};
  ASSERT_TRUE(pose_in.next(3));
  protozero::pbf_reader pose = pose_in.get_message();
  ASSERT_TRUE(pose.next(1));
  protozero::pbf_reader position = pose.get_message();
  ASSERT_TRUE(position.next(2));
  EXPECT_EQ(position.get_double(), 2);
}

TEST(CodecTest, what_is_zero_is_not_written_and_minus_zero_is) {
  msg::CmdVel command;
  const TypeInfo& type = type_info(shm::Tag<msg::CmdVel>{});
  EXPECT_EQ(encoded(type, std::as_bytes(std::span{&command, 1})), "");
  command.linear = -0.0F;
  const std::string bytes = encoded(type, std::as_bytes(std::span{&command, 1}));
  EXPECT_NE(bytes, "");
  EXPECT_TRUE(std::signbit(
      reinterpret_cast<const msg::CmdVel*>(decode(type, bytes).value().data())->linear));
}

TEST(CodecTest, text_that_is_no_utf8_is_marked) {
  const auto text = [](std::string_view bytes) { return utf8_of(std::as_bytes(std::span{bytes})); };
  EXPECT_EQ(text("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(text("\xE2\x82\xAC \xF0\x9F\xA4\x96"), "\xE2\x82\xAC \xF0\x9F\xA4\x96");
  EXPECT_EQ(text("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(text("\xC3"), "\xEF\xBF\xBD") << "cut off";
  EXPECT_EQ(text("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "longer than it has to be";
  EXPECT_EQ(text("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "half of a pair";
  EXPECT_EQ(text("\xF4\x90\x80\x80").substr(0, 3), "\xEF\xBF\xBD") << "beyond Unicode";
}

TEST(CodecTest, a_text_that_is_full_and_no_utf8_reads_as_far_as_it_fits) {
  msg::Odometry odometry;
  std::memset(odometry.frame_id, 0xE9, sizeof odometry.frame_id);
  const TypeInfo& type = type_info(shm::Tag<msg::Odometry>{});
  const auto back = decode(type, encoded(type, std::as_bytes(std::span{&odometry, 1})));
  ASSERT_TRUE(back);
  EXPECT_EQ(back.value()[offsetof(msg::Odometry, frame_id)], std::byte{0xEF});
}

TEST(CodecTest, a_message_of_another_length_is_refused) {
  const TypeInfo& type = type_info(shm::Tag<msg::CmdVel>{});
  const std::vector<std::byte> shorter(type.size - 1);
  std::string bytes;
  EXPECT_FALSE(encode(type, shorter, bytes));
}

TEST(CodecTest, bytes_from_anywhere_are_refused_or_give_a_message) {
  for (const TypeInfo* const type : shm::all_types()) {
    for (int i = 0; i < 200; ++i) {
      std::string bytes = encoded(*type, some_message(*type));
      if (bytes.empty()) continue;
      for (int changes = 0; changes < 4; ++changes) {
        bytes[any() % bytes.size()] = static_cast<char>(any());
      }
      bytes.resize(any() % (bytes.size() + 1));
      if (const auto back = decode(*type, bytes)) {
        EXPECT_GE(back.value().size(), type->size);
      }
    }
  }
}

TEST(CodecTest, the_stamp_is_found_in_either_unit) {
  msg::CmdVel command;
  command.timestamp_ns = 5;
  EXPECT_EQ(stamp_ns_of(type_info(shm::Tag<msg::CmdVel>{}), std::as_bytes(std::span{&command, 1})),
            5U);
  const TypeInfo* const joystick = shm::find_type("JoystickInput");
  ASSERT_NE(joystick, nullptr);
  std::vector<std::byte> message(joystick->size);
  const std::uint64_t ms = 7;
  std::memcpy(message.data() + shm::find_field(*joystick, "timestamp_ms")->offset, &ms, sizeof ms);
  EXPECT_EQ(stamp_ns_of(*joystick, message), 7'000'000U);
}

}  // namespace
}  // namespace horus::interop

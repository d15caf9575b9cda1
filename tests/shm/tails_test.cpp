// SPDX-License-Identifier: Apache-2.0
// Messages with tails: how they lie in memory, and that no count leads out of it.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <horus/message.hpp>
#include <horus/msg/navigation.hpp>
#include <horus/msg/sensors.hpp>

#include "shm/schema.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

using msg::CompressedImage;
using msg::CostMap;
using msg::OccupancyGrid;
using testing::ElementsAre;

class TailsTest : public test::ShmTest {
 protected:
  alignas(8) std::array<std::byte, 4096> buffer{};

  static OccupancyGrid grid(std::uint32_t width, std::uint32_t height) {
    OccupancyGrid grid;
    grid.width = width;
    grid.height = height;
    return grid;
  }
  static const TypeInfo& type() { return type_info(Tag<OccupancyGrid>{}); }
};

TEST_F(TailsTest, each_tail_begins_at_a_multiple_of_eight_bytes) {
  CostMap head;
  head.width = 3;
  head.height = 2;
  const auto built = MessageBuilder<CostMap>::in(buffer, head);
  ASSERT_TRUE(built);
  ASSERT_EQ(built->tail<std::int8_t>("data").size(), 6U);
  ASSERT_EQ(built->tail<std::uint8_t>("costs").size(), 6U);
  EXPECT_EQ(reinterpret_cast<std::byte*>(built->tail<std::int8_t>("data").data()), &buffer[168]);
  EXPECT_EQ(reinterpret_cast<std::byte*>(built->tail<std::uint8_t>("costs").data()), &buffer[176]);
  EXPECT_EQ(built->bytes().size(), 182U);
}

TEST_F(TailsTest, what_one_builds_and_sends_another_views) {
  const auto session = open();
  auto publisher = session->publish("map", type()).value();
  auto subscriber = session->subscribe("map", type()).value();
  const auto built = MessageBuilder<OccupancyGrid>::in(buffer, grid(2, 2));
  ASSERT_TRUE(built);
  built->tail<std::int8_t>("data")[0] = -1;
  built->tail<std::int8_t>("data")[3] = 100;
  ASSERT_TRUE(publisher.send(built->bytes()));

  // As large as the topic's largest, or take() would have nowhere to put it.
  std::vector<std::uint64_t> whole(subscriber.max_size() / 8);
  const auto bytes = std::as_writable_bytes(std::span{whole});
  const std::ptrdiff_t size = subscriber.take(bytes);
  ASSERT_EQ(size, 156);
  const auto view = MessageView<OccupancyGrid>::of(bytes.first(static_cast<std::size_t>(size)));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->head().width, 2U);
  EXPECT_THAT(view->tail<std::int8_t>("data"), ElementsAre(-1, 0, 0, 100));
  EXPECT_TRUE(view->tail<std::uint8_t>("data").empty()) << "of another kind";
  EXPECT_TRUE(view->tail<std::int8_t>("costs").empty()) << "of no such name";
}

TEST_F(TailsTest, a_topic_takes_one_mebibyte_unless_asked_for_more) {
  const auto session = open();
  EXPECT_EQ(session->publish("map", type()).value().max_size(), 1U << 20);
  EXPECT_EQ(session->publish("maps", type(), {.max_size = 1U << 22}).value().max_size(), 1U << 22);
  EXPECT_FALSE(session->publish("giant", type(), {.max_size = (1U << 22) + 1}));
}

TEST_F(TailsTest, a_buffer_that_is_too_small_or_crooked_is_refused) {
  EXPECT_TRUE(MessageBuilder<OccupancyGrid>::in(std::span{buffer}.first(156), grid(2, 2)));
  EXPECT_FALSE(MessageBuilder<OccupancyGrid>::in(std::span{buffer}.first(155), grid(2, 2)));
  EXPECT_FALSE(MessageBuilder<OccupancyGrid>::in(std::span{buffer}.subspan(4), grid(2, 2)));
  const auto built = MessageBuilder<OccupancyGrid>::in(buffer, grid(2, 2));
  EXPECT_TRUE(MessageView<OccupancyGrid>::of(built->bytes()));
  std::memmove(&buffer[4], buffer.data(), 156);
  EXPECT_FALSE(MessageView<OccupancyGrid>::of(std::span{buffer}.subspan(4, 156)));
}

TEST_F(TailsTest, a_message_that_is_not_as_long_as_its_head_says_is_refused) {
  const auto built = MessageBuilder<OccupancyGrid>::in(buffer, grid(2, 2));
  ASSERT_TRUE(built);
  for (std::size_t size = 0; size <= 400; ++size) {
    EXPECT_EQ(MessageView<OccupancyGrid>::of(std::span{buffer}.first(size)).has_value(),
              size == 156);
  }
}

TEST_F(TailsTest, no_count_is_too_hostile) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  for (const auto& [width, height] : {std::pair{kMost, kMost}, std::pair{kMost, 1U},
                                      std::pair{65536U, 65536U}, std::pair{1U << 31, 2U}}) {
    const OccupancyGrid head = grid(width, height);
    const auto bytes = std::as_bytes(std::span{&head, 1});
    EXPECT_FALSE(TailLayout::of(type(), bytes)) << width << " x " << height;
    std::memcpy(buffer.data(), &head, sizeof head);
    EXPECT_FALSE(MessageView<OccupancyGrid>::of(buffer));
    EXPECT_FALSE(MessageBuilder<OccupancyGrid>::in(buffer, head));
  }
  EXPECT_TRUE(TailLayout::of(
      type(), std::as_bytes(std::span<const OccupancyGrid>{std::array{grid(2048, 2047)}})));
}

TEST_F(TailsTest, whatever_the_bytes_are_every_tail_lies_within_the_message) {
  std::mt19937_64 random{11};
  std::uint64_t good = 0;
  for (int round = 0; round < 4000; ++round) {
    for (const TypeInfo* type : all_types()) {
      if (type->tails.empty()) continue;
      std::ranges::generate(std::span{buffer}.first(type->size),
                            [&] { return static_cast<std::byte>(random() & 1); });
      const auto layout = TailLayout::of(*type, buffer);
      if (!layout) continue;
      ++good;
      for (std::size_t i = 0; i < type->tails.size(); ++i) {
        EXPECT_LE(layout->offset(i) + layout->count(i) * type->tails[i].size, layout->size());
        EXPECT_LE(layout->size(), kMaxMessage);
      }
    }
  }
  EXPECT_GT(good, 0U);
}

TEST_F(TailsTest, are_part_of_the_schema) {
  EXPECT_EQ(schema_of(type_info(Tag<CompressedImage>{})),
            "CompressedImage{format:s8@0;data_count:u32@8;width:u32@12;height:u32@16;"
            "frame_id:s32@20;timestamp_ns:u64@56;data:u8[*:data_count]}64/8");
  const auto parsed = parse_schema(schema_of(type_info(Tag<CostMap>{}))).value();
  ASSERT_EQ(parsed.info().tails.size(), 2U);
  const TailInfo& costs = parsed.info().tails[1];
  EXPECT_EQ(costs.name, "costs");
  EXPECT_EQ(costs.kind, Kind::kU8);
  EXPECT_EQ(costs.size, 1U);
  EXPECT_THAT(costs.counted_by, ElementsAre("width", "height"));
  EXPECT_TRUE(parsed.info().varies());
}

TEST_F(TailsTest, that_nobody_declares_are_refused) {
  const auto refusal = [](std::string_view schema) {
    const auto parsed = parse_schema(schema);
    return parsed ? "accepted" : std::string{parsed.error().subject.view()};
  };
  EXPECT_EQ(refusal("A{n:u8@0;x:f64[*:n]}1/1"), "accepted");
  EXPECT_EQ(refusal("A{n:u8@0;x:f64[*:n*n]}1/1"), "accepted");
  for (const auto& [schema, says] : std::vector<std::pair<const char*, const char*>>{
           {"A{x:f64[*:n]}1/1", "a type without a field at byte 16, field x"},
           {"A{n:u8@0;x:f64[*]}1/1", "':' is expected at byte 16, field x"},
           {"A{n:u8@0;x:f64[*:n*]}1/1",
            "a name of 1 to 63 letters is expected at byte 20, field x"},
           {"A{n:u8@0;x:f64[*:n*n*n]}1/1", "']' is expected at byte 20, field x"},
           {"A{n:u8@0;x:s8[*:n]}1/1", "a tail's elements are numbers at byte 15, field x"},
           {"A{n:u8@0;x:B{y:u8@0}1/1[*:n]}1/1",
            "a tail's elements are numbers at byte 25, field x"},
           {"A{n:u8@0;x:f64[*:m]}1/1",
            "what counts the elements is no field of kind u8, u16 or u32 at byte 23, field x"},
           {"A{n:u64@0;x:f64[*:n]}8/8",
            "what counts the elements is no field of kind u8, u16 or u32 at byte 24, field x"},
           {"A{n:u8@0;x:f64[*:n];x:u8[*:n]}1/1", "two fields have one name at byte 33, field x"},
           {"A{n:u8@0;n:f64[*:n]}1/1", "two fields have one name at byte 23, field n"},
           {"A{n:u8@0;x:f64[*:n];y:u8@1}2/1", "a field behind a tail at byte 24, field y"},
           {"A{b:B{n:u8@0;x:u8[*:n]}1/1@0}1/1",
            "a type whose size varies inside of another at byte 19, field x"},
       }) {
    EXPECT_EQ(refusal(schema), says) << schema;
  }
  std::string many = "A{n:u8@0";
  for (const char name : std::string_view{"abcdefghi"}) {
    many += std::string{";"} + name + ":u8[*:n]";
  }
  EXPECT_THAT(refusal(many + "}1/1"), testing::StartsWith("too many tails"));
}

}  // namespace
}  // namespace horus::shm

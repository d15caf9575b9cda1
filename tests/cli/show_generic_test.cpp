// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "tools/cli/show_message.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;

Result<MessageJson> read(const std::string& bytes) {
  return generic_message(std::as_bytes(std::span{bytes}));
}

/// As one line of JSON; "?" when it was refused.
std::string line(const std::string& bytes) {
  const auto message = read(bytes);
  return message ? message_line(message.value()) : "?";
}

std::string raw(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text += static_cast<char>(byte);
  return text;
}

TEST(GenericMessage, every_kind_of_value_is_read) {
  EXPECT_EQ(line(raw({0xC0})), "null");
  EXPECT_EQ(line(raw({0xC2})), "false");
  EXPECT_EQ(line(raw({0xC3})), "true");
  EXPECT_EQ(line(raw({0x7F})), "127");
  EXPECT_EQ(line(raw({0xFF})), "-1");
  EXPECT_EQ(line(raw({0xCC, 0xFF})), "255");
  EXPECT_EQ(line(raw({0xCD, 0x01, 0x00})), "256");
  EXPECT_EQ(line(raw({0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})),
            "18446744073709551615");
  EXPECT_EQ(line(raw({0xD0, 0x80})), "-128");
  EXPECT_EQ(line(raw({0xD1, 0xFF, 0x00})), "-256");
  EXPECT_EQ(line(raw({0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0})), "-9223372036854775808");
  EXPECT_EQ(line(raw({0xA2}) + "hi"), "\"hi\"");
  EXPECT_EQ(line(raw({0xD9, 2}) + "hi"), "\"hi\"");
  EXPECT_EQ(line(raw({0xC4, 2, 0xDE, 0xAD})), R"({"bytes":"dead"})");
  EXPECT_EQ(line(raw({0x92, 1, 2})), "[1,2]");
  EXPECT_EQ(line(raw({0xDC, 0, 1, 5})), "[5]");
  EXPECT_EQ(line(raw({0x81, 0xA1}) + "v" + raw({3})), R"({"v":3})");
  EXPECT_EQ(line(raw({0xD6, 9, 1, 2, 3, 4})), R"({"extension":9,"size":4,"bytes":"01020304"})");
}

TEST(GenericMessage, floats_are_shown_as_they_were_written) {
  EXPECT_EQ(line(raw({0xCA, 0x3D, 0xCC, 0xCC, 0xCD})), "0.1");
  EXPECT_EQ(line(raw({0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0})), "1.5");
  EXPECT_EQ(line(raw({0xCB, 0x7F, 0xF8, 0, 0, 0, 0, 0, 0})), "null");
}

TEST(GenericMessage, fields_keep_their_order) {
  EXPECT_EQ(line(raw({0x82, 0xA1}) + "z" + raw({1, 0xA1}) + "a" + raw({2})), R"({"z":1,"a":2})");
}

TEST(GenericMessage, keys_that_are_no_text_become_text) {
  EXPECT_EQ(line(raw({0x81, 7, 1})), R"({"7":1})");
  EXPECT_EQ(line(raw({0x81, 0xC0, 1})), R"({"null":1})");
  EXPECT_EQ(line(raw({0x81, 0xC4, 1, 0xAB, 1})), R"({"ab":1})");
}

TEST(GenericMessage, maps_lists_and_extensions_are_no_keys) {
  EXPECT_EQ(line(raw({0x81, 0x90, 1})), "?");
  EXPECT_EQ(line(raw({0x81, 0x80, 1})), "?");
  EXPECT_EQ(line(raw({0x81, 0xD4, 9, 0, 1})), "?");
}

TEST(GenericMessage, keys_within_keys_do_not_double_their_quotes_without_end) {
  std::string bytes(40, '\x81');
  bytes += raw({0xA1}) + "\"" + std::string(40, '\xC0');
  EXPECT_EQ(line(bytes), "?");
}

TEST(GenericMessage, an_array_of_numbers_shows_its_type_its_shape_and_its_values) {
  const std::string head = raw({0xC7, 2 + 4 + 8, 1, 0, 1, 2, 0, 0, 0});
  EXPECT_EQ(line(head + raw({0, 0, 0x80, 0x3F, 0, 0, 0, 0x40})),
            R"({"dtype":"float32","shape":[2],"values":[1.0,2.0]})");
  EXPECT_EQ(line(raw({0xC7, 4, 1, 8, 0, 5, 6})), R"({"dtype":"uint8","shape":[],"values":[5,6]})");
}

TEST(GenericMessage, an_array_that_is_shorter_than_it_says_is_refused) {
  EXPECT_EQ(line(raw({0xD4, 1, 0})), "?");                     // No dimensions.
  EXPECT_EQ(line(raw({0xD5, 1, 0, 255})), "?");                // Of 255 dimensions none.
  EXPECT_EQ(line(raw({0xC7, 6, 1, 99, 1, 1, 0, 0, 0})), "?");  // No such type.
}

TEST(GenericMessage, lengths_beyond_the_end_are_refused) {
  for (const auto& bytes :
       {raw({}), raw({0xA5}), raw({0xDB, 0xFF, 0xFF, 0xFF, 0xFF}), raw({0xC6, 0xFF, 0, 0, 0}),
        raw({0xDD, 0xFF, 0xFF, 0xFF, 0xFF}), raw({0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 1}),
        raw({0xC9, 0x7F, 0xFF, 0xFF, 0xFF, 1}), raw({0xCF, 1, 2}), raw({0x81, 0xA1})}) {
    EXPECT_EQ(line(bytes), "?");
    EXPECT_EQ(read(bytes).error().code, Errc::kCorrupt);
  }
}

TEST(GenericMessage, what_is_no_value_and_what_follows_one_are_refused) {
  EXPECT_EQ(line(raw({0xC1})), "?");
  EXPECT_EQ(line(raw({1, 1})), "?");
}

TEST(GenericMessage, a_message_of_a_type_that_only_its_program_knows_keeps_its_bytes) {
  const std::string body = std::string(8, '\0') + raw({5}) + "Wheel" + raw({0, 0xC0, 0x3F});
  const std::string value = raw({0xC7, static_cast<int>(body.size()), 2}) + body;
  EXPECT_EQ(line(value), R"({"message":"Wheel","size":3,"bytes":"00c03f"})");
}

TEST(GenericMessage, nesting_has_a_bound) {
  EXPECT_NE(line(std::string(64, '\x91') + '\x01'), "?");
  const auto deep = read(std::string(100'000, '\x91') + '\x01');
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, Errc::kExhausted);
}

TEST(GenericMessage, the_largest_map_takes_no_longer_than_its_size) {
  constexpr std::uint32_t kKeys = 500'000;
  std::string bytes = raw({0xDF, 0, kKeys >> 16 & 0xFF, kKeys >> 8 & 0xFF, kKeys & 0xFF});
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    bytes += raw({0xCE, 0, static_cast<int>(i >> 16U), static_cast<int>(i >> 8U & 0xFFU),
                  static_cast<int>(i & 0xFFU), 0xC0});
  }
  const auto message = read(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message.value().size(), kKeys);
}

TEST(GenericMessage, text_that_a_terminal_would_obey_is_shown_harmless) {
  const auto message = read(raw({0x81, 0xA5}) + "\x1b[31m" + raw({0xA3}) + "\xc2\x9b\xff");
  ASSERT_TRUE(message);
  EXPECT_EQ(message_text(message.value()), "?[31m: ??\n");
  EXPECT_EQ(message_line(message.value()), "{\"\\u001b[31m\":\"\\u009b\\ufffd\"}");
}

}  // namespace
}  // namespace horus::cli

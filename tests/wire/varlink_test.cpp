// SPDX-License-Identifier: Apache-2.0
#include "service/wire/varlink.hpp"

#include <string>

#include <gtest/gtest.h>

#include "service/wire/interfaces.hpp"

namespace horus::wire {
namespace {

std::string without_end(std::string message) {
  EXPECT_EQ(message.back(), '\0');
  message.pop_back();
  return message;
}

std::string nested(int depth) {
  return R"({"method":"a.b","parameters":{"x":)" +
         std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']') + "}}";
}

TEST(ParseRequest, a_written_request_reads_back_the_same) {
  const Request sent{.method = "io.horus.Stats.Subscribe",
                     .parameters = {{"interval_ms", 200}, {"node", "mötor \"1\""}},
                     .more = true,
                     .oneway = false};
  const auto read = parse_request(without_end(encode(sent)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value().method, sent.method);
  EXPECT_EQ(read.value().parameters, sent.parameters);
  EXPECT_TRUE(read.value().more);
  EXPECT_FALSE(read.value().oneway);
}

TEST(ParseRequest, parameters_may_be_left_out_and_are_then_empty) {
  const auto read = parse_request(R"({"method":"org.varlink.service.GetInfo"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value().parameters, Json::object());
}

TEST(ParseRequest, what_is_no_json_object_is_corrupt) {
  for (const std::string text :
       {"", "x", "[]", "12", "null", "\"method\"", "{", "{\"method\":", "{\"method\":\"a.b\"}}",
        "{\"method\":\"a.b\"} {}", "{\"method\":\"a\xff.b\"}", "{\"method\":\"\xed\xa0\x80\"}",
        "{'method':'a.b'}", "{\"method\":\"a.b\",}",
        "{\"method\":\"a.b\",\"parameters\":{\"x\":1e999}}"}) {
    const auto read = parse_request(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::kCorrupt) << text;
  }
}

TEST(ParseRequest, a_field_that_is_unknown_or_of_the_wrong_type_is_named) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "method"},
      {R"({"method":1})", "method"},
      {R"({"method":""})", "method"},
      {R"({"method":"a.b","parameters":[]})", "parameters"},
      {R"({"method":"a.b","parameters":null})", "parameters"},
      {R"({"method":"a.b","more":1})", "more"},
      {R"({"method":"a.b","oneway":"yes"})", "oneway"},
      {R"({"method":"a.b","upgrade":true})", "upgrade"},
      {R"({"method":"a.b","Method":"c"})", "Method"},
  };
  for (const auto& [text, field] : cases) {
    const auto read = parse_request(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::kInvalidArgument) << text;
    EXPECT_EQ(read.error().subject.view(), field) << text;
  }
}

TEST(ParseRequest, a_method_name_is_bounded) {
  const auto with_name = [](std::size_t size) {
    return R"({"method":")" + std::string(size, 'm') + "\"}";
  };
  EXPECT_TRUE(parse_request(with_name(kMaxMethodBytes)));
  EXPECT_FALSE(parse_request(with_name(kMaxMethodBytes + 1)));
}

TEST(ParseRequest, depth_is_bounded_and_brackets_in_text_do_not_count) {
  EXPECT_TRUE(parse_request(nested(kMaxDepth - 2)));
  const auto deeper = parse_request(nested(kMaxDepth - 1));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, Errc::kExhausted);
  EXPECT_FALSE(parse_request(nested(30'000)));
  EXPECT_TRUE(parse_request(R"({"method":"a.b","parameters":{"x":"[[[[[[[[[[[[[[[[[[[[\"[[["}})"));
  EXPECT_TRUE(parse_request(R"({"method":"a.b","parameters":{"x":"\"[[[[[[[[[[[[[[[[[[[["}})"));
}

TEST(ParseRequest, size_is_bounded) {
  const auto of_size = [](std::size_t size) {
    const std::string head = R"({"method":"a.b","parameters":{"x":")";
    return head + std::string(size - head.size() - 3, 'x') + "\"}}";
  };
  EXPECT_TRUE(parse_request(of_size(kMaxRequestBytes)));
  const auto longer = parse_request(of_size(kMaxRequestBytes + 1));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, Errc::kExhausted);
}

TEST(ParseReply, a_written_reply_reads_back_the_same) {
  const Reply sent{
      .parameters = {{"parameter", "x"}}, .error = error::kInvalidParameter, .continues = true};
  const auto read = parse_reply(without_end(encode(sent)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value().parameters, sent.parameters);
  EXPECT_EQ(read.value().error, sent.error);
  EXPECT_TRUE(read.value().continues);
}

TEST(ParseReply, unknown_fields_are_ignored_and_wrong_types_are_not) {
  EXPECT_TRUE(parse_reply(R"({"parameters":{},"later":1})"));
  for (const char* text : {R"({"parameters":[]})", R"({"error":1})", R"({"continues":"no"})"}) {
    const auto read = parse_reply(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::kCorrupt) << text;
  }
}

TEST(Encode, text_that_is_no_utf8_is_replaced) {
  const std::string text{
      "a\xff"
      "b"};
  EXPECT_EQ(to_line({{"name", text}}), R"({"name":"a\ufffdb"})");
}

TEST(Encode, a_line_is_ascii_without_control_characters) {
  const Json json{{"name", "\x1b\x7f\xc2\x9b\xc3\xbc"}};
  EXPECT_EQ(to_line(json), R"({"name":"\u001b\u007f\u009b\u00fc"})");
  EXPECT_EQ(Json::parse(to_line(json)), json);
}

TEST(MessageReader, messages_come_out_whole_however_they_arrive) {
  MessageReader reader{100};
  std::vector<std::string> messages;
  for (const char byte : std::string{"one\0two\0\0thr", 12}) {
    ASSERT_TRUE(reader.feed({&byte, 1}));
    while (auto message = reader.next()) messages.push_back(*message);
  }
  EXPECT_EQ(messages, (std::vector<std::string>{"one", "two", ""}));
  EXPECT_TRUE(reader.partial());
}

TEST(MessageReader, several_messages_at_once_may_be_longer_than_one) {
  MessageReader reader{4};
  ASSERT_TRUE(reader.feed({"abcd\0efgh\0", 10}));
  EXPECT_FALSE(reader.partial());
  EXPECT_EQ(reader.next(), "abcd");
  EXPECT_EQ(reader.next(), "efgh");
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(MessageReader, a_message_that_is_too_long_is_an_error_before_it_ends) {
  MessageReader reader{4};
  EXPECT_TRUE(reader.feed("abcd"));
  const auto fed = reader.feed("e");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Errc::kExhausted);
}

TEST(SplitMethod, the_last_dot_divides) {
  EXPECT_EQ(split_method("io.horus.Stats.Get").interface, "io.horus.Stats");
  EXPECT_EQ(split_method("io.horus.Stats.Get").method, "Get");
  EXPECT_EQ(split_method("Get").interface, "");
}

TEST(UnknownParameter, the_first_that_is_not_known_is_named) {
  const Request request{.method = "a.b", .parameters = {{"node", "x"}, {"nod", "y"}}};
  EXPECT_EQ(unknown_parameter(request, {"node", "interval_ms"}), "nod");
  EXPECT_EQ(unknown_parameter(request, {"node", "nod"}), std::nullopt);
}

TEST(Interfaces, each_description_names_itself_and_every_method_is_described) {
  for (const char* name :
       {method::kGetInfo, method::kGetInterfaceDescription, method::kStatsGet,
        method::kStatsSubscribe, method::kStatsDescribe, method::kControlReload,
        method::kControlSetLogLevel, method::kControlEstop, method::kControlRelease,
        method::kControlMayRelease, method::kControlArm, method::kControlDisarm}) {
    const MethodName split = split_method(name);
    const Interface* found = find_interface(split.interface);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_NE(found->description.find("interface " + std::string{split.interface} + "\n"),
              std::string_view::npos);
    EXPECT_NE(found->description.find("method " + std::string{split.method} + "("),
              std::string_view::npos);
  }
  for (const char* name :
       {error::kInterfaceNotFound, error::kMethodNotFound, error::kInvalidParameter,
        error::kPermissionDenied, error::kExpectedMore, error::kNoSuchNode, error::kTooManyRequests,
        error::kReloadRejected, error::kNoNodeToSet, error::kSafetyRefused}) {
    const MethodName split = split_method(name);
    const Interface* found = find_interface(split.interface);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_NE(found->description.find("error " + std::string{split.method} + " ("),
              std::string_view::npos);
  }
  EXPECT_EQ(find_interface("io.horus.Nothing"), nullptr);
}

}  // namespace
}  // namespace horus::wire

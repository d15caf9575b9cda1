// SPDX-License-Identifier: Apache-2.0
#include "service/handlers.hpp"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "service/wire/interfaces.hpp"
#include "tests/service/fake_service.hpp"

namespace horus::service {
namespace {

using ::testing::HasSubstr;
using wire::Json;

class HandlersTest : public ::testing::Test {
 protected:
  Answer ask(const std::string& method, Json parameters = Json::object(),
             Rights rights = Rights::kControl, bool more = false) {
    return answer(service, {.method = method, .parameters = std::move(parameters), .more = more},
                  rights);
  }

  test::FakeService service;
};

TEST_F(HandlersTest, the_service_describes_itself) {
  const Answer info = ask(wire::method::kGetInfo);
  EXPECT_EQ(info.reply.parameters["product"], "horusd");
  EXPECT_EQ(info.reply.parameters["interfaces"].size(), 3U);
  const Answer interface =
      ask(wire::method::kGetInterfaceDescription, {{"interface", "io.horus.Stats"}});
  EXPECT_THAT(interface.reply.parameters["description"].get<std::string>(),
              HasSubstr("interface io.horus.Stats"));
}

TEST_F(HandlersTest, every_method_of_the_interfaces_is_answered) {
  for (const wire::Interface* interface :
       {&wire::kServiceInterface, &wire::kStatsInterface, &wire::kControlInterface}) {
    std::string_view text = interface->description;
    for (auto at = text.find("\nmethod "); at != text.npos; at = text.find("\nmethod ", at + 1)) {
      const std::string_view name = text.substr(at + 8, text.find('(', at) - at - 8);
      const Answer answered = ask(std::string{interface->name} + "." + std::string{name});
      EXPECT_NE(answered.reply.error, wire::error::kMethodNotFound) << interface->name << name;
    }
  }
}

TEST_F(HandlersTest, statistics_can_be_of_one_node) {
  EXPECT_EQ(ask(wire::method::kStatsGet).reply.parameters["hosts"].size(), 2U);
  const Answer one = ask(wire::method::kStatsGet, {{"node", "imu"}});
  ASSERT_EQ(one.reply.parameters["hosts"].size(), 1U);
  EXPECT_EQ(one.reply.parameters["hosts"][0]["nodes"].size(), 1U);
  const Answer none = ask(wire::method::kStatsGet, {{"node", "absent"}});
  EXPECT_EQ(none.reply.error, wire::error::kNoSuchNode);
  EXPECT_EQ(none.reply.parameters["node"], "absent");
}

TEST_F(HandlersTest, what_is_expected_is_told_with_its_files) {
  const Json description = ask(wire::method::kStatsDescribe).reply.parameters;
  EXPECT_EQ(description["config"][0], "robot.toml");
  EXPECT_EQ(description["hosts"][1]["name"], "planner");
  EXPECT_EQ(description["hosts"][1]["kind"], "python");
}

TEST_F(HandlersTest, a_subscription_repeats_itself) {
  const Answer answered =
      ask(wire::method::kStatsSubscribe, {{"interval_ms", 50}}, Rights::kStats, /*more=*/true);
  EXPECT_TRUE(answered.reply.continues);
  EXPECT_EQ(answered.again, 50ms);
}

TEST_F(HandlersTest, a_subscription_needs_more) {
  EXPECT_EQ(ask(wire::method::kStatsSubscribe).reply.error, wire::error::kExpectedMore);
}

struct BadCall {
  const char* name;
  const char* method;
  const char* parameters;
  const char* error;
};
const BadCall kBadCalls[] = {
    {"no_such_interface", "io.horus.Health.Get", "{}", wire::error::kInterfaceNotFound},
    {"no_interface", "Get", "{}", wire::error::kInterfaceNotFound},
    {"no_such_method", "io.horus.Stats.Erase", "{}", wire::error::kMethodNotFound},
    {"unknown_parameter", "io.horus.Stats.Get", R"({"nod":"a"})", wire::error::kInvalidParameter},
    {"unknown_parameter_of_info", "org.varlink.service.GetInfo", R"({"a":1})",
     wire::error::kInvalidParameter},
    {"unknown_parameter_of_describe", "io.horus.Stats.Describe", R"({"a":1})",
     wire::error::kInvalidParameter},
    {"unknown_parameter_of_reload", "io.horus.Control.Reload", R"({"a":1})",
     wire::error::kInvalidParameter},
    {"a_node_that_is_no_text", "io.horus.Stats.Get", R"({"node":1})",
     wire::error::kInvalidParameter},
    {"no_interface_named", "org.varlink.service.GetInterfaceDescription", "{}",
     wire::error::kInvalidParameter},
    {"an_unknown_interface", "org.varlink.service.GetInterfaceDescription",
     R"({"interface":"a.b"})", wire::error::kInterfaceNotFound},
    {"too_fast", "io.horus.Stats.Subscribe", R"({"interval_ms":49})",
     wire::error::kInvalidParameter},
    {"too_slow", "io.horus.Stats.Subscribe", R"({"interval_ms":18446744073709551615})",
     wire::error::kInvalidParameter},
    {"no_number", "io.horus.Stats.Subscribe", R"({"interval_ms":1.5})",
     wire::error::kInvalidParameter},
};

class BadCallTest : public ::testing::TestWithParam<BadCall> {};

TEST_P(BadCallTest, is_a_typed_error) {
  test::FakeService service;
  const Answer answered = answer(
      service,
      {.method = GetParam().method, .parameters = Json::parse(GetParam().parameters), .more = true},
      Rights::kControl);
  EXPECT_EQ(answered.reply.error, GetParam().error);
  EXPECT_EQ(answered.again, 0ns);
  EXPECT_EQ(service.reloads, 0);
}

INSTANTIATE_TEST_SUITE_P(, BadCallTest, ::testing::ValuesIn(kBadCalls),
                         [](const auto& bad) { return bad.param.name; });

TEST_F(HandlersTest, who_may_only_read_may_not_reload) {
  const Answer answered = ask(wire::method::kControlReload, Json::object(), Rights::kStats);
  EXPECT_EQ(answered.reply.error, wire::error::kPermissionDenied);
  EXPECT_EQ(service.reloads, 0);
}

TEST_F(HandlersTest, a_reload_says_what_it_did_or_why_not) {
  service.outcome = {.accepted = true, .message = "nothing has changed"};
  EXPECT_EQ(ask(wire::method::kControlReload).reply.parameters["message"], "nothing has changed");
  service.outcome = {.accepted = false, .message = "robot.toml:1: x"};
  const Answer refused = ask(wire::method::kControlReload);
  EXPECT_EQ(refused.reply.error, wire::error::kReloadRejected);
  EXPECT_EQ(refused.reply.parameters["message"], "robot.toml:1: x");
}

}  // namespace
}  // namespace horus::service

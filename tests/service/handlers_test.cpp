// SPDX-License-Identifier: Apache-2.0
#include "service/handlers.hpp"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "service/wire/interfaces.hpp"
#include "service/wire/stats_codec.hpp"
#include "tests/service/fake_service.hpp"

namespace horus::service {
namespace {

using ::testing::HasSubstr;
using wire::Json;

wire::Reply whole_reply(StatsReply& stats) {
  std::string text;
  while (!stats.done()) text += stats.next();
  EXPECT_EQ(text.back(), '\0');
  text.pop_back();
  auto reply = wire::parse_reply(text);
  EXPECT_TRUE(reply) << text;
  return reply ? reply.value() : wire::Reply{};
}

class HandlersTest : public ::testing::Test {
 protected:
  Answer ask(const std::string& method, Json parameters = Json::object(),
             Rights rights = Rights::kControl, bool more = false) {
    Answer answered = answer(
        service, {.method = method, .parameters = std::move(parameters), .more = more}, rights);
    if (answered.stats) answered.reply = whole_reply(*answered.stats);
    return answered;
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

TEST_F(HandlersTest, the_level_of_a_node_is_set) {
  const auto set = [&](Json parameters, Rights rights = Rights::kControl) {
    return ask(wire::method::kControlSetLogLevel, std::move(parameters), rights).reply.error;
  };
  EXPECT_EQ(set({{"node", "arm"}, {"level", "debug"}}), "");
  EXPECT_EQ(service.set_level, "arm=debug");
  EXPECT_EQ(set({{"node", "leg"}, {"level", "info"}}), wire::error::kNoNodeToSet);
  EXPECT_EQ(set({{"node", "arm"}, {"level", "loud"}}), wire::error::kInvalidParameter);
  EXPECT_EQ(set({{"node", 1}, {"level", "info"}}), wire::error::kInvalidParameter);
  EXPECT_EQ(set({{"node", "arm"}}), wire::error::kInvalidParameter);
  EXPECT_EQ(set({{"node", "arm"}, {"level", "info"}, {"more", 1}}), wire::error::kInvalidParameter);
  EXPECT_EQ(set({{"node", "arm"}, {"level", "info"}}, Rights::kStats),
            wire::error::kPermissionDenied);
  EXPECT_EQ(service.set_level, "leg=info");
}

TEST_F(HandlersTest, a_stop_and_arming_need_their_rights) {
  const auto call = [&](const char* method, Json parameters, Rights rights) {
    service.asked.clear();
    return ask(method, std::move(parameters), rights).reply.error;
  };
  EXPECT_EQ(call(wire::method::kControlEstop, {{"why", "fire"}}, Rights::kStop), "");
  EXPECT_EQ(service.asked, "0fire/");
  EXPECT_EQ(call(wire::method::kControlEstop, Json::object(), Rights::kControl), "");
  EXPECT_EQ(call(wire::method::kControlEstop, {{"why", 1}}, Rights::kControl),
            wire::error::kInvalidParameter);
  EXPECT_EQ(call(wire::method::kControlRelease, {{"reason", "out"}}, Rights::kControl), "");
  EXPECT_EQ(service.asked, "1out/");
  for (Json reason : {Json::object(), Json{{"reason", ""}}, Json{{"reason", 1}}}) {
    EXPECT_EQ(call(wire::method::kControlRelease, reason, Rights::kControl),
              wire::error::kInvalidParameter);
  }
  EXPECT_EQ(call(wire::method::kControlArm, {{"node", "drive"}}, Rights::kControl), "");
  EXPECT_EQ(service.asked, "3/drive");
  EXPECT_EQ(call(wire::method::kControlDisarm, Json::object(), Rights::kControl), "");
  EXPECT_EQ(service.asked, "4/");
  EXPECT_EQ(call(wire::method::kControlMayRelease, Json::object(), Rights::kControl), "");
  EXPECT_EQ(service.asked, "2/");
  EXPECT_EQ(call(wire::method::kControlArm, {{"node", "none"}}, Rights::kControl),
            wire::error::kNoNodeToSet);
  for (const char* method : {wire::method::kControlRelease, wire::method::kControlMayRelease,
                             wire::method::kControlArm, wire::method::kControlDisarm}) {
    for (const Rights rights : {Rights::kStats, Rights::kStop}) {
      EXPECT_EQ(call(method, Json::object(), rights), wire::error::kPermissionDenied) << method;
      EXPECT_EQ(service.asked, "");
    }
  }
  EXPECT_EQ(call(wire::method::kControlEstop, Json::object(), Rights::kStats),
            wire::error::kPermissionDenied);
  service.safety_answer = Error{Errc::kBusy, "arm a node of a robot that is at rest", 0, {}};
  const Answer refused = ask(wire::method::kControlArm);
  EXPECT_EQ(refused.reply.error, wire::error::kSafetyRefused);
  EXPECT_EQ(refused.reply.parameters["message"], "arm a node of a robot that is at rest");
}

TEST_F(HandlersTest, a_copy_of_the_black_boxes_is_asked_for) {
  const auto ask_for = [&](Json parameters = Json::object(), Rights rights = Rights::kControl) {
    return ask(wire::method::kControlFlushBlackBox, std::move(parameters), rights).reply;
  };
  EXPECT_EQ(ask_for().error, "");
  EXPECT_EQ(ask_for().parameters["file"], "/x/rover.blackbox");
  EXPECT_EQ(ask_for({{"more", 1}}).error, wire::error::kInvalidParameter);
  EXPECT_EQ(ask_for(Json::object(), Rights::kStats).error, wire::error::kPermissionDenied);
  service.box = {.kept = false, .text = "disk full"};
  EXPECT_EQ(ask_for().error, wire::error::kNotKept);
  EXPECT_EQ(ask_for().parameters["message"], "disk full");
}

TEST_F(HandlersTest, health_is_the_verdict) {
  service.verdict.health = wire::Health::kFailed;
  service.verdict.reasons = {
      {wire::Health::kFailed, "planner", "", "host 'planner' is dead", "see"}};
  const Answer health = ask(wire::method::kStatsHealth);
  EXPECT_EQ(health.reply.parameters, wire::to_json(service.verdict));
  EXPECT_EQ(health.reply.parameters["status"], "failed");
  EXPECT_EQ(ask(wire::method::kStatsHealth, {{"node", "x"}}).reply.error,
            wire::error::kInvalidParameter);
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
  EXPECT_EQ(ask(wire::method::kStatsGet, {{"node", ""}}).reply.error,
            wire::error::kInvalidParameter);
}

TEST_F(HandlersTest, statistics_made_in_pieces_are_those_made_at_once) {
  service.plans = 50;
  service.padding = std::string(10'000, 'x');
  const Answer answered = answer(service, {.method = wire::method::kStatsGet}, Rights::kStats);
  std::string text;
  std::size_t pieces = 0;
  for (; !answered.stats->done(); ++pieces) {
    const std::string piece = answered.stats->next();
    EXPECT_LT(piece.size(), stats_limit::kPieceBytes + 20'000);
    text += piece;
  }
  EXPECT_GE(pieces, 7U);
  const auto reply = wire::parse_reply(std::string_view{text}.substr(0, text.size() - 1));
  ASSERT_TRUE(reply);
  const auto view = wire::stats_from_json(reply.value().parameters);
  ASSERT_TRUE(view);
  EXPECT_EQ(view.value().hosts[1].nodes.size(), 50U);
  EXPECT_FALSE(view.value().truncated);
  EXPECT_FALSE(reply.value().continues);
  EXPECT_FALSE(view.value().boot_id.empty());
}

TEST_F(HandlersTest, statistics_end_where_a_client_would_not_take_them) {
  service.plans = 100;
  service.padding = std::string(1U << 20U, 'x');
  const Json stats = ask(wire::method::kStatsGet).reply.parameters;
  EXPECT_EQ(stats["truncated"], true);
  EXPECT_GE(stats["hosts"][1]["nodes"].size(), 11U);
  EXPECT_LE(stats["hosts"][1]["nodes"].size(), 12U);
}

TEST_F(HandlersTest, a_service_without_hosts_has_statistics) {
  StatsReply none{std::make_unique<test::ListedHosts>(std::vector<wire::HostView>{}), "", true};
  const wire::Reply reply = whole_reply(none);
  EXPECT_TRUE(reply.continues);
  EXPECT_EQ(reply.parameters["hosts"], Json::array());
  EXPECT_FALSE(none.failed());
}

TEST_F(HandlersTest, what_is_expected_is_told_with_its_files) {
  const Json description = ask(wire::method::kStatsDescribe).reply.parameters;
  EXPECT_EQ(description["base"], "/dev/shm/robot");
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

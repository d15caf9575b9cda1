// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "service/config.hpp"

namespace horus::service {
namespace {

using ::testing::HasSubstr;

const std::string kLimitHost =
    "[robot]\nname = \"rover\"\n[[host]]\nname = \"py\"\nmodule = \"m\"\n";
const CpuSet kZeroAndOne = CpuSet::parse("0-1").value();
const MachineCpus kTwoCpus{.online = kZeroAndOne, .allowed = kZeroAndOne, .isolated = {}};

ConfigResult checked_limits(const std::string& text) {
  const ConfigText file{.path = "robot.toml", .text = text};
  ConfigResult result = parse_config({&file, 1});
  auto* config = std::get_if<Config>(&result);
  if (config == nullptr) return result;
  if (auto error = check_config(*config, ConfigScope::kNodes, kTwoCpus)) return *std::move(error);
  return result;
}

std::string limit_error(const std::string& text) {
  const ConfigResult result = checked_limits(text);
  const auto* error = std::get_if<ConfigError>(&result);
  return error == nullptr ? "" : error->text;
}

TEST(ConfigLimits, each_key_has_its_limit_and_what_is_left_out_its_default) {
  const ConfigResult result = checked_limits(
      kLimitHost +
      "[[limit]]\nhost = \"py\"\nnode = \"n\"\nlate = 5\nlate_minute = 0.5\nerrors = 1\nhangs = 2\n"
      "missed = \"off\"\nrefused = 3\noverruns = 4\ngil_waits = 5\ngc_forced = 6\nrestarts = 7\n"
      "old = 8\n"
      "[[limit]]\nnode = \"m\"\n");
  ASSERT_TRUE(std::holds_alternative<Config>(result)) << limit_error(kLimitHost);
  const auto& limits = std::get<Config>(result).limits;
  ASSERT_EQ(limits.size(), 2U);
  const wire::LimitRule& rule = limits[0].rule;
  EXPECT_EQ(rule.host, "py");
  EXPECT_EQ(rule.node, "n");
  EXPECT_EQ(rule.limits.late, 5.0);
  EXPECT_EQ(rule.limits.late_minute, 0.5);
  EXPECT_EQ(rule.limits.errors, 1.0);
  EXPECT_EQ(rule.limits.hangs, 2.0);
  EXPECT_EQ(rule.limits.missed, std::nullopt);
  EXPECT_EQ(rule.limits.refused, 3.0);
  EXPECT_EQ(rule.limits.overruns, 4.0);
  EXPECT_EQ(rule.limits.gil_waits, 5.0);
  EXPECT_EQ(rule.limits.gc_forced, 6.0);
  EXPECT_EQ(rule.limits.restarts, 7.0);
  EXPECT_EQ(rule.limits.old, 8.0);
  EXPECT_EQ(limits[1].rule.limits.old, 10.0);
  EXPECT_EQ(limits[1].rule.limits.late, 1.0);
  EXPECT_EQ(limits[1].rule.limits.refused, std::nullopt);
}

TEST(ConfigLimits, what_is_no_limit_is_refused_with_its_line) {
  const std::string limit = kLimitHost + "[[limit]]\nnode = \"n\"\n";
  EXPECT_THAT(limit_error(limit + "late = 101\n"),
              HasSubstr("robot.toml:8: 'late' in [[limit]] must"));
  EXPECT_THAT(limit_error(limit + "late = -1\n"), HasSubstr("percent from 0 to 100"));
  EXPECT_THAT(limit_error(limit + "late = nan\n"), HasSubstr("percent from 0 to 100"));
  EXPECT_THAT(limit_error(limit + "errors = \"none\"\n"),
              HasSubstr("a number in a minute from 0 on"));
  EXPECT_THAT(limit_error(limit + "errors = inf\n"), HasSubstr("a number in a minute from 0 on"));
  EXPECT_THAT(limit_error(limit + "worst = 1\n"), HasSubstr("unknown key 'worst' in [[limit]]"));
  EXPECT_THAT(limit_error(kLimitHost + "[[limit]]\nlate = 1\n"),
              HasSubstr("robot.toml:6: [[limit]] needs 'node', 'host' or both"));
  EXPECT_THAT(limit_error(kLimitHost + "[[limit]]\nhost = \"pz\"\n"),
              HasSubstr("robot.toml:6: no [[host]] is called 'pz'"));
  EXPECT_EQ(limit_error(kLimitHost + "[[limit]]\nhost = \"rover\"\n"), "");
  EXPECT_THAT(limit_error(limit + "[[limit]]\nnode = \"n\"\n"),
              HasSubstr("robot.toml:8: limits of the same node and host stand at robot.toml:6"));
}

TEST(ConfigLimits, a_change_of_them_needs_no_restart) {
  const auto parsed = [](const std::string& text) {
    return std::get<Config>(checked_limits(text));
  };
  const Config before = parsed(kLimitHost + "[[limit]]\nnode = \"n\"\nlate = 1\n");
  const Config after = parsed(kLimitHost + "[[limit]]\nnode = \"n\"\nlate = 2\n");
  EXPECT_TRUE(compare(before, after).limits);
  EXPECT_TRUE(compare(before, parsed(kLimitHost)).limits);
  EXPECT_TRUE(compare(before, after).others.empty());
  EXPECT_FALSE(compare(before, before).limits);
}

TEST(AsksRealtime, where_the_configuration_says_so_in_so_many_words) {
  const std::string node =
      "[[node]]\nname = \"n\"\nplugin = \"/dev/null/x.so\"\ntype = \"T\"\nrate = 100\n";
  const auto asks = [](const std::string& text) {
    const ConfigText file{.path = "robot.toml", .text = text};
    return asks_realtime(std::get<Config>(parse_config({&file, 1})));
  };
  EXPECT_FALSE(asks(node));
  EXPECT_FALSE(asks("[cpus]\nhousekeeping = \"0\"\n" + node));
  EXPECT_TRUE(asks("[realtime]\nmode = \"strict\"\n" + node));
  EXPECT_TRUE(asks("[cpus]\nrealtime = \"1\"\n" + node));
  EXPECT_TRUE(asks(node + "priority = 5\n"));
  EXPECT_TRUE(asks(node + "cpu = 1\n"));
  EXPECT_FALSE(asks("[realtime]\nmode = \"off\"\n[cpus]\nrealtime = \"1\"\n" + node + "cpu = 1\n"));
}

}  // namespace
}  // namespace horus::service

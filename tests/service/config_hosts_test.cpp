// SPDX-License-Identifier: Apache-2.0
// What a configuration says of hangs and stops.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "service/config.hpp"

namespace horus::service {
namespace {

using ::testing::HasSubstr;

ConfigResult read(const std::string& text) {
  const ConfigText file{.path = "robot.toml", .text = text};
  return parse_config({&file, 1});
}

const std::string kHost = "[[host]]\nname = \"planner\"\nmodule = \"planner\"\n";

TEST(HostTimes, are_read) {
  const auto result = read("[robot]\nstop_timeout = \"3 s\"\n" + kHost +
                           "watchdog = \"2 s\"\nhang_timeout = \"4 s\"\nstart_timeout = \"60 s\"\n"
                           "gc = \"off\"\nrt = true\ncpus = \"0\"\nrestart_wait = \"2 s\"\n");
  ASSERT_TRUE(std::holds_alternative<Config>(result)) << std::get<ConfigError>(result).text;
  const auto& config = std::get<Config>(result);
  EXPECT_EQ(config.robot.stop_timeout, 3s);
  const HostEntry& host = config.hosts[0];
  EXPECT_EQ(host.watchdog, 2s);
  EXPECT_EQ(host.hang_timeout, 4s);
  EXPECT_EQ(host.start_timeout, 60s);
  EXPECT_EQ(host.gc, "off");
  EXPECT_EQ(host.restart_wait, 2s);
  EXPECT_TRUE(host.rt);
  EXPECT_EQ(host.cpus->text(), "0");
}

TEST(HostTimes, have_defaults) {
  const auto config = std::get<Config>(read(kHost));
  EXPECT_EQ(config.robot.stop_timeout, 5s);
  EXPECT_FALSE(config.hosts[0].watchdog || config.hosts[0].hang_timeout);
  EXPECT_EQ(config.hosts[0].restart_wait, 30s);
  EXPECT_FALSE(config.hosts[0].start_timeout || config.hosts[0].cpus || config.hosts[0].rt);
}

TEST(HostTimes, zero_switches_off_a_stop_timeout_and_a_nodes_watchdog) {
  EXPECT_EQ(std::get<Config>(read(kHost + "restart_wait = \"0\"\n")).hosts[0].restart_wait, 0s);
  const auto config = std::get<Config>(
      read("[robot]\nstop_timeout = \"0\"\n[[node]]\nname = \"n\"\nplugin = \"p\"\ntype = \"T\"\n"
           "rate = 1\nwatchdog = \"0\"\n"));
  EXPECT_EQ(config.robot.stop_timeout, 0s);
  EXPECT_EQ(config.nodes[0].config.watchdog, 0s);
}

TEST(HostTimes, of_zero_are_refused) {
  for (const char* const key : {"watchdog", "hang_timeout", "start_timeout"}) {
    const auto result = read(kHost + key + " = \"0\"\n");
    ASSERT_TRUE(std::holds_alternative<ConfigError>(result)) << key;
    EXPECT_THAT(std::get<ConfigError>(result).text, HasSubstr(key));
  }
}

TEST(HostTimes, another_gc_is_refused) {
  const auto result = read(kHost + "gc = \"never\"\n");
  ASSERT_TRUE(std::holds_alternative<ConfigError>(result));
  EXPECT_THAT(std::get<ConfigError>(result).text, HasSubstr("\"slack\""));
}

class StopTimeout : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    file = ::testing::TempDir() + "stop_timeout_" + std::to_string(::getpid()) + ".toml";
    ::unsetenv(kLaunchedVariable);
  }
  void TearDown() override { ::unlink(file.c_str()); }
  ConfigResult load(const std::string& time, ConfigScope scope) {
    std::ofstream{file} << "[robot]\nstop_timeout = \"" << time << "\"\n";
    return load_checked(file, scope);
  }

  std::string file;
};

TEST_P(StopTimeout, that_systemd_would_cut_short_is_refused_in_the_service) {
  for (const ConfigScope scope : {ConfigScope::kNodes, ConfigScope::kHosts}) {
    const auto result = load(GetParam(), scope);
    ASSERT_TRUE(std::holds_alternative<ConfigError>(result));
    const std::string& text = std::get<ConfigError>(result).text;
    EXPECT_THAT(text, HasSubstr(".toml:2: 'stop_timeout' must be"));
    EXPECT_THAT(text, HasSubstr("TimeoutStopSec="));
    EXPECT_TRUE(std::holds_alternative<Config>(load("8 s", scope)));
  }
  EXPECT_TRUE(std::holds_alternative<Config>(load(GetParam(), ConfigScope::kAll)));
}

INSTANTIATE_TEST_SUITE_P(Times, StopTimeout, ::testing::Values("0", "8001 ms"));

class HostRights : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    file = ::testing::TempDir() + "host_rights_" + std::to_string(::getpid()) + ".toml";
    std::ofstream{file} << kHost << GetParam() << '\n';
    ::unsetenv(kLaunchedVariable);
  }
  void TearDown() override {
    ::unsetenv(kLaunchedVariable);
    ::unlink(file.c_str());
  }

  std::string file;
};

TEST_P(HostRights, are_refused_in_the_service_with_the_reason) {
  for (const ConfigScope scope : {ConfigScope::kNodes, ConfigScope::kHosts}) {
    const auto result = load_checked(file, scope);
    ASSERT_TRUE(std::holds_alternative<ConfigError>(result));
    const std::string& text = std::get<ConfigError>(result).text;
    EXPECT_THAT(text, HasSubstr(".toml:1: host 'planner' has '"));
    EXPECT_THAT(text, HasSubstr("horus-pyhost.service"));
  }
}

TEST_P(HostRights, are_given_under_horus_launch) {
  EXPECT_TRUE(std::holds_alternative<Config>(load_checked(file, ConfigScope::kAll)));
  ::setenv(kLaunchedVariable, "1", 1);
  EXPECT_TRUE(std::holds_alternative<Config>(load_checked(file, ConfigScope::kHosts)));
}

INSTANTIATE_TEST_SUITE_P(Keys, HostRights, ::testing::Values("rt = true", "cpus = \"0\""));

}  // namespace
}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <stdlib.h>

#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "service/config.hpp"

namespace horus::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

ConfigResult read_for_recorder(const std::string& text) {
  const ConfigText file{.path = "robot.toml", .text = text};
  ConfigResult result = parse_config({&file, 1});
  auto* const config = std::get_if<Config>(&result);
  if (config == nullptr) return result;
  const CpuSet cpus = CpuSet::of(0);
  const MachineCpus machine{.online = cpus, .allowed = cpus, .isolated = {}};
  if (auto error = check_config(*config, ConfigScope::kRecorder, machine)) return *error;
  return result;
}

TEST(ConfigRecord, is_wanted_only_where_the_section_is) {
  EXPECT_FALSE(std::get<Config>(read_for_recorder("")).record.wanted);
  const auto record = std::get<Config>(read_for_recorder("[record]\n")).record;
  EXPECT_TRUE(record.wanted);
  EXPECT_THAT(record.topics, ElementsAre("*"));
  EXPECT_THAT(record.exclude, IsEmpty());
  EXPECT_EQ(record.path, "/var/lib/horus/rec");
  EXPECT_EQ(record.min_free, std::uint64_t{2} << 30);
  EXPECT_FALSE(record.split);
  EXPECT_FALSE(record.last);
}

TEST(ConfigRecord, reads_each_key) {
  const auto record = std::get<Config>(read_for_recorder(R"([record]
topics = ["a*", "b"]
exclude = ["ab"]
path = "/data/rec"
split = "64 MiB"
keep = 3
min_free = "500MB"
)"))
                          .record;
  EXPECT_THAT(record.topics, ElementsAre("a*", "b"));
  EXPECT_THAT(record.exclude, ElementsAre("ab"));
  EXPECT_EQ(record.path, "/data/rec");
  EXPECT_EQ(record.split->bytes, std::uint64_t{64} << 20);
  EXPECT_EQ(record.split->time, Nanos{});
  EXPECT_EQ(record.keep, 3);
  EXPECT_EQ(record.min_free, 500'000'000U);
  EXPECT_EQ(std::get<Config>(read_for_recorder("[record]\nsplit = \"10min\"\n")).record.split->time,
            600s);
  EXPECT_EQ(
      std::get<Config>(read_for_recorder("[record]\nlast = \"2 min\"\nkeep = 1\n")).record.last,
      120s);
}

TEST(ConfigRecord, a_plug_in_that_is_missing_is_another_s_business) {
  EXPECT_TRUE(std::holds_alternative<Config>(read_for_recorder(
      "[record]\n[[node]]\nname = \"a\"\nplugin = \"/no/such.so\"\ntype = \"T\"\nrate = 10\n"
      "[[host]]\nname = \"h\"\nmodule = \"/no/such.py\"\n")));
}

std::optional<ConfigError> find(const std::string& path) {
  return find_hidden_recordings(
      std::get<Config>(read_for_recorder("[record]\npath = \"" + path + "\"\n")));
}

class HiddenFolder : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ::unsetenv(kLaunchedVariable); }
  void TearDown() override { ::unsetenv(kLaunchedVariable); }
};

TEST_P(HiddenFolder, is_refused_in_the_service_with_the_reason) {
  const auto error = find(GetParam());
  ASSERT_TRUE(error);
  EXPECT_THAT(error->text, StartsWith("robot.toml:2: 'path' in [record] is '"));
  EXPECT_THAT(error->text, HasSubstr("horus-recorder.service"));
  ::setenv(kLaunchedVariable, "1", 1);
  EXPECT_FALSE(find(GetParam())) << "its user's";
}

INSTANTIATE_TEST_SUITE_P(, HiddenFolder,
                         ::testing::Values("/tmp", "/tmp/rec", "/var/tmp/rec/", "/home/ann/rec",
                                           "/root", "/run/user/1000/rec", "/data/../home/ann",
                                           "/proc/self/root/tmp/rec"));

TEST(OtherFolder, is_as_good_as_the_default) {
  ::unsetenv(kLaunchedVariable);
  for (const char* const path : {"/var/lib/horus/rec", "/tmpfs/rec", "/homes", "/data/tmp/rec"}) {
    EXPECT_FALSE(find(path)) << path;
  }
  EXPECT_FALSE(find_hidden_recordings(std::get<Config>(read_for_recorder(""))));
}

struct Wrong {
  const char* text;
  const char* says;
};

class ConfigRecordWrong : public ::testing::TestWithParam<Wrong> {};

TEST_P(ConfigRecordWrong, is_told_with_its_place) {
  const ConfigResult result = read_for_recorder(std::string{"[record]\n"} + GetParam().text + "\n");
  const auto* const error = std::get_if<ConfigError>(&result);
  ASSERT_NE(error, nullptr);
  EXPECT_THAT(error->text, StartsWith("robot.toml:2: "));
  EXPECT_THAT(error->text, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    , ConfigRecordWrong,
    ::testing::Values(Wrong{"topics = \"a\"", "'topics' in [record] must be a list of topics"},
                      Wrong{"topics = []", "must be a list of topics"},
                      Wrong{"exclude = [1]", "'exclude' in [record] must be a list"},
                      Wrong{"path = \"rec\"", "must be a folder in quotes, with its whole path"},
                      Wrong{"split = \"7\"", "must be a size or a time"},
                      Wrong{"split = 7", "must be a size or a time"},
                      Wrong{"split = \"0 s\"", "must be a size or a time"},
                      Wrong{"keep = 0", "a whole number from 1"},
                      Wrong{"keep = 3", "'split' or 'last' makes"},
                      Wrong{"last = \"0 s\"", "must be a time in quotes"},
                      Wrong{"last = 60", "must be a time in quotes"},
                      Wrong{"min_free = \"much\"", "must be a size in quotes"},
                      Wrong{"min_free = 3", "must be a size in quotes"},
                      Wrong{"split = \"1GiB\"\nlast = \"60 s\"", "choose one"},
                      Wrong{"rate = 3", "unknown key 'rate' in [record]"}));

}  // namespace
}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
// Configurations that mean harm: their size, depth and kind, and who else may write them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <toml++/toml.h>

#include "service/config.hpp"
#include "service/config_limit.hpp"
#include "service/foreign_hand.hpp"

namespace horus::service {
namespace {

using ::testing::HasSubstr;

std::string repeated(const std::string& text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

std::string refusal_of(const std::string& text) {
  const ConfigText file{.path = "robot.toml", .text = text};
  const ConfigResult result = parse_config({&file, 1});
  const auto* error = std::get_if<ConfigError>(&result);
  return error == nullptr ? "" : error->text;
}

class TooDeep : public ::testing::TestWithParam<std::string> {};

TEST_P(TooDeep, is_refused_with_its_line_before_it_is_parsed) {
  EXPECT_EQ(refusal_of("[robot]\n" + GetParam()),
            "robot.toml:2: tables or lists nest more than 16 levels deep");
}

INSTANTIATE_TEST_SUITE_P(
    , TooDeep,
    ::testing::Values(repeated("a.", 40'000) + "a = 1", "[" + repeated("a.", 40'000) + "a]",
                      "[[" + repeated("a . ", 40'000) + "a]]", repeated("\"a\".", 40'000) + "a = 1",
                      "x = " + repeated("[", 200), "x = " + repeated("{a=", 200),
                      // Behind what only looks like the end, or the beginning, of a text.
                      "x = [\"\"\"a\"\"\"\", " + repeated("[", 20),
                      "x = ['''a''''', " + repeated("[", 20),
                      "x = [\"a\\\"\", " + repeated("[", 20), "x = ['a\\', " + repeated("[", 20),
                      "x = [\"\", " + repeated("[", 20),
                      "\"\\\\\"." + repeated("a.", 20) + "a = 1"));

TEST(DepthOfConfig, counts_neither_texts_nor_comments_nor_what_has_ended) {
  const std::string dots(100, '.');
  const std::string brackets(100, '[');
  EXPECT_EQ(line_too_deep("# " + dots + brackets + "\na = \"" + dots + brackets + "\"\n"), 0U);
  EXPECT_EQ(line_too_deep("a = '''\n" + dots + "\n" + brackets + "''' # x\nb = \"\"\"" + dots +
                          "\\\"\"\"\\\"" + dots + "\"\"\"\n"),
            0U);
  EXPECT_EQ(line_too_deep(repeated("a.b = [[1.5]]\n", 1000)), 0U);
  EXPECT_EQ(line_too_deep("a = [" + repeated("1.5, ", 1000) + "]"), 0U);
  EXPECT_EQ(line_too_deep(repeated("a.", 16) + "a = 1"), 0U);
  EXPECT_EQ(line_too_deep(repeated("a.", 17) + "a = 1"), 1U);
  EXPECT_EQ(line_too_deep("x = " + repeated("[", 16)), 0U);
  EXPECT_EQ(line_too_deep("x = " + repeated("[", 17)), 1U);
  EXPECT_EQ(line_too_deep("a = '''\n\n'''\n\n\n" + repeated("a.", 17)), 6U);
}

int depth_of_node(const toml::node& node) {
  int deepest = 0;
  if (const auto* table = node.as_table()) {
    for (const auto& [key, value] : *table) deepest = std::max(deepest, depth_of_node(value));
  } else if (const auto* array = node.as_array()) {
    for (const auto& value : *array) deepest = std::max(deepest, depth_of_node(value));
  } else {
    return 0;
  }
  return deepest + 1;
}

TEST(DepthOfConfig, bounds_what_the_parser_builds_of_any_text) {
  static constexpr std::array kTokens{
      "a",  ".",   "=", "[", "]",      "{",       "}",    "\"", "'",   ",",     "\n",  "#",
      "\\", "'''", " ", "1", "\"\"\"", "a.a.a.a", "x = ", "[[", "[a]", "= 1\n", "{a=", "]\n"};
  std::mt19937 random{11};
  int parsed = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 40; n > 0; --n) text += kTokens[random() % kTokens.size()];
    if (line_too_deep(text) != 0) continue;
    try {
      const toml::table table = toml::parse(text);
      ++parsed;
      // Each bracket may hold a whole key; and the file is a table itself.
      EXPECT_LE(depth_of_node(table), (config_limit::kDepth + 1) * (config_limit::kDepth + 2))
          << text;
    } catch (const toml::parse_error&) {
      // Refused later, and built of shallow parts until then.
    }
  }
  EXPECT_GT(parsed, 1000);
}

TEST(SizeOfConfig, is_that_of_all_files_together) {
  const std::string half((1U << 19U), '#');
  const ConfigText files[] = {{.path = "a.toml", .text = half}, {.path = "b.toml", .text = half}};
  EXPECT_TRUE(std::holds_alternative<Config>(parse_config(files)));
  const ConfigText three[] = {files[0], files[1], {.path = "c.toml", .text = "#"}};
  EXPECT_EQ(std::get<ConfigError>(parse_config(three)).text,
            "c.toml:1: the configuration is larger than 1 MiB");
}

/// A configuration on disk that a start would take; this test's user is the service's.
class HostileConfigFiles : public ::testing::Test {
 protected:
  HostileConfigFiles() {
    std::filesystem::create_directories(folder_ / "conf.d");
    write("horus.toml", "[[host]]\nname = \"a\"\nmodule = \"py/a.py\"\npython_path = [\"lib\"]\n");
    write("conf.d/1.toml", "[robot]\nname = \"r\"\n");
    for (const char* part : {"py", "lib"}) std::filesystem::create_directories(folder_ / part);
    write("py/a.py", "");
    for (const char* one : {"", "horus.toml", "conf.d", "conf.d/1.toml", "py", "lib", "py/a.py"}) {
      const std::string path = folder_ / one;
      EXPECT_EQ(::chmod(path.c_str(), 0755), 0) << path;
    }
  }
  ~HostileConfigFiles() override {
    ::unsetenv("NOTIFY_SOCKET");
    std::filesystem::remove_all(folder_);
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream{folder_ / name} << text;
  }
  void make_writable(const std::string& name, mode_t mode) const {
    ASSERT_EQ(::chmod((folder_ / name).c_str(), mode), 0);
  }
  ConfigResult load() const { return load_checked(folder_, ConfigScope::kHosts); }
  std::string error() const {
    const ConfigResult result = load();
    const auto* error = std::get_if<ConfigError>(&result);
    return error == nullptr ? "" : error->text;
  }
  /// In the foreground a warning, in a service an error.
  void expect_refused(const std::string& what) {
    const ConfigResult foreground = load();
    ASSERT_TRUE(std::holds_alternative<Config>(foreground))
        << std::get<ConfigError>(foreground).text;
    EXPECT_THAT(std::get<Config>(foreground).warning, HasSubstr(what));
    ::setenv("NOTIFY_SOCKET", "/nowhere", 1);
    EXPECT_THAT(error(), HasSubstr(what));
    ::unsetenv("NOTIFY_SOCKET");
  }

  const std::filesystem::path folder_ =
      ::testing::TempDir() + "horus-hostile-config-" + std::to_string(::getpid());
};

TEST_F(HostileConfigFiles, what_only_its_owner_can_write_is_taken) {
  const ConfigResult result = load();
  ASSERT_TRUE(std::holds_alternative<Config>(result));
  EXPECT_EQ(std::get<Config>(result).warning, "");
  ::setenv("NOTIFY_SOCKET", "/nowhere", 1);
  EXPECT_EQ(error(), "");
}

TEST_F(HostileConfigFiles, what_a_group_or_anybody_can_write_is_not) {
  for (const char* one : {"horus.toml", "conf.d/1.toml", "conf.d", "", "py", "lib", "py/a.py"}) {
    make_writable(one, 0775);
    expect_refused(std::string{one} + " can be written by group ");
    make_writable(one, 0757);
    expect_refused("can be written by anybody");
    make_writable(one, 0755);
  }
}

TEST_F(HostileConfigFiles, a_sticky_folder_is_none_to_search_and_may_lie_above) {
  make_writable("", 01777);
  EXPECT_EQ(std::get<Config>(load()).warning, "");
  make_writable("conf.d", 01777);
  expect_refused("conf.d can be written by anybody");
}

TEST_F(HostileConfigFiles, who_may_make_a_folder_that_is_missing_may_say_what_is_loaded) {
  std::filesystem::remove(folder_ / "lib");
  EXPECT_EQ(std::get<Config>(load()).warning, "");
  make_writable("", 01777);
  expect_refused("lib does not exist");
  make_writable("", 0755);
  std::filesystem::create_symlink(folder_ / "py/absent/lib", folder_ / "lib");
  EXPECT_EQ(std::get<Config>(load()).warning, "");
  make_writable("py", 01777);
  expect_refused("py/absent does not exist");
}

TEST_F(HostileConfigFiles, what_a_stranger_owns_is_refused_behind_a_link_too) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving files away needs root";
  constexpr uid_t kStranger = 61003;
  const std::string module = folder_ / "py/a.py";
  ASSERT_EQ(::chown(module.c_str(), kStranger, 0), 0);
  expect_refused("a.py belongs to user 61003");
  std::filesystem::rename(module, folder_ / "conf.d/other.py");
  std::filesystem::create_symlink("../conf.d/other.py", module);
  expect_refused("conf.d/other.py belongs to user 61003");
  std::filesystem::remove(module);
  std::filesystem::create_symlink("/dev/null", folder_ / "null");
  ASSERT_EQ(::lchown((folder_ / "null").c_str(), kStranger, 0), 0);
  EXPECT_THAT(foreign_hand(folder_ / "null").value_or(""), HasSubstr("null belongs to user"));
}

TEST_F(HostileConfigFiles, who_may_change_what_cannot_be_seen_is_unknown) {
  std::filesystem::create_symlink("loop", folder_ / "loop");
  EXPECT_THAT(foreign_hand(folder_ / "loop").value_or(""), HasSubstr("Too many levels"));
  EXPECT_THAT(foreign_hand(folder_ / "absent").value_or(""), HasSubstr("No such file"));
  EXPECT_EQ(foreign_hand(folder_ / "lib/"), std::nullopt);
  EXPECT_EQ(foreign_hand((folder_ / "py/../lib/.").string()), std::nullopt);
}

TEST_F(HostileConfigFiles, a_file_without_a_name_is_of_who_gave_it) {
  const int nameless = ::memfd_create("x", MFD_CLOEXEC);
  EXPECT_EQ(foreign_hand("/dev/fd/" + std::to_string(nameless)), std::nullopt);
  EXPECT_THAT(foreign_hand("/proc/self/fd/" + std::to_string(nameless)).value_or(""),
              HasSubstr("cannot see who may change"));
  ::close(nameless);
  const std::string file = folder_ / "conf.d/open.toml";
  write("conf.d/open.toml", "");
  std::filesystem::permissions(file, std::filesystem::perms::all);
  const int named = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_THAT(foreign_hand("/dev/fd/" + std::to_string(named)).value_or(""),
              HasSubstr("can be written by anybody"));
  ::close(named);
}

TEST_F(HostileConfigFiles, a_pipe_makes_nobody_wait) {
  const std::string pipe = folder_ / "conf.d/0.toml";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(error(), pipe + ":1: is a folder, pipe, socket or device, and not a file");
  EXPECT_THAT(std::get<ConfigError>(load_config("/dev/zero")).text, HasSubstr("and not a file"));
}

TEST_F(HostileConfigFiles, more_files_and_bytes_than_any_robot_has_are_refused) {
  for (int i = 0; i < 256; ++i) write("conf.d/x" + std::to_string(i) + ".toml", "");
  EXPECT_THAT(error(), HasSubstr("conf.d:1: more than 256 files"));
  std::filesystem::remove_all(folder_ / "conf.d");
  EXPECT_EQ(error(), "");
  write("horus.toml", std::string((1U << 20U) + 1, '#'));
  EXPECT_THAT(error(), HasSubstr("horus.toml:1: the configuration is larger than 1 MiB"));
}

TEST_F(HostileConfigFiles, parts_that_cannot_be_read_are_not_the_same_as_none) {
  std::filesystem::remove_all(folder_ / "conf.d");
  write("conf.d", "");
  EXPECT_THAT(error(), HasSubstr("conf.d:1: cannot read: Not a directory"));
}

}  // namespace
}  // namespace horus::service

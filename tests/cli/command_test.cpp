// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/command.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/cli/run_cli.hpp"
#include "tools/cli/cmd_help.hpp"
#include "tools/cli/describe_options.hpp"

namespace horus::cli {
namespace {

using test::Ran;
using test::run_cli;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Commands, each_has_a_name_of_its_own_and_a_line_that_says_what_it_does) {
  std::set<std::string_view> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.summary.ends_with('.')) << command.name;
    EXPECT_NE(command.summary, "");
  }
}

TEST(Commands, each_is_in_the_overview) {
  for (const Command& command : commands()) {
    EXPECT_THAT(run_cli({"help"}).out, HasSubstr(std::string{command.name} + " "));
    EXPECT_THAT(run_cli({"help"}).out, HasSubstr(std::string{command.summary}));
  }
}

TEST(Commands, the_help_of_each_names_every_option_in_80_columns) {
  for (const Command& command : commands()) {
    const std::string text = help_text("horusctl", {std::string{command.name}});
    EXPECT_THAT(text, HasSubstr("horusctl " + std::string{command.name}));
    for (const OptionUsage& option : describe_options(command).options) {
      EXPECT_THAT(text, HasSubstr("\n  " + option.spelling));
      EXPECT_THAT(text, HasSubstr(option.text));
      EXPECT_NE(option.text, "") << option.spelling;
      EXPECT_EQ(option.spelling.find(':'), option.spelling.npos) << option.spelling;
    }
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      EXPECT_LE(text.find('\n', at) - at, 80U) << text;
    }
  }
}

TEST(Commands, help_that_cannot_be_written_is_a_failure) {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"--help"}, {"status", "--help"}, {}}) {
    std::vector<const char*> all{"horusctl"};
    all.insert(all.end(), words.begin(), words.end());
    const test::Caught err{STDERR_FILENO};
    const UniqueFd before{::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)};
    const UniqueFd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
    ::dup2(full.get(), STDOUT_FILENO);
    Output output;
    const int code = run(static_cast<int>(all.size()), all.data(), output);
    ::dup2(before.get(), STDOUT_FILENO);
    EXPECT_EQ(code, kError);
    EXPECT_THAT(err.text(), HasSubstr("write standard output: No space left on device"));
  }
}

TEST(Commands, the_manual_names_every_command_and_option) {
  std::string text = run_cli({"man"}).out;
  EXPECT_THAT(text, StartsWith(".TH HORUSCTL 1"));
  // Hyphens that can be copied.
  for (std::size_t at = 0; (at = text.find("\\-", at)) != text.npos;) text.erase(at, 1);
  for (const Command& command : commands()) {
    EXPECT_THAT(text, HasSubstr(".SS " + std::string{command.name}));
    for (const OptionUsage& option : describe_options(command).options) {
      EXPECT_THAT(text, HasSubstr(".B " + option.spelling + "\n"));
    }
  }
  for (const char* column : {"LATENESS", "FORCED", "ORDER", "TORN", "PASSED OVER", "LOST"}) {
    EXPECT_THAT(text, HasSubstr(".TP\n.B " + std::string{column} + "\n"));
  }
  for (const char* code : {"0", "1", "2", "3", "4"}) {
    EXPECT_THAT(text, HasSubstr(".TP\n.B " + std::string{code} + "\n"));
  }
}

TEST(Commands, the_completions_name_every_command_and_option) {
  for (const char* shell : {"bash", "zsh"}) {
    const std::string text = run_cli({"completion", shell}).out;
    for (const Command& command : commands()) {
      const std::size_t line = text.find("'" + std::string{command.name});
      ASSERT_NE(line, text.npos) << command.name;
      const std::string words = text.substr(line, text.find('\n', line) - line);
      for (const OptionUsage& option : describe_options(command).options) {
        EXPECT_THAT(words, HasSubstr(option.name));
      }
    }
  }
  EXPECT_THAT(run_cli({"completion", "bash"}).out, HasSubstr("'completion '*) words=\"bash zsh\""));
}

TEST(Help, that_of_a_command_comes_by_both_ways) {
  EXPECT_EQ(run_cli({"help", "topic", "echo"}).out, run_cli({"topic", "echo", "--help"}).out);
  EXPECT_EQ(run_cli({"help", "stats"}).out, run_cli({"stats", "--help"}).out);
  EXPECT_EQ(run_cli({"help"}).out, run_cli({"--help"}).out);
}

TEST(Help, a_group_lists_its_commands) {
  const std::string text = run_cli({"help", "topic"}).out;
  for (const char* name :
       {"topic list", "topic info", "topic echo", "topic hz", "topic bw", "topic pub"}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
  EXPECT_THAT(text, Not(HasSubstr("stats")));
}

TEST(Help, the_exit_codes_of_status_and_doctor_are_told) {
  EXPECT_THAT(run_cli({"help", "status"}).out, HasSubstr("3 not running, 4 no permission"));
  EXPECT_THAT(run_cli({"help", "doctor"}).out, HasSubstr("0 all is well, 1 warnings, 2 failures"));
}

TEST(ProgramName, both_names_are_ours_whatever_the_path) {
  EXPECT_EQ(program_name("/usr/bin/horus"), "horus");
  EXPECT_EQ(program_name("horusctl"), "horusctl");
  EXPECT_EQ(program_name("/x/y"), "horusctl");
  EXPECT_EQ(program_name(""), "horusctl");
}

struct Mistake {
  std::vector<const char*> words;
  const char* names;  ///< What the message must speak of.
};

TEST(Usage, a_mistake_is_one_clear_line_and_nothing_on_standard_output) {
  const Mistake mistakes[] = {
      {{"frob"}, "no command 'frob'"},
      {{"topic", "frob"}, "no command 'topic frob'"},
      {{"--frob"}, "no option '--frob'"},
      {{"topic"}, "topic what? list, info, echo, hz, bw, delay, pub"},
      {{"topic", "echo"}, "topic is required"},
      {{"stats", "extra"}, "extra"},
      {{"stats", "status"}, "status"},
      {{"stats", "--frob"}, "--frob"},
      {{"stats", "--json", "--openmetrics"}, "--openmetrics"},
      {{"stats", "--openmetrics", "--watch"}, "--watch"},
      {{"stats", "--watch", "soon"}, "'soon'"},
      {{"stats", "--watch", "0"}, "at least"},
      {{"status", "--wait", "soon"}, "'soon'"},
      {{"status", "--wait", "-1"}, "'-1'"},
      {{"topic", "echo", "x", "--count", "0"}, "'0' is no count"},
      {{"topic", "echo", "x", "--count", "-1"}, "'-1' is no count"},
      {{"topic", "hz", "x", "--count", "1.5"}, "'1.5' is no count"},
      {{"topic", "echo", "x", "--count", "99999999999999999999"}, "is no count"},
      {{"topic", "echo", "x", "--once", "--count", "2"}, "--once"},
      {{"topic", "echo", "x", "--field", "a[x]"}, "a[x]"},
      {{"topic", "pub", "x"}, "message is required"},
      {{"topic", "pub", "x", "{}", "--rate", "0"}, "'0' is no rate"},
      {{"topic", "pub", "x", "{}", "--rate", "often"}, "'often' is no rate"},
      {{"completion"}, "shell is required"},
      {{"completion", "fish"}, "'fish' is neither bash nor zsh"},
      {{"help", "frob"}, "no command 'frob'"},
      {{"--socket-dir"}, "--socket-dir"},
      {{"\x1b[2J"}, "no command '?[2J'"},
  };
  for (const Mistake& mistake : mistakes) {
    const Ran ran = run_cli(mistake.words);
    EXPECT_EQ(ran.code, kUsage) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, StartsWith("horusctl: "));
    EXPECT_THAT(ran.err, HasSubstr(mistake.names));
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
    EXPECT_LT(ran.err.size(), 160U) << ran.err;
  }
}

TEST(Usage, without_a_command_the_overview_shows_what_there_is) {
  const Ran ran = run_cli({});
  EXPECT_EQ(ran.code, kUsage);
  EXPECT_EQ(ran.out, run_cli({"help"}).out);
}

}  // namespace
}  // namespace horus::cli

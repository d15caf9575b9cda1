// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/cmd_help.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "tools/cli/command.hpp"
#include "tools/cli/describe_options.hpp"

namespace horus::cli {

namespace {

constexpr std::size_t kIndent = 2;

/// Lines in two aligned columns: what to type, and what it does.
class Lines {
 public:
  void add(std::string left, std::string right) {
    widest_ = std::max(widest_, left.size());
    rows_.emplace_back(std::move(left), std::move(right));
  }
  std::string text() const {
    std::string text;
    for (const auto& [left, right] : rows_) {
      text += fmt::format("{:{}}{:{}}  {}\n", "", kIndent, left, widest_, right);
    }
    return text;
  }
  bool empty() const noexcept { return rows_.empty(); }

 private:
  std::size_t widest_ = 0;
  std::vector<std::pair<std::string, std::string>> rows_;
};

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

/// The line with the synopsis, broken before an option that does not fit into kMinWidth columns.
std::string wrapped(std::string line, std::string_view synopsis) {
  std::string text;
  while (!synopsis.empty()) {
    const std::string_view word = synopsis.substr(0, synopsis.find(" [", 1));
    synopsis.remove_prefix(word.size());
    if (line.size() + word.size() > Output::kMinWidth) {
      text += line + "\n";
      line = std::string(2 * kIndent, ' ');
    }
    line += word;
  }
  return text + line + "\n";
}

std::string command_help(std::string_view program, const Command& command) {
  const CommandUsage usage = describe_options(command);
  std::string text =
      fmt::format("{}.\n\n", command.summary) +
      wrapped(fmt::format("{:{}}{} {}", "", kIndent, program, command.name), usage.synopsis);
  Lines lines;
  for (const OptionUsage& option : usage.options) lines.add(option.spelling, option.text);
  if (!lines.empty()) text += "\n" + lines.text();
  if (!usage.footer.empty()) text += "\n" + usage.footer + "\n";
  return text;
}

}  // namespace

std::string program_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
  return name == "horus" ? "horus" : "horusctl";
}

std::string overview(std::string_view program) {
  Lines lines;
  for (const Command& command : commands()) {
    lines.add(std::string{command.name}, std::string{command.summary});
  }
  return fmt::format(
      "Looks after a HORUS robot.\n\n  {0} [--socket-dir DIR] COMMAND ...\n\n{1}\n"
      "'{0} help COMMAND' shows how to use one.\n",
      program, lines.text());
}

std::string help_text(std::string_view program, const std::vector<std::string>& words) {
  if (words.empty()) return overview(program);
  const std::string name = joined(words);
  Lines group;
  for (const Command& command : commands()) {
    if (command.name == name) return command_help(program, command);
    if (command.name.starts_with(name + " ")) {
      group.add(std::string{command.name}, std::string{command.summary});
    }
  }
  return group.text();
}

Action declare_help(CLI::App& app, const Places&) {
  const auto words = std::make_shared<std::vector<std::string>>();
  app.add_option("command", *words, "The command")->type_name("COMMAND");
  return [words](Output& output) {
    const std::string text = help_text("horusctl", *words);
    if (text.empty()) {
      return fail(kUsage, "no command '" + joined(*words) + "' (see 'horusctl help')");
    }
    output.write(text);
    return static_cast<int>(kOk);
  };
}

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <set>
#include <string>

#include <fmt/format.h>

#include "tools/cli/command.hpp"
#include "tools/cli/describe_options.hpp"

namespace horus::cli {

namespace {

/// Shell code that gives the candidates for an argument of a type; empty: there are none.
std::string_view values_of(std::string_view type) {
  struct Row {
    std::string_view type;
    std::string_view shell;
  };
  static constexpr std::array kRows{
      Row{"TOPIC", "$(_horusctl_names topic)"},
      Row{"NAME", "$(_horusctl_names node)"},
      Row{"COMMAND", "$(_horusctl_commands)"},
      Row{"SHELL", "bash zsh"},
  };
  for (const Row& row : kRows) {
    if (row.type == type) return row.shell;
  }
  return {};
}

/// The first words of all commands, each once.
std::string first_words() {
  std::string words;
  std::set<std::string_view> seen;
  for (const Command& command : commands()) {
    const std::string_view first = command.name.substr(0, command.name.find(' '));
    if (seen.insert(first).second) words += fmt::format("{}{}", words.empty() ? "" : " ", first);
  }
  return words;
}

/// The cases of the shell's `case "$1 $2"`: for each command its options and arguments, for each
/// group the second words.
std::string bash_cases() {
  std::string cases;
  std::string group;
  std::string seconds;
  const auto end_group = [&] {
    if (!group.empty()) cases += fmt::format("    '{} '*) words=\"{}\" ;;\n", group, seconds);
    group.clear();
    seconds.clear();
  };
  for (const Command& command : commands()) {
    const std::size_t space = command.name.find(' ');
    const std::string first{command.name.substr(0, space)};
    if (first != group) end_group();
    std::string words;
    for (const OptionUsage& option : describe_options(command).options) {
      const std::string_view word = option.name.empty() ? values_of(option.type) : option.name;
      if (!word.empty()) words += fmt::format("{}{}", words.empty() ? "" : " ", word);
    }
    const bool single = space == command.name.npos;
    cases += fmt::format("    '{}{}) words=\"{}\" ;;\n", command.name, single ? " '*" : "'", words);
    if (single) continue;
    group = first;
    seconds += fmt::format("{}{}", seconds.empty() ? "" : " ", command.name.substr(space + 1));
  }
  end_group();
  return cases;
}

/// Shell functions that print candidates; bash and zsh both run them. A shell expands the words it
/// is given, so only names of harmless characters pass (CLI-3).
std::string candidates() {
  return fmt::format(R"sh(_horusctl_commands() {{ echo "{0}"; }}

_horusctl_names() {{
  horusctl "$1" list --json 2>/dev/null | sed -n 's/.*"name":"\([A-Za-z0-9_.\/-]*\)".*/\1/p'
}}

# Candidates after the words $1 (the command) and $2.
_horusctl_words() {{
  local words="$(_horusctl_commands) --socket-dir"
  case "$1 $2" in
{1}  esac
  echo "$words"
}}
)sh",
                     first_words(), bash_cases());
}

std::string bash_completion() {
  return "# bash completion of horusctl; printed by 'horusctl completion bash'.\n" + candidates() +
         R"sh(
_horusctl() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
  local first="" second=""
  (( COMP_CWORD > 1 )) && first="${COMP_WORDS[1]}"
  (( COMP_CWORD > 2 )) && second="${COMP_WORDS[2]}"
  case "$previous" in
    --node) COMPREPLY=($(compgen -W "$(_horusctl_names node)" -- "$current")); return ;;
    --socket-dir) COMPREPLY=($(compgen -d -- "$current")); return ;;
    launch) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  COMPREPLY=($(compgen -W "$(_horusctl_words "$first" "$second")" -- "$current"))
}
complete -F _horusctl horusctl horus
)sh";
}

std::string zsh_completion() {
  return "#compdef horusctl horus\n# Printed by 'horusctl completion zsh'.\n" + candidates() +
         R"sh(
_horusctl() {
  local first="" second=""
  (( CURRENT > 2 )) && first="${words[2]}"
  (( CURRENT > 3 )) && second="${words[3]}"
  case "${words[CURRENT-1]}" in
    --node) compadd -- ${=$(_horusctl_names node)} ;;
    --socket-dir) _files -/ ;;
    launch) _files ;;
    *) compadd -- ${=$(_horusctl_words "$first" "$second")} ;;
  esac
}
compdef _horusctl horusctl horus
)sh";
}

}  // namespace

Action declare_completion(CLI::App& app, const Places&) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check([](const std::string& name) {
        return name == "bash" || name == "zsh" ? "" : "'" + name + "' is neither bash nor zsh";
      })
      ->type_name("SHELL");
  return [shell](Output& output) {
    output.write(*shell == "bash" ? bash_completion() : zsh_completion());
    return static_cast<int>(kOk);
  };
}

}  // namespace horus::cli

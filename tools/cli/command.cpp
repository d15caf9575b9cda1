// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/command.hpp"

#include <array>
#include <string>
#include <vector>

#include "tools/cli/cmd_help.hpp"

namespace horus::cli {

namespace {

constexpr std::array kCommands{
    Command{"stats", "Show the statistics of hosts and nodes", declare_stats},
    Command{"status", "Say in a word how the robot is, and why", declare_status},
    Command{"reload", "Have the service read its configuration again", declare_reload},
    Command{"node list", "List the nodes that run", declare_node_list},
    Command{"topic list", "List the topics, their types and who uses them", declare_topic_list},
    Command{"topic echo", "Print messages as they arrive", declare_topic_echo},
    Command{"topic hz", "Measure how often messages arrive", declare_topic_hz},
    Command{"doctor", "Check what real time needs and this machine grants", declare_doctor},
    Command{"launch", "Run a configuration in the foreground, as an ordinary user", declare_launch},
    Command{"version", "Print versions: of this program and of the service", declare_version},
    Command{"help", "Show the commands, or how to use one", declare_help},
    Command{"completion", "Print shell completion", declare_completion},
    Command{"man", "Print the manual page in roff", declare_man},
};

/// The subcommand "topic" of "topic echo", made once; `app` itself for a name of one word.
CLI::App& parent_of(CLI::App& app, std::string_view name) {
  const std::size_t space = name.find(' ');
  if (space == name.npos) return app;
  const std::string first{name.substr(0, space)};
  const auto made =
      app.get_subcommands([&](const CLI::App* one) { return one->get_name() == first; });
  if (!made.empty()) return *made.front();
  CLI::App* parent = app.add_subcommand(first, "Commands about a " + first);
  parent->require_subcommand(1);
  return *parent;
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::unique_ptr<CLI::App> make_app(std::string_view program, Places& places, Action& chosen) {
  auto app = std::make_unique<CLI::App>("Looks after a HORUS robot.", std::string{program});
  app->require_subcommand(1);
  app->fallthrough();
  app->add_option("--socket-dir", places.socket_dir,
                  "Directory of the service's sockets (else $RUNTIME_DIRECTORY, the user's own, "
                  "/run/horus)")
      ->type_name("DIR");
  for (const Command& command : kCommands) {
    const std::size_t space = command.name.find(' ');
    const auto last = command.name.substr(space == command.name.npos ? 0 : space + 1);
    CLI::App* own = parent_of(*app, command.name)
                        .add_subcommand(std::string{last}, std::string{command.summary});
    own->fallthrough();
    own->callback([&chosen, action = command.declare(*own, places)] { chosen = action; });
  }
  return app;
}

int run(int argc, const char* const* argv, Output& output) {
  const std::string program = program_name(argc > 0 ? argv[0] : "");
  if (argc < 2) {
    output.write(overview(program));
    return kUsage;
  }
  Places places;
  Action chosen;
  const auto app = make_app(program, places, chosen);
  try {
    app->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::vector<std::string> words;
    for (const CLI::App* one = app.get(); !one->get_subcommands().empty();) {
      one = one->get_subcommands().front();
      words.push_back(one->get_name());
    }
    output.write(help_text(program, words));
    return kOk;
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, std::string{error.what()} + " (see '" + program + " help')");
  }
  return chosen(output);
}

}  // namespace horus::cli

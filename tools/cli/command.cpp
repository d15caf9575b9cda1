// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/command.hpp"

#include <array>
#include <string>
#include <vector>

#include "tools/cli/cmd_help.hpp"

namespace horus::cli {

// Each stands in a cmd_*.cpp.
Action declare_stats(CLI::App&, const Places&);
Action declare_status(CLI::App&, const Places&);
Action declare_reload(CLI::App&, const Places&);
Action declare_estop(CLI::App&, const Places&);
Action declare_release(CLI::App&, const Places&);
Action declare_arm(CLI::App&, const Places&);
Action declare_disarm(CLI::App&, const Places&);
Action declare_node_list(CLI::App&, const Places&);
Action declare_node_level(CLI::App&, const Places&);
Action declare_node_info(CLI::App&, const Places&);
Action declare_why(CLI::App&, const Places&);
Action declare_log(CLI::App&, const Places&);
Action declare_blackbox(CLI::App&, const Places&);
Action declare_graph(CLI::App&, const Places&);
Action declare_topic_list(CLI::App&, const Places&);
Action declare_topic_info(CLI::App&, const Places&);
Action declare_topic_echo(CLI::App&, const Places&);
Action declare_topic_hz(CLI::App&, const Places&);
Action declare_topic_bw(CLI::App&, const Places&);
Action declare_topic_delay(CLI::App&, const Places&);
Action declare_topic_pub(CLI::App&, const Places&);
Action declare_record(CLI::App&, const Places&);
Action declare_clean(CLI::App&, const Places&);
Action declare_doctor(CLI::App&, const Places&);
Action declare_launch(CLI::App&, const Places&);
Action declare_run(CLI::App&, const Places&);
Action declare_version(CLI::App&, const Places&);
Action declare_help(CLI::App&, const Places&);
Action declare_completion(CLI::App&, const Places&);
Action declare_man(CLI::App&, const Places&);

namespace {

constexpr auto kMemory = Command::Reads::kMemory;
constexpr std::array kCommands{
    Command{"stats", "Show the statistics of hosts and nodes", declare_stats},
    Command{"status", "Say in a word how the robot is, and why", declare_status},
    Command{"reload", "Have the service read its configuration again", declare_reload},
    Command{"estop", "Bring the robot to rest, until it is released", declare_estop, kMemory},
    Command{"release", "Say that the reason of a stop is gone", declare_release, kMemory},
    Command{"arm", "Let actuators act", declare_arm, kMemory},
    Command{"disarm", "Forbid actuators to act", declare_disarm, kMemory},
    Command{"node list", "List the nodes that run", declare_node_list},
    Command{"node log-level", "Set down to which level a node's lines are written",
            declare_node_level},
    Command{"node info", "Show one node: its state, its timing, its topics", declare_node_info,
            kMemory},
    Command{"why", "Say why a node's ticks were late", declare_why, kMemory},
    Command{"log", "Show the service's log, or one node's", declare_log, kMemory},
    Command{"blackbox", "Show what happened in hosts, alive or dead; or keep a copy of it",
            declare_blackbox, kMemory},
    Command{"graph", "Show which nodes send what to whom", declare_graph, kMemory},
    Command{"topic list", "List the topics, their types and who uses them", declare_topic_list,
            kMemory},
    Command{"topic info", "Show one topic: its fields, its publishers and subscribers",
            declare_topic_info, kMemory},
    Command{"topic echo", "Print messages as they arrive", declare_topic_echo, kMemory},
    Command{"topic hz", "Measure how often messages are sent", declare_topic_hz, kMemory},
    Command{"topic bw", "Measure how many bytes are sent", declare_topic_bw, kMemory},
    Command{"topic delay", "Measure how old messages are at the ticks that receive them",
            declare_topic_delay, kMemory},
    Command{"topic pub", "Publish messages that are given as JSON", declare_topic_pub, kMemory},
    Command{"record", "Record topics to a file; or show, check or recover one", declare_record,
            kMemory},
    Command{"clean", "Remove what dead processes of yours left in shared memory", declare_clean,
            kMemory},
    Command{"doctor", "Check what real time needs and this machine grants", declare_doctor},
    Command{"launch", "Run a configuration in the foreground, as an ordinary user", declare_launch},
    Command{"run", "Run Python programs beside each other, and keep them up", declare_run},
    Command{"version", "Print versions: of this program and of the service", declare_version},
    Command{"help", "Show the commands, or how to use one", declare_help},
    Command{"completion", "Print shell completion", declare_completion},
    Command{"man", "Print the manual page in roff", declare_man},
};

/// The parser that a command belongs to: "topic" for "topic echo", made at the first such command;
/// `app` itself for a name of one word.
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

/// The words of the command that was parsed so far: "topic", "echo".
std::vector<std::string> parsed_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* one = &app; !one->get_subcommands().empty();) {
    one = one->get_subcommands().front();
    words.push_back(one->get_name());
  }
  return words;
}

/// The commands of a group: "list, echo, hz".
std::string names_below(const CLI::App& group) {
  std::string names;
  for (const CLI::App* one : group.get_subcommands([](const CLI::App*) { return true; })) {
    names += (names.empty() ? "" : ", ") + one->get_name();
  }
  return names;
}

/// Explains a RequiredError. CLI11 says only that a subcommand is missing; this names the word that
/// stands in its place, or the subcommands there are.
std::string explain(const CLI::App& app, const CLI::RequiredError& error) {
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  std::string begun;
  const CLI::App* last = &app;
  for (; !last->get_subcommands().empty(); begun += last->get_name() + " ") {
    last = last->get_subcommands().front();
  }
  if (rest.empty()) {
    const bool is_group = last->get_require_subcommand_min() != 0;
    return is_group ? begun + "what? " + names_below(*last) : std::string{error.what()};
  }
  if (rest.front().starts_with('-')) return "no option '" + rest.front() + "'";
  return "no command '" + begun + rest.front() + "'";
}

/// The action, preceded by use_memory_of().
Action in_robots_memory(const Action& action, const Places& places) {
  return [action, &places](Output& output) {
    if (const Status there = use_memory_of(places); !there) return fail_to_reach(there.error());
    return action(output);
  };
}

/// The exit code of a command that has written its output: `code`, or an error where the output
/// could not be written.
int written(int code, const Output& output) {
  if (output.error() == 0) return code;
  return fail(Error{Errc::kSystem, "write standard output", output.error(), {}});
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
    own->callback([&chosen, action = command.declare(*own, places), &command, &places] {
      chosen = action;
      if (command.reads == Command::Reads::kMemory) chosen = in_robots_memory(action, places);
    });
  }
  return app;
}

int run(int argc, const char* const* argv, Output& output) {
  const std::string program = program_name(argc > 0 ? argv[0] : "");
  if (argc < 2) {
    output.write(overview(program));
    return written(kUsage, output);
  }
  Places places;
  Action chosen;
  const auto app = make_app(program, places, chosen);
  try {
    app->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    output.write(help_text(program, parsed_words(*app)));
    return written(kOk, output);
  } catch (const CLI::RequiredError& error) {
    return fail(kUsage, explain(*app, error) + " (see '" + program + " help')");
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, std::string{error.what()} + " (see '" + program + " help')");
  }
  return written(chosen(output), output);
}

}  // namespace horus::cli

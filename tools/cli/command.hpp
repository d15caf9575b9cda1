// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include <CLI/CLI.hpp>

#include "tools/cli/output.hpp"
#include "tools/cli/where.hpp"

namespace horus::cli {

/// What a command does once its options are parsed; returns the exit code.
using Action = std::function<int(Output&)>;

/// One command. Help, completion, the man page and the test that each has a golden file are read
/// from this table.
struct Command {
  /// What of a robot it reads that --socket-dir names.
  enum class Reads : std::uint8_t { kItself, kMemory };
  std::string_view name;     ///< "stats", "topic echo".
  std::string_view summary;  ///< One line.
  /// Declares options on `app`; `places` holds what the options of all commands said.
  Action (*declare)(CLI::App& app, const Places& places);
  /// kMemory: the service's shared memory, whatever its own sockets say; else it asks for itself.
  Reads reads = Reads::kItself;
};
std::span<const Command> commands();

/// The parser with every command declared. `chosen` becomes the action of the one that is parsed.
std::unique_ptr<CLI::App> make_app(std::string_view program, Places& places, Action& chosen);

/// The whole program but for main().
int run(int argc, const char* const* argv, Output& output);

Action declare_stats(CLI::App& app, const Places& places);
Action declare_status(CLI::App& app, const Places& places);
Action declare_reload(CLI::App& app, const Places& places);
Action declare_estop(CLI::App& app, const Places& places);
Action declare_release(CLI::App& app, const Places& places);
Action declare_arm(CLI::App& app, const Places& places);
Action declare_disarm(CLI::App& app, const Places& places);
Action declare_node_list(CLI::App& app, const Places& places);
Action declare_node_level(CLI::App& app, const Places& places);
Action declare_node_info(CLI::App& app, const Places& places);
Action declare_why(CLI::App& app, const Places& places);
Action declare_log(CLI::App& app, const Places& places);
Action declare_blackbox(CLI::App& app, const Places& places);
Action declare_graph(CLI::App& app, const Places& places);
Action declare_topic_list(CLI::App& app, const Places& places);
Action declare_topic_info(CLI::App& app, const Places& places);
Action declare_topic_echo(CLI::App& app, const Places& places);
Action declare_topic_hz(CLI::App& app, const Places& places);
Action declare_topic_bw(CLI::App& app, const Places& places);
Action declare_topic_delay(CLI::App& app, const Places& places);
Action declare_topic_pub(CLI::App& app, const Places& places);
Action declare_record(CLI::App& app, const Places& places);
Action declare_clean(CLI::App& app, const Places& places);
Action declare_doctor(CLI::App& app, const Places& places);
Action declare_launch(CLI::App& app, const Places& places);
Action declare_run(CLI::App& app, const Places& places);
Action declare_version(CLI::App& app, const Places& places);
Action declare_help(CLI::App& app, const Places& places);
Action declare_completion(CLI::App& app, const Places& places);
Action declare_man(CLI::App& app, const Places& places);

}  // namespace horus::cli

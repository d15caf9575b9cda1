// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include <CLI/CLI.hpp>

#include "tools/cli/output.hpp"
#include "tools/cli/service_client.hpp"

namespace horus::cli {

/// Runs a command after its options were parsed; returns the exit code.
using Action = std::function<int(Output&)>;

/// One command (CLI-1). Help, completion and the man page are printed from the table of commands; a
/// test checks that each command has a golden file.
struct Command {
  /// What --socket-dir means for a command. kMemory: before the action runs, use_memory_of() makes
  /// the named robot's shared memory the one to read. kItself: the command looks at `places` by
  /// itself.
  enum class Reads : std::uint8_t { kItself, kMemory };
  std::string_view name;     ///< "stats", "topic echo".
  std::string_view summary;  ///< One line for the overview, without a full stop.
  /// Declares the command's options on `app` and returns its action. `places` has the values of the
  /// options that all commands share; it must outlive the action.
  Action (*declare)(CLI::App& app, const Places& places);
  Reads reads = Reads::kItself;
};
/// The table of commands, in the order in which they are listed.
std::span<const Command> commands();

/// A parser with every command declared. Parsing sets `chosen` to the action of the command that
/// was given.
std::unique_ptr<CLI::App> make_app(std::string_view program, Places& places, Action& chosen);

/// The whole program except main(): parses the arguments and runs the command. Returns the exit
/// code.
int run(int argc, const char* const* argv, Output& output);

}  // namespace horus::cli

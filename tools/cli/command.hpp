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

}  // namespace horus::cli

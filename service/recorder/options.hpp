// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <horus/realtime.hpp>
#include <horus/time.hpp>

#include "service/program.hpp"
#include "service/recorder/files.hpp"
#include "service/recorder/intake.hpp"

namespace horus::service {

/// What a recorder was asked to do.
struct RecorderOptions {
  std::string base{};               ///< The robot's directory in shared memory.
  Selection selection{};            ///< Which topics.
  FilesOptions files{};             ///< Where to.
  std::optional<Nanos> duration{};  ///< End after this time; nothing: run until told to stop.
  /// Keep only so much in memory, and write it when a host dies, when it is asked for, or see
  /// on_miss. Nothing: write everything.
  std::optional<Nanos> last{};
  std::uint64_t last_bytes = std::uint64_t{256} << 20;  ///< The most memory for `last`.
  bool on_miss = false;  ///< With `last`: a missed deadline also has it written.
  /// A program started the recorder and holds the other ends of its pipes: a line on standard
  /// output says that messages are taken, and the end of standard input ends the recording.
  bool for_program = false;
  /// As a service: the files that [record] was read from. They are attached to the recording.
  std::vector<std::string> config{};
  std::optional<CpuSet> cpus{};  ///< CPUs to run on; nothing: those that it was started with.
};

/// Reads the command line, which horusctl, Python and the unit file write. Returns an exit code if
/// the program is to end: after --version and --wanted, which it answers, and after an error, which
/// it reports. One thread only.
std::optional<Exit> parse_options(int argc, char** argv, RecorderOptions& options);

}  // namespace horus::service

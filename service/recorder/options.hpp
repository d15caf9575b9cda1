// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "rt/base/time.hpp"
#include "service/program.hpp"
#include "service/recorder/files.hpp"
#include "service/recorder/intake.hpp"

namespace horus::service {

struct RecorderOptions {
  std::string base{};
  Selection selection{};
  FilesOptions files{};
  std::optional<Nanos> duration{};
  /// So much is kept in memory, until something happens; nothing: all is written.
  std::optional<Nanos> last{};
  std::uint64_t last_bytes = std::uint64_t{256} << 20;
  bool on_miss = false;  ///< A deadline that a node misses is such a thing.
  /// Whoever started it has the other ends of its pipes: a line on standard output says that
  /// messages are taken, and the end of standard input ends the recording.
  bool for_program = false;
  /// Of a service: the files that [record] was read from; they go into the recording.
  std::vector<std::string> config{};
  std::optional<CpuSet> cpus{};  ///< Where it runs; nothing: where it was started.
};

/// Reads the command line, which horusctl, Python and a unit write; --version and --wanted are
/// answered here. Otherwise the exit code.
std::optional<Exit> parse_options(int argc, char** argv, RecorderOptions& options);

}  // namespace horus::service

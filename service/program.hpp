// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "rt/base/time.hpp"

namespace horus::service {

/// Exit codes of the services; those of sysexits.h where there is one.
enum class Exit : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kInternal = 70,
  kRunning = 75,
  kPermission = 77,
  kConfig = 78,
};

/// What a service was started with.
struct Options {
  std::string config = "/etc/horus";
  bool check = false;
  std::optional<Nanos> duration;
};

/// Which options a program takes, and how it describes itself.
struct Usage {
  const char* program;
  const char* purpose;
  bool check = false;
  bool launch = false;  ///< FILE in place of --config, and --duration.
};

/// Reads the command line; --help and --version are answered here. Otherwise the exit code.
std::optional<Exit> parse_options(int argc, char** argv, const Usage& usage, Options& options);

/// The exit of a service that cannot start: the line on stderr, and as STATUS= and ERRNO= to
/// systemd.
Exit refuse(const char* program, Exit exit, const std::string& line);

}  // namespace horus::service

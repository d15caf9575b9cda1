// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "rt/base/result.hpp"
#include "rt/base/shortage.hpp"
#include "rt/base/time.hpp"
#include "service/config.hpp"

namespace horus::service {

/// Exit codes of the services; those of sysexits.h where there is one.
enum class Exit : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kInternal = 70,
  kResources = 71,
  kRunning = 75,
  kLeftBehind = 75,  ///< A callback did not come back.
  kPermission = 77,
  kConfig = 78,
};

/// What a service was started with.
struct Options {
  std::string config = "/etc/horus";
  bool check = false;
  std::optional<Nanos> duration;
  bool check_rt = false;
  std::string socket_dir;            ///< Where the services' sockets lie; empty: the usual place.
  std::vector<std::string> scripts;  ///< In place of `config`: Python files.
  pid_t of_program = 0;              ///< The process whose hosts these are; 0: a service's.
  std::string python;                ///< Its interpreter.
};

/// Which options a program takes, and how it describes itself.
struct Usage {
  const char* program;
  const char* purpose;
  bool check = false;
  bool launch = false;  ///< FILE in place of --config, --duration, --socket-dir and --check-rt.
  bool for_program = false;  ///< --program and --python, which a program gives, and no user.
};

/// Reads the command line; --help and --version are answered here. Otherwise the exit code.
std::optional<Exit> parse_options(int argc, char** argv, const Usage& usage, Options& options);

/// kResources where the system was short of something, which may pass: the service is started
/// again. Else `otherwise`; for a configuration kConfig.
Exit exit_of(const Error& error, Exit otherwise) noexcept;
Exit exit_of(const ConfigError& error) noexcept;

/// The exit of a service that cannot start: the line on stderr, and as STATUS= and ERRNO= to
/// systemd; without an `os_errno` the one that `exit` stands for.
Exit refuse(const char* program, Exit exit, const std::string& line, int os_errno = 0);
/// The same for an error, with what to do about a shortage.
Exit refuse(const char* program, const Error& error, Exit otherwise);
Exit refuse(const char* program, const ConfigError& error);

}  // namespace horus::service

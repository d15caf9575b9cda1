// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <horus/result.hpp>
#include <horus/time.hpp>

#include "rt/base/shortage.hpp"
#include "service/config.hpp"

namespace horus::service {

/// Exit codes of the services; those of sysexits.h if it has one for the case.
enum class Exit : int {
  kOk = 0,
  kFailure = 1,      ///< Any other failure, also a bad end of a node or host.
  kUsage = 2,        ///< Wrong command line.
  kInternal = 70,    ///< A call failed that should not.
  kResources = 71,   ///< The system was short of something; a later start may succeed.
  kRunning = 75,     ///< Another instance runs already.
  kLeftBehind = 75,  ///< A callback did not come back, and the process ended without it.
  kPermission = 77,  ///< A right that the configuration insists on was not granted.
  kConfig = 78,      ///< The configuration is at fault.
};

/// The command line of a service.
struct Options {
  std::string config = "/etc/horus";  ///< A file or folder.
  bool check = false;                 ///< Only check the configuration.
  std::optional<Nanos> duration;      ///< End after this time; nothing: run until told to stop.
  bool check_rt = false;              ///< Report what ticks may not do; see check_rt.cpp.
  std::string socket_dir;             ///< Folder for the services' sockets; empty: the usual one.
  std::vector<std::string> scripts;   ///< Python files to run instead of `config`; may be empty.
  pid_t of_program = 0;               ///< The program to which the hosts belong; 0: a service.
  std::string python;                 ///< That program's interpreter.
};

/// Which options a program takes, and how it describes itself.
struct Usage {
  const char* program;
  const char* purpose;
  bool check = false;
  bool launch = false;       ///< FILE instead of --config; --duration, --socket-dir and --check-rt.
  bool for_program = false;  ///< --program and --python: for programs, not for users.
};

/// Reads the command line into `options`. Returns an exit code if the program is to end: after
/// --help and --version, which it answers, and after an error, which it reports. One thread only:
/// getopt_long() is not thread-safe.
std::optional<Exit> parse_options(int argc, char** argv, const Usage& usage, Options& options);

/// kResources if the system was short of something: that may pass, and systemd starts the service
/// again. Otherwise `otherwise`, for a configuration kConfig.
Exit exit_of(const Error& error, Exit otherwise) noexcept;
Exit exit_of(const ConfigError& error) noexcept;

/// Reports that a service cannot start: `line` on stderr, and STATUS= and ERRNO= to systemd. With
/// `os_errno` 0 it sends EPERM for kPermission and else EINVAL. Returns `exit`.
Exit refuse(const char* program, Exit exit, const std::string& line, int os_errno = 0);
/// The same for an error; the line ends with advice if the system was short of something.
Exit refuse(const char* program, const Error& error, Exit otherwise);
Exit refuse(const char* program, const ConfigError& error);

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#include "service/program.hpp"

#include <getopt.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "rt/base/parse.hpp"
#include "rt/base/printable.hpp"
#include "rt/base/version.hpp"
#include "service/describe.hpp"
#include "service/notify.hpp"

namespace horus::service {
namespace {

void print_help(const Usage& usage) {
  std::printf("usage: %s %s\n%s\n\n", usage.program,
              usage.launch
                  ? "FILE [--duration TIME] [--socket-dir DIR] [--check-rt], or several FILE.py"
                  : (usage.check ? "[--config FILE|FOLDER] [--check]" : "[--config FILE|FOLDER]"),
              usage.purpose);
  if (usage.launch) {
    std::puts("  --duration TIME   end after this time, e.g. \"10 s\" or 10");
    std::puts(
        "  --socket-dir DIR  make the sockets here (else $RUNTIME_DIRECTORY, the user's own)");
    std::puts(
        "  --check-rt        tell what ticks of C++ nodes do that real-time ticks may not:\n"
        "                    allocate, lock, call the system, touch new memory; slows them");
  } else {
    std::puts(
        "  --config PATH     a file, or a folder with horus.toml and conf.d/*.toml"
        " (default: /etc/horus)");
  }
  if (usage.check) std::puts("  --check           only check the configuration");
  std::puts("  --version         print the version");
}

/// A duration with a unit, or a plain number of seconds.
std::optional<Nanos> parse_seconds(std::string text) {
  if (text.find_first_not_of("0123456789.") == std::string::npos) text += " s";
  const auto parsed = parse_duration(text);
  return parsed ? std::optional{parsed.value()} : std::nullopt;
}

Exit misused(const Usage& usage, const std::string& what) {
  std::fprintf(stderr, "%s: %s; see %s --help\n", usage.program, printable(what).c_str(),
               usage.program);
  return Exit::kUsage;
}

}  // namespace

std::optional<Exit> parse_options(int argc, char** argv, const Usage& usage, Options& options) {
  static constexpr option kOptions[] = {
      {"config", required_argument, nullptr, 'c'},     {"check", no_argument, nullptr, 'k'},
      {"duration", required_argument, nullptr, 'd'},   {"help", no_argument, nullptr, 'h'},
      {"version", no_argument, nullptr, 'v'},          {"program", required_argument, nullptr, 'p'},
      {"python", required_argument, nullptr, 'y'},     {"check-rt", no_argument, nullptr, 'r'},
      {"socket-dir", required_argument, nullptr, 's'}, {}};
  // getopt_long() is not thread-safe, but there is only one thread so far.
  for (int letter = 0;  // NOLINTNEXTLINE(concurrency-mt-unsafe)
       (letter = ::getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    if (letter == 'h') {
      print_help(usage);
      return Exit::kOk;
    }
    if (letter == 'v') {
      std::printf("%s %s\n", usage.program, kVersion);
      return Exit::kOk;
    }
    if (letter == 'c' && !usage.launch) {
      options.config = optarg;
    } else if (letter == 'k' && usage.check) {
      options.check = true;
    } else if (letter == 'p' && usage.for_program) {
      options.of_program = std::atoi(optarg);  // NOLINT(cert-err34-c): 0 is nobody's parent.
    } else if (letter == 'y' && usage.for_program) {
      options.python = optarg;
    } else if (letter == 'r' && usage.launch) {
      options.check_rt = true;
    } else if (letter == 's' && usage.launch) {
      options.socket_dir = optarg;
    } else if (letter == 'd' && usage.launch) {
      options.duration = parse_seconds(optarg);
      if (!options.duration) {
        return misused(usage,
                       "--duration takes a time, e.g. \"10 s\", not '" + std::string{optarg} + "'");
      }
    } else {
      return misused(usage, "wrong option");
    }
  }
  const std::vector<std::string> files{argv + optind, argv + argc};
  if (!usage.launch) {
    return files.empty() ? std::nullopt : std::optional{misused(usage, "unknown argument")};
  }
  const bool scripts = std::ranges::all_of(files, [](const auto& f) { return f.ends_with(".py"); });
  if (files.empty() || (files.size() > 1 && !scripts)) {
    return misused(usage, "one configuration file is wanted, or Python files");
  }
  if (scripts) {
    options.scripts = files;
  } else {
    options.config = files.front();
  }
  return std::nullopt;
}

Exit exit_of(const Error& error, Exit otherwise) noexcept {
  return error.code == Errc::kExhausted ? Exit::kResources : otherwise;
}

Exit exit_of(const ConfigError& error) noexcept {
  return error.shortage != 0 ? Exit::kResources : Exit::kConfig;
}

Exit refuse(const char* program, Exit exit, const std::string& line, int os_errno) {
  std::fprintf(stderr, "%s: %s\n", program, printable(line).c_str());
  if (os_errno == 0) os_errno = exit == Exit::kPermission ? EPERM : EINVAL;
  notify::failed(line, os_errno);
  return exit;
}

Exit refuse(const char* program, const Error& error, Exit otherwise) {
  return refuse(program, exit_of(error, otherwise), describe(error) + cure_of(shortage_of(error)),
                error.os_errno);
}

Exit refuse(const char* program, const ConfigError& error) {
  return refuse(program, exit_of(error), error.text + cure_of(error.shortage), error.shortage);
}

}  // namespace horus::service

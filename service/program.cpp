// SPDX-License-Identifier: Apache-2.0
#include "service/program.hpp"

#include <getopt.h>

#include <cerrno>
#include <cstdio>

#include "rt/base/parse.hpp"
#include "rt/base/version.hpp"
#include "service/notify.hpp"

namespace horus::service {
namespace {

void print_help(const Usage& usage) {
  std::printf("usage: %s %s\n%s\n\n", usage.program,
              usage.launch
                  ? "FILE [--duration TIME]"
                  : (usage.check ? "[--config FILE|FOLDER] [--check]" : "[--config FILE|FOLDER]"),
              usage.purpose);
  if (usage.launch) {
    std::puts("  --duration TIME   end after this time, e.g. \"10 s\" or 10");
  } else {
    std::puts(
        "  --config PATH     a file, or a folder with horus.toml and conf.d/*.toml"
        " (default: /etc/horus)");
  }
  if (usage.check) std::puts("  --check           only check the configuration");
  std::puts("  --version         print the version");
}

/// Plain numbers are seconds.
std::optional<Nanos> parse_seconds(std::string text) {
  if (text.find_first_not_of("0123456789.") == std::string::npos) text += " s";
  const auto parsed = parse_duration(text);
  return parsed ? std::optional{parsed.value()} : std::nullopt;
}

Exit misused(const Usage& usage, const std::string& what) {
  std::fprintf(stderr, "%s: %s; see %s --help\n", usage.program, what.c_str(), usage.program);
  return Exit::kUsage;
}

}  // namespace

std::optional<Exit> parse_options(int argc, char** argv, const Usage& usage, Options& options) {
  static constexpr option kOptions[] = {
      {"config", required_argument, nullptr, 'c'},   {"check", no_argument, nullptr, 'k'},
      {"duration", required_argument, nullptr, 'd'}, {"help", no_argument, nullptr, 'h'},
      {"version", no_argument, nullptr, 'v'},        {}};
  // One thread so far.
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
  if (argc - optind != (usage.launch ? 1 : 0)) {
    return misused(usage, usage.launch ? "one configuration file is wanted" : "unknown argument");
  }
  if (usage.launch) options.config = argv[optind];
  return std::nullopt;
}

Exit refuse(const char* program, Exit exit, const std::string& line) {
  std::fprintf(stderr, "%s: %s\n", program, line.c_str());
  notify::failed(line, exit == Exit::kPermission ? EPERM : EINVAL);
  return exit;
}

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#include "service/recorder/options.hpp"

#include <getopt.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string_view>

#include <horus/topic.hpp>

#include "rt/base/version.hpp"
#include "service/config.hpp"

namespace horus::service {

namespace {

constexpr const char* kProgram = "horus-recorder";

/// A file name with the local time, e.g. "run_2026-01-31_15-04-05.mcap".
std::string dated(const std::string& stem) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::string name(64, '\0');
  name.resize(std::strftime(name.data(), name.size(), "_%Y-%m-%d_%H-%M-%S.mcap", &parts));
  return stem + name;
}

/// Takes over what [record] says. Returns an exit code if the program is to end. `wanted`: only
/// answer whether there is a section [record].
std::optional<Exit> read_config(const std::string& path, bool wanted, RecorderOptions& options) {
  const ConfigResult loaded = load_checked(path, ConfigScope::kRecorder);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    // For --wanted a configuration with an error counts as "yes": then the unit starts the
    // recorder, which fails and reports the error.
    return wanted ? Exit::kOk : refuse(kProgram, *error);
  }
  const auto& config = std::get<Config>(loaded);
  const Config::Record& record = config.record;
  if (wanted) return record.wanted ? Exit::kOk : Exit::kFailure;
  if (!record.wanted) {
    return refuse(kProgram, Exit::kConfig, path + " has no section [record]: nothing to record");
  }
  if (const auto error = find_hidden_recordings(config)) return refuse(kProgram, *error);
  options.selection = {record.topics, record.exclude};
  // The unit has made the default folder. Of any other path only the last folder is made.
  if (::mkdir(record.path.c_str(), 0750) != 0 && errno != EEXIST) {
    return refuse(kProgram, Error::from_errno("make the folder of recordings", record.path),
                  Exit::kFailure);
  }
  options.files.path = dated(record.path + "/" + config.robot.name);
  if (record.split) {
    options.files.split_bytes = record.split->bytes;
    options.files.split_time = record.split->time;
  }
  options.files.keep = static_cast<std::uint32_t>(record.keep);
  options.files.min_free = record.min_free;
  options.last = record.last;
  options.config = config.files;
  options.cpus = config.cpus.housekeeping;
  return std::nullopt;
}

std::optional<std::uint64_t> whole_number(const char* text) {
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(text, &end, 10);
  return end != text && *end == '\0' ? std::optional{number} : std::nullopt;
}

Exit misused_option(const std::string& what) {
  std::fprintf(stderr, "%s: %s (see horusctl help record)\n", kProgram, what.c_str());
  return Exit::kUsage;
}

}  // namespace

std::optional<Exit> parse_options(int argc, char** argv, RecorderOptions& options) {
  static constexpr option kOptions[] = {{"config", required_argument, nullptr, 'c'},
                                        {"wanted", no_argument, nullptr, 'w'},
                                        {"base", required_argument, nullptr, 'b'},
                                        {"output", required_argument, nullptr, 'o'},
                                        {"exclude", required_argument, nullptr, 'x'},
                                        {"for", required_argument, nullptr, 'f'},
                                        {"split-bytes", required_argument, nullptr, 's'},
                                        {"split-ns", required_argument, nullptr, 't'},
                                        {"keep", required_argument, nullptr, 'k'},
                                        {"last", required_argument, nullptr, 'l'},
                                        {"last-bytes", required_argument, nullptr, 'B'},
                                        {"on-miss", no_argument, nullptr, 'M'},
                                        {"min-free", required_argument, nullptr, 'm'},
                                        {"no-compression", no_argument, nullptr, 'n'},
                                        {"for-program", no_argument, nullptr, 'r'},
                                        {"version", no_argument, nullptr, 'v'},
                                        {}};
  constexpr std::string_view kNumbers = "fstklBm";
  options.base = shm::default_base();
  std::string config;
  bool wanted = false;
  for (int letter = 0;  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread so far.
       (letter = ::getopt_long(argc, argv, "o:", kOptions, nullptr)) != -1;) {
    const auto number = optarg != nullptr ? whole_number(optarg) : std::nullopt;
    const bool counts = kNumbers.find(static_cast<char>(letter)) != std::string_view::npos;
    if (counts && !number) return misused_option("'" + std::string{optarg} + "' is no number");
    const auto as_time = [&] { return Nanos{static_cast<std::int64_t>(*number)}; };
    switch (letter) {
      case 'c': config = optarg; break;
      case 'w': wanted = true; break;
      case 'b': options.base = optarg; break;
      case 'o': options.files.path = optarg; break;
      case 'x': options.selection.exclude.emplace_back(optarg); break;
      case 'f': options.duration = as_time(); break;
      case 's': options.files.split_bytes = *number; break;
      case 't': options.files.split_time = as_time(); break;
      case 'k': options.files.keep = static_cast<std::uint32_t>(*number); break;
      case 'l': options.last = as_time(); break;
      case 'B': options.last_bytes = *number; break;
      case 'M': options.on_miss = true; break;
      case 'm': options.files.min_free = *number; break;
      case 'n': options.files.compressed = false; break;
      case 'r': options.for_program = true; break;
      case 'v': std::printf("%s %s\n", kProgram, kVersion); return Exit::kOk;
      default: return misused_option("wrong option");
    }
  }
  options.selection.topics.assign(argv + optind, argv + argc);
  if (options.selection.topics.empty()) options.selection.topics.emplace_back("*");
  if (!config.empty()) {
    if (const auto exit = read_config(config, wanted, options)) return exit;
  }
  if (options.files.path.empty()) options.files.path = dated("run");
  if (options.last) {
    options.files.on_demand = true;
    // No limit of its own: the ring's limit counts the queued bytes as well.
    options.files.most_queued = std::numeric_limits<std::uint64_t>::max();
  }
  return std::nullopt;
}

}  // namespace horus::service

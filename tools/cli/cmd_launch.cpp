// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include "rt/base/printable.hpp"
#include "rt/base/version.hpp"
#include "service/wire/interfaces.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/own_program.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

constexpr const char* kLauncher = "horus-launch";

struct LaunchOptions {
  std::vector<std::string> files;
  std::string duration;
  bool check_rt = false;
};

void add_duration(CLI::App& app, LaunchOptions& options) {
  app.add_option("--duration", options.duration, "End after this time, e.g. \"10 s\" or 10")
      ->type_name("TIME");
}

std::vector<std::string> arguments_of(const LaunchOptions& options, const Places& places) {
  std::vector<std::string> arguments = options.files;
  if (!places.socket_dir.empty()) arguments.push_back("--socket-dir=" + places.socket_dir);
  if (!options.duration.empty()) arguments.push_back("--duration=" + options.duration);
  if (options.check_rt) arguments.emplace_back("--check-rt");
  return arguments;
}

int run_version(bool json, const Places& places, Output& output) {
  const std::string service = service_version(places);
  if (json) {
    wire::Json line{{"horusctl", kVersion}, {"protocol", wire::kProtocolVersion}};
    if (!service.empty()) line["service"] = service;
    output.write(wire::to_line(line) + "\n");
    return kOk;
  }
  std::string text = std::string{"horusctl "} + kVersion + "\nprotocol " + wire::kProtocolVersion;
  if (!service.empty()) text += "\nservice " + printable(service);
  output.write(text + "\n");
  return kOk;
}

}  // namespace

Action declare_launch(CLI::App& app, const Places& places) {
  const auto options = std::make_shared<LaunchOptions>();
  app.add_option("file", options->files, "The configuration; or Python files, as for run")
      ->required()
      ->type_name("FILE");
  add_duration(app, *options);
  app.add_flag("--check-rt", options->check_rt,
               "Tell what ticks of C++ nodes do that real-time ticks may not");
  app.footer("Exit status: 0 stopped as asked, 78 an error in FILE, else that of what failed.");
  return [options, &places](Output&) {
    return become(kLauncher, "launch", arguments_of(*options, places));
  };
}

Action declare_run(CLI::App& app, const Places& places) {
  const auto options = std::make_shared<LaunchOptions>();
  app.add_option("file", options->files, "The programs")->required()->type_name("FILE.py");
  add_duration(app, *options);
  app.footer(
      "Each is a process of its own, which is started again when it fails. A file that\n"
      "runs nothing itself has the nodes run that it makes. Exit status: 0 all have\n"
      "ended or were stopped as asked, else that of what failed.");
  return [options, &places](Output&) {
    for (const std::string& file : options->files) {
      if (!file.ends_with(".py")) {
        return fail(kUsage, "run: '" + printable(file) +
                                "' is no Python file (FILE.py); horusctl "
                                "launch runs a configuration");
      }
    }
    return become(kLauncher, "run", arguments_of(*options, places));
  };
}

Action declare_version(CLI::App& app, const Places& places) {
  const auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "One line of JSON");
  return [json, &places](Output& output) { return run_version(*json, places, output); };
}

}  // namespace horus::cli

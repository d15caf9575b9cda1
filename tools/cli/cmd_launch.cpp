// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "rt/base/version.hpp"
#include "service/wire/interfaces.hpp"
#include "tools/cli/command.hpp"
#include "tools/cli/text.hpp"

namespace horus::cli {

namespace {

constexpr const char* kLauncher = "horus-launch";

/// Where the launcher lies: beside this program in a build tree, else where a package puts it.
std::string find_launcher() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const std::filesystem::path& directory :
       {self.parent_path(), std::filesystem::path{"/usr/libexec/horus"},
        std::filesystem::path{"/usr/lib/horus"}}) {
    std::string path = (directory / kLauncher).string();
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

int run_launch(const std::vector<std::string>& arguments) {
  const std::string launcher = find_launcher();
  if (launcher.empty()) {
    return fail(kError, "launch: horus-launch is not installed (apt install horus)");
  }
  std::vector<std::string> words{launcher};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // What is ignored stays so over exec(); the robot's programs start from the default.
  ::signal(SIGPIPE, SIG_DFL);
  ::execv(launcher.c_str(), argv.data());
  return fail(Error::from_errno("launch", launcher));
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

Action declare_launch(CLI::App& app, const Places&) {
  struct Options {
    std::string file;
    std::string duration;
  };
  const auto options = std::make_shared<Options>();
  app.add_option("file", options->file, "The configuration")->required()->type_name("FILE");
  app.add_option("--duration", options->duration, "End after this time, e.g. \"10 s\" or 10")
      ->type_name("TIME");
  app.footer("Exit status: 0 stopped as asked, 78 an error in FILE, else that of what failed.");
  return [options](Output&) {
    std::vector<std::string> arguments{options->file};
    if (!options->duration.empty()) arguments.push_back("--duration=" + options->duration);
    return run_launch(arguments);
  };
}

Action declare_version(CLI::App& app, const Places& places) {
  const auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "One line of JSON");
  return [json, &places](Output& output) { return run_version(*json, places, output); };
}

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/own_program.hpp"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "tools/cli/output.hpp"

namespace horus::cli {

namespace {

std::string find_own(const std::string& program) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const std::filesystem::path& directory :
       {self.parent_path(), self.parent_path().parent_path() / "libexec/horus"}) {
    std::string path = (directory / program).string();
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

}  // namespace

int become(const std::string& program, const std::string& command,
           const std::vector<std::string>& arguments) {
  const std::string path = find_own(program);
  if (path.empty()) {
    return fail(kError, command + ": " + program + " is not installed (apt install horus)");
  }
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // An ignored signal stays ignored across exec(), and our programs expect the default.
  ::signal(SIGPIPE, SIG_DFL);
  ::execv(path.c_str(), argv.data());
  return fail(Error::from_errno(command.c_str(), path));
}

}  // namespace horus::cli

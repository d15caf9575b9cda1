// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace horus::cli {

Result<Child> Child::start(const std::vector<std::string>& words, bool quiet) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("make a pipe", "");
  UniqueFd from{ends[0]};
  const UniqueFd to{ends[1]};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  if (quiet) {
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = -1;
  const int failed =
      ::posix_spawnp(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) return Child{pid, std::move(from)};
  errno = failed;
  return Error::from_errno("start", words.front());
}

Child::Child(pid_t pid, UniqueFd output) noexcept : pid_{pid}, output_{std::move(output)} {}

Child::Child(Child&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, output_{std::move(other.output_)} {}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ended_well();
}

bool Child::ended_well() noexcept {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace horus::cli

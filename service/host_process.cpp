// SPDX-License-Identifier: Apache-2.0
#include "service/host_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "service/pidfd.hpp"

namespace horus::service {
namespace {

constexpr int kReadyFd = 3;  // In the child.

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno("create pipe");
  Pipe pipe{.read = UniqueFd{ends[0]}, .write = UniqueFd{ends[1]}};
  // The supervisor's end only: the host may expect ordinary, blocking streams.
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return Error::from_errno("set up pipe");
  return pipe;
}

/// What belongs to the supervisor alone: systemd's channels, and a journal stream that the host
/// does not have.
constexpr std::array<std::string_view, 7> kOwnVariables{
    "NOTIFY_SOCKET", "WATCHDOG_USEC",  "WATCHDOG_PID",  "LISTEN_FDS",
    "LISTEN_PID",    "LISTEN_FDNAMES", "JOURNAL_STREAM"};

/// In a build tree the package lies beside the programs' folder.
std::string build_tree_package() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto folder = program.parent_path().parent_path() / "python";
  return std::filesystem::exists(folder / "horus" / "__init__.py", error) ? folder.string() : "";
}

std::vector<std::string> environment_of(const HostEntry& entry) {
  std::map<std::string, std::string> variables;
  for (char** item = environ; *item != nullptr; ++item) {
    const std::string_view text{*item};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables[std::string{text.substr(0, equals)}] = text.substr(equals + 1);
  }
  for (const std::string_view name : kOwnVariables) variables.erase(std::string{name});
  if (const std::string package = build_tree_package(); !package.empty()) {
    std::string& path = variables["PYTHONPATH"];
    path = package + (path.empty() ? "" : ":" + path);
  }
  variables["PYTHONUNBUFFERED"] = "1";
  variables["PYTHONFAULTHANDLER"] = "1";
  for (const auto& [name, value] : entry.env) variables[name] = value;
  variables["HORUS_READY_FD"] = std::to_string(kReadyFd);
  std::vector<std::string> list;
  for (const auto& [name, value] : variables) list.push_back(name + "=" + value);
  return list;
}

std::vector<std::string> arguments_of(const HostEntry& entry) {
  std::vector<std::string> arguments{HORUS_PYTHON, "-m",       "horus.host",
                                     entry.name,   "--module", entry.module};
  for (const std::string& path : entry.python_path) {
    arguments.emplace_back("--path");
    arguments.push_back(path);
  }
  return arguments;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildFds {
  int output;
  int ready;
  int procs;  // -1: none.
};

/// Between fork and exec: async-signal-safe calls only, for the supervisor has a second thread.
[[noreturn]] void become_host(char** arguments, char** variables, ChildFds fds, pid_t parent) {
  static constexpr int kCannotExec = 127;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotExec);  // It died before the line above.
  ::setpgid(0, 0);
  if (fds.procs >= 0 && ::write(fds.procs, "0", 1) != 1) ::_exit(kCannotExec);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(fds.output, STDOUT_FILENO);
  ::dup2(fds.output, STDERR_FILENO);
  if (fds.ready == kReadyFd) {
    ::fcntl(kReadyFd, F_SETFD, 0);
  } else {
    ::dup2(fds.ready, kReadyFd);
  }
  ::execve(arguments[0], arguments, variables);
  static constexpr std::string_view kFailed = "cannot start " HORUS_PYTHON "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kFailed.data(), kFailed.size());
  ::_exit(kCannotExec);
}

}  // namespace

std::vector<std::string> LineSplitter::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  for (const char c : bytes) {
    if (c != '\n') partial_ += c;
    if (c == '\n' || partial_.size() == kMaxLine) lines.push_back(std::exchange(partial_, {}));
  }
  return lines;
}

Result<HostProcess> HostProcess::spawn(const HostEntry& entry, Leaf leaf) {
  std::vector<std::string> arguments = arguments_of(entry);
  std::vector<std::string> variables = environment_of(entry);
  std::vector<char*> argv = pointers_to(arguments);
  std::vector<char*> envp = pointers_to(variables);
  auto output = make_pipe();
  auto ready = make_pipe();
  if (!output) return output.error();
  if (!ready) return ready.error();
  HostProcess process;
  process.leaf_ = std::move(leaf);
  const ChildFds fds{.output = output.value().write.get(),
                     .ready = ready.value().write.get(),
                     .procs = process.leaf_ ? process.leaf_.procs() : -1};
  const pid_t parent = ::getpid();
  process.pid_ = ::fork();
  if (process.pid_ == 0) {
    become_host(argv.data(), envp.data(), fds, parent);
  }
  if (process.pid_ < 0) return Error::from_errno("start host", entry.name);
  process.pidfd_ = open_pidfd(process.pid_);
  process.output_ = std::move(output.value().read);
  process.ready_ = std::move(ready.value().read);
  if (!process.pidfd_) return Error::from_errno("watch host", entry.name);
  return process;
}

HostProcess::HostProcess(HostProcess&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)},
      pidfd_{std::move(other.pidfd_)},
      output_{std::move(other.output_)},
      ready_{std::move(other.ready_)},
      leaf_{std::move(other.leaf_)} {}

HostProcess& HostProcess::operator=(HostProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(output_, other.output_);
  std::swap(ready_, other.ready_);
  std::swap(leaf_, other.leaf_);
  return *this;
}

HostProcess::~HostProcess() {
  if (pid_ < 0) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
}

void HostProcess::terminate() noexcept {
  ::kill(pid_, SIGTERM);
}

void HostProcess::kill() noexcept {
  leaf_.kill();
  ::kill(-pid_, SIGKILL);
  // Once more by its own number: between fork and setpgid there is no such group.
  ::kill(pid_, SIGKILL);
}

std::optional<ProcessEnd> HostProcess::reap() noexcept {
  siginfo_t info{};
  const auto id = static_cast<id_t>(pid_);
  if (::waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
    return std::nullopt;
  }
  // What it started ends with it; before its number is free for strangers.
  leaf_.kill();
  ::kill(-pid_, SIGKILL);
  ::waitid(P_PID, id, &info, WEXITED);
  pid_ = -1;
  if (info.si_code == CLD_EXITED) {
    return ProcessEnd{.success = info.si_status == 0,
                      .reason = "exit " + std::to_string(info.si_status)};
  }
  const char* name = ::sigdescr_np(info.si_status);
  return ProcessEnd{.success = false,
                    .reason = "signal " + std::to_string(info.si_status) + " (" +
                              (name == nullptr ? "unknown" : name) + ")"};
}

}  // namespace horus::service

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

// Descriptors in the child. Both are the write end of one pipe: the host reports on either.
constexpr int kReadyFd = 3;
constexpr int kWatchFd = 4;
constexpr int kCannotExec = 127;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno("create pipe");
  Pipe pipe{.read = UniqueFd{ends[0]}, .write = UniqueFd{ends[1]}};
  // Only the supervisor's end is non-blocking: the host may expect ordinary, blocking streams.
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return Error::from_errno("set up pipe");
  return pipe;
}

/// Variables that the host must not inherit: systemd's channels belong to the supervisor, and the
/// host's output is no journal stream.
constexpr std::array<std::string_view, 8> kOwnVariables{
    "NOTIFY_SOCKET", "WATCHDOG_USEC",  "WATCHDOG_PID",   "LISTEN_FDS",
    "LISTEN_PID",    "LISTEN_FDNAMES", "JOURNAL_STREAM", kLaunchedVariable};

/// Folder of the Python package in a build tree, beside the programs' folder; empty: this program
/// is installed.
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
  variables["HORUS_WATCH_FD"] = std::to_string(kWatchFd);
  std::vector<std::string> list;
  for (const auto& [name, value] : variables) list.push_back(name + "=" + value);
  return list;
}

std::string seconds_of(Nanos duration) {
  return std::to_string(std::chrono::duration<double>(duration).count());
}

std::vector<std::string> arguments_of(const HostEntry& entry, Nanos stop_timeout,
                                      const std::string& robot) {
  // -P, as with -m alone Python would import first from the current directory.
  std::vector<std::string> arguments{entry.python.empty() ? HORUS_PYTHON : entry.python,
                                     "-P",
                                     "-m",
                                     "horus.host",
                                     entry.name,
                                     "--module",
                                     entry.module};
  for (const std::string& path : entry.python_path) {
    arguments.emplace_back("--path");
    arguments.push_back(path);
  }
  const auto add = [&arguments](const char* option, const std::string& value) {
    arguments.emplace_back(option);
    arguments.push_back(value);
  };
  add("--stop-timeout", seconds_of(stop_timeout));
  if (entry.watchdog) add("--watchdog", seconds_of(*entry.watchdog));
  if (entry.hang_timeout) add("--hang-timeout", seconds_of(*entry.hang_timeout));
  if (entry.start_timeout) add("--start-timeout", seconds_of(*entry.start_timeout));
  if (!entry.gc.empty()) add("--gc", entry.gc);
  if (entry.log_level) add("--log-level", to_text(*entry.log_level));
  if (entry.cpus) add("--cpus", entry.cpus->text());
  if (entry.blackbox_mb > 0) add("--blackbox-mb", std::to_string(entry.blackbox_mb));
  if (!robot.empty()) add("--robot", robot);
  if (entry.rt) arguments.emplace_back("--rt");
  if (entry.script) arguments.emplace_back("--script");
  return arguments;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Descriptors that the child sets up before exec.
struct ChildFds {
  int stdout_fd;  // Becomes its standard output.
  int output;     // Becomes its standard error.
  int ready;      // Becomes kReadyFd and kWatchFd.
  int procs;      // cgroup.procs of its leaf; -1: none.
};

/// Prints what failed with errno's text, and ends. Async-signal-safe, as become_host().
[[noreturn]] void give_up(const char* action, char** arguments) {
  const char* const why = ::strerrordesc_np(errno);  // Reads a table and takes no lock.
  for (const std::string_view part : {std::string_view{"cannot "},
                                      {action},
                                      {" "},
                                      {arguments[0]},
                                      {": "},
                                      {why == nullptr ? "unknown error" : why},
                                      {"\n"}}) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, part.data(), part.size());
  }
  ::_exit(kCannotExec);
}

/// Runs between fork and exec. Only async-signal-safe calls: the supervisor has a second thread,
/// which may have held a lock during fork().
[[noreturn]] void become_host(char** arguments, char** variables, ChildFds fds, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotExec);  // The supervisor died before the line above.
  ::dup2(fds.output, STDERR_FILENO);                // First: give_up() writes there.
  ::setpgid(0, 0);
  if (fds.procs >= 0 && ::write(fds.procs, "0", 1) != 1) give_up("enter the cgroup of", arguments);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(fds.stdout_fd, STDOUT_FILENO);
  if (fds.ready == kReadyFd) {
    ::fcntl(kReadyFd, F_SETFD, 0);
  } else {
    ::dup2(fds.ready, kReadyFd);
  }
  ::dup2(kReadyFd, kWatchFd);
  ::execve(arguments[0], arguments, variables);
  give_up("start", arguments);
}

std::string exit_words(int code) {
  if (code == 0) return "it ended (exit code 0)";
  const std::string number = " (exit code " + std::to_string(code) + ")";
  if (code == kCannotExec) return "it could not be started" + number;
  return "its program ended itself as failed" + number;
}

std::string signal_words(int signal) {
  const char* const name = ::sigdescr_np(signal);
  const std::string number = " (signal " + std::to_string(signal) + ")";
  if (signal == SIGKILL) return "killed by somebody, or by the kernel for its memory" + number;
  static constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
  const bool crash = std::ranges::find(kCrashes, signal) != kCrashes.end();
  return (crash ? "crashed: " : "ended by a signal: ") +
         std::string{name == nullptr ? "unknown" : name} + number;
}

}  // namespace

bool tells_crash(std::string_view line, std::string_view reason) noexcept {
  static constexpr std::string_view kCrashed = "crashed";
  static constexpr std::string_view kInNode = "crashed in node '";
  if (!reason.starts_with("crashed: ")) return false;
  // `line` and `reason` name the signal in the same words.
  const std::string_view signal = reason.substr(kCrashed.size());
  const auto at = line.find(signal);
  if (at == std::string_view::npos) return false;
  const std::string_view where = line.substr(0, at);
  const std::string_view rest = line.substr(at + signal.size());
  const bool in_node = where.starts_with(kInNode) && where.find("', tick ") != where.npos;
  return (in_node || where == "crashed outside of any node") &&
         (rest.empty() || rest.starts_with(" at address 0x"));
}

std::vector<std::string> LineSplitter::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  for (const char c : bytes) {
    if (c != '\n') partial_ += c;
    if (c == '\n' || partial_.size() == kMaxLine) lines.push_back(std::exchange(partial_, {}));
  }
  return lines;
}

Result<HostProcess> HostProcess::spawn(const HostEntry& entry, Nanos stop_timeout,
                                       const std::string& robot, Leaf leaf) {
  std::vector<std::string> arguments = arguments_of(entry, stop_timeout, robot);
  std::vector<std::string> variables = environment_of(entry);
  std::vector<char*> argv = pointers_to(arguments);
  std::vector<char*> envp = pointers_to(variables);
  auto output = make_pipe();
  auto ready = make_pipe();
  if (!output) return output.error();
  if (!ready) return ready.error();
  HostProcess process;
  process.leaf_ = std::move(leaf);
  const int out = output.value().write.get();
  const ChildFds fds{.stdout_fd = entry.shares_stdout ? STDOUT_FILENO : out,
                     .output = out,
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

void HostProcess::signal(int number) noexcept {
  // After reap() its number may be another process's, and -1 would mean every process.
  if (pid_ > 0) ::kill(pid_, number);
}

void HostProcess::report() noexcept {
  signal(SIGQUIT);
}

void HostProcess::terminate() noexcept {
  signal(SIGTERM);
}

void HostProcess::abort() noexcept {
  signal(SIGABRT);
}

void HostProcess::kill() noexcept {
  if (pid_ <= 0) return;
  leaf_.kill();
  ::kill(-pid_, SIGKILL);
  // Also by its own number: between fork and setpgid the group does not exist yet.
  signal(SIGKILL);
}

std::optional<ProcessEnd> HostProcess::reap() noexcept {
  siginfo_t info{};
  const auto id = static_cast<id_t>(pid_);
  if (::waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
    return std::nullopt;
  }
  // Kill what it started, while the zombie still holds its number: afterwards the process group of
  // that number could be another's.
  leaf_.kill();
  ::kill(-pid_, SIGKILL);
  ::waitid(P_PID, id, &info, WEXITED);
  pid_ = -1;
  const bool exited = info.si_code == CLD_EXITED;
  return ProcessEnd{.success = exited && info.si_status == 0,
                    .terminated = !exited && info.si_status == SIGTERM,
                    .reason = exited ? exit_words(info.si_status) : signal_words(info.si_status)};
}

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "service/config.hpp"
#include "service/describe.hpp"
#include "service/event_loop.hpp"
#include "service/instance_lock.hpp"
#include "service/pidfd.hpp"
#include "service/program.hpp"
#include "shm/registry.hpp"
#include "shm/session.hpp"

namespace horus::service {
namespace {

constexpr const char* kProgram = "horus-launch";
constexpr Usage kUsage{.program = kProgram,
                       .purpose = "Runs a configuration in the foreground, as an ordinary user.",
                       .launch = true};
/// Longer than both programs take for a clean stop.
constexpr Nanos kGrace = 10s;

/// The services lie beside this program, or where the packages put them.
std::string find_program(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder : {own, fs::path{HORUS_SBIN_DIR}}) {
    if (fs::exists(folder / name, error)) return (folder / name).string();
  }
  return {};
}

/// One of the two services.
struct Child {
  std::string name;
  pid_t pid = -1;
  UniqueFd pidfd;
  EventLoop::Id watch = 0;
};

Status start(Child& child, const std::string& config) {
  const std::string path = find_program(child.name);
  if (path.empty()) {
    return Error{Errc::kNotFound, "start a service (is package 'horus' installed?)", ENOENT,
                 Name<200>::clipped(child.name)};
  }
  const pid_t parent = ::getpid();
  child.pid = ::fork();
  if (child.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    if (::getppid() == parent) {
      ::execl(path.c_str(), path.c_str(), "--config", config.c_str(), nullptr);
    }
    ::_exit(static_cast<int>(Exit::kInternal));
  }
  if (child.pid < 0) return Error::from_errno("start", path);
  child.pidfd = open_pidfd(child.pid);
  return child.pidfd ? Status{} : Status{Error::from_errno("watch", path)};
}

/// Both services, from their start to their end.
class Launch {
 public:
  Launch(EventLoop& loop, std::string config) : loop_{loop}, config_{std::move(config)} {}
  ~Launch() {
    for (Child& child : children_) {
      if (child.pid < 0) continue;
      ::kill(child.pid, SIGKILL);
      ::waitpid(child.pid, nullptr, 0);
    }
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  Status add(const std::string& name) {
    Child& child = children_.at(count_);
    child.name = name;
    if (Status started = start(child, config_); !started) return started;
    ++count_;
    auto watched =
        loop_.watch(child.pidfd.get(), EPOLLIN, [this, &child](std::uint32_t) { ended(child); });
    if (!watched) return watched.error();
    child.watch = watched.value();
    return {};
  }

  void stop() {
    if (std::exchange(stopping_, true)) return;
    signal_all(SIGTERM);
    // The end of patience: what is still there is deaf.
    auto patience = loop_.every(kGrace, [this] {
      exit_ = static_cast<int>(Exit::kFailure);
      signal_all(SIGKILL);
    });
    if (!patience) signal_all(SIGKILL);
  }

  int exit_code() const noexcept { return exit_; }

 private:
  void signal_all(int number) const {
    for (const Child& child : children_) {
      if (child.pid > 0) ::kill(child.pid, number);
    }
  }

  void ended(Child& child) {
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    child.pid = -1;
    loop_.forget(child.watch);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(Exit::kFailure);
    if (!stopping_ || code != 0) {
      const std::string how = WIFEXITED(status) ? "exit code " + std::to_string(code)
                                                : "signal " + std::to_string(WTERMSIG(status));
      std::fprintf(stderr, "%s: %s ended with %s%s\n", kProgram, child.name.c_str(), how.c_str(),
                   stopping_ ? "" : ": ending everything");
    }
    // The first cause counts; an end that nobody asked for is a failure whatever its code.
    if (exit_ == 0) exit_ = stopping_ || code != 0 ? code : static_cast<int>(Exit::kFailure);
    stop();
    if (children_[0].pid < 0 && children_[1].pid < 0) loop_.stop();
  }

  EventLoop& loop_;
  std::string config_;
  std::array<Child, 2> children_;
  std::size_t count_ = 0;
  int exit_ = 0;
  bool stopping_ = false;
};

Status launch(const Options& options, bool with_hosts, int& exit_code) {
  auto created = EventLoop::create();
  if (!created) return created.error();
  EventLoop& loop = *created.value();
  Launch services{loop, options.config};
  if (Status signals =
          loop.on_signals({SIGTERM, SIGINT, SIGHUP}, [&services](int) { services.stop(); });
      !signals) {
    return signals;
  }
  if (Status added = services.add("horusd"); !added) return added;
  if (with_hosts) {
    if (Status added = services.add("horus-pyhost"); !added) return added;
  }
  if (options.duration) {
    auto timer = loop.every(*options.duration, [&services] { services.stop(); });
    if (!timer) return timer.error();
  }
  const Status ran = loop.run();
  exit_code = services.exit_code();
  return ran;
}

int run(int argc, char** argv) {
  Options options;
  if (const auto exit = parse_options(argc, argv, kUsage, options)) return static_cast<int>(*exit);
  const ConfigResult loaded = load_checked(options.config, ConfigScope::kAll);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return static_cast<int>(refuse(kProgram, Exit::kConfig, error->text));
  }
  int exit_code = 0;
  const Status done = launch(options, !std::get<Config>(loaded).hosts.empty(), exit_code);
  // What a host that had to be killed left behind.
  const std::string base = shm::default_base();
  shm::sweep(base, /*hosts_too=*/true);
  remove_if_empty({runtime_directory(base), base});
  if (!done) return static_cast<int>(refuse(kProgram, Exit::kInternal, describe(done.error())));
  return exit_code;
}

}  // namespace
}  // namespace horus::service

int main(int argc, char** argv) {
  return horus::service::run(argc, argv);
}

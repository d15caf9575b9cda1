// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include <horus/topic.hpp>

#include "rt/base/log_text.hpp"
#include "service/config.hpp"
#include "service/describe.hpp"
#include "service/event_loop.hpp"
#include "service/instance_lock.hpp"
#include "service/pidfd.hpp"
#include "service/program.hpp"
#include "service/script_config.hpp"
#include "service/signals.hpp"
#include "shm/black_box_store.hpp"
#include "shm/sweep.hpp"

namespace horus::service {
namespace {

constexpr const char* kProgram = "horus-launch";
constexpr Usage kUsage{.program = kProgram,
                       .purpose = "Runs a configuration in the foreground, as an ordinary user.",
                       .launch = true};
/// The services take less than this for a stop, beyond its timeout.
constexpr Nanos kGrace = 4s;
/// After a second Ctrl+C the services have so long.
constexpr Nanos kHurry = 2s;
/// How long the recorder has to end its file: TimeoutStopSec= of its unit.
constexpr Nanos kRecorderTime = 12s;

/// Prints a line in the form that the services use, which print to the same terminal.
void say(const std::string& line) {
  const std::string text = time_of_day(wall_clock_us()) + kProgram + ": " + line + "\n";
  std::fputs(text.c_str(), stderr);
}

/// Path of a service, beside this program or in the packages' folder; empty: it is in neither.
std::string find_program(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder : {own, fs::path{HORUS_SBIN_DIR}}) {
    if (fs::exists(folder / name, error)) return (folder / name).string();
  }
  return {};
}

/// One of the services: horusd, horus-pyhost or horus-recorder.
struct Child {
  std::string name;
  pid_t pid = -1;  ///< -1: it does not run.
  UniqueFd pidfd;
  EventLoop::Id watch = 0;
  bool vital = true;  ///< Its end ends all services. False for the recorder.
};

/// Starts a service. `preloaded`: a library for LD_PRELOAD; empty: none.
Status start(Child& child, const std::string& config, const std::string& preloaded) {
  const std::string path = find_program(child.name);
  if (path.empty()) {
    return Error{Errc::kNotFound, "start a service (is package 'horus' installed?)", ENOENT,
                 Name<200>::clipped(child.name)};
  }
  const pid_t parent = ::getpid();
  child.pid = ::fork();
  if (child.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // The terminal sends Ctrl+C to its whole process group. The recorder gets a group of its own,
    // because it must end after the others.
    if (!child.vital) ::setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    if (!preloaded.empty())
      ::setenv("LD_PRELOAD", preloaded.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread.
    if (::getppid() == parent) {
      ::execl(path.c_str(), path.c_str(), "--config", config.c_str(), nullptr);
    }
    ::_exit(static_cast<int>(Exit::kInternal));
  }
  if (child.pid < 0) return Error::from_errno("start", path);
  child.pidfd = open_pidfd(child.pid);
  return child.pidfd ? Status{} : Status{Error::from_errno("watch", path)};
}

/// The services from their start to their end. Their order at the end: first horusd and
/// horus-pyhost together, then the recorder.
class Launch {
 public:
  /// `stop_timeout` 0: a stop has no limit. `programs`: the hosts are programs, which may end by
  /// themselves; then the end of horus-pyhost with exit code 0 is no failure.
  Launch(EventLoop& loop, std::string config, Nanos stop_timeout, bool programs)
      : loop_{loop}, config_{std::move(config)}, stop_timeout_{stop_timeout}, programs_{programs} {}
  ~Launch() {
    for (Child& child : children_) drop(child);
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  /// Starts a service: horusd first, then horus-pyhost if there are hosts.
  Status add(const std::string& name, const std::string& preloaded = {}, bool vital = true) {
    // ended() takes children_[1] for horus-pyhost, so the recorder always has the last place.
    Child& child = vital ? children_.at(count_++) : children_.back();
    child.name = name;
    child.vital = vital;
    if (Status started = start(child, config_, preloaded); !started) return started;
    auto watched =
        loop_.watch(child.pidfd.get(), EPOLLIN, [this, &child](std::uint32_t) { ended(child); });
    if (!watched) return watched.error();
    child.watch = watched.value();
    return {};
  }

  /// Ends a recorder that was started but could not be watched.
  void drop_recorder() { drop(children_.back()); }

  /// Asks all services but the recorder to end. SIGQUIT instead of SIGTERM has them log what their
  /// threads do first. The recorder is asked once the others have ended, so that it records what
  /// they send at their end.
  void stop(int number = SIGTERM) {
    if (std::exchange(stopping_, true)) return;
    signal_all(number);
    if (stop_timeout_ > Nanos{}) kill_after(stop_timeout_ + kGrace);
  }

  /// Ctrl+C: stop(). At the second one the services have only kHurry left.
  void interrupted() {
    stop();
    if (++interrupts_ == 2) kill_after(kHurry);
  }

  int exit_code() const noexcept { return exit_; }
  /// Kills and reaps what killed services left. A host whose supervisor was killed gets SIGKILL
  /// from the kernel, and becomes our child (PR_SET_CHILD_SUBREAPER). It must be dead before its
  /// files are swept.
  void end_orphans() const {
    if (!killed_) return;
    const std::string list = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
    for (bool any = true; any;) {
      any = false;
      std::ifstream children{list};
      for (pid_t child = 0; children >> child;) {
        ::kill(child, SIGKILL);
        any |= ::waitpid(child, nullptr, 0) == child;
      }
    }
  }

 private:
  static void drop(Child& child) {
    if (child.pid < 0) return;
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    child.pid = -1;
  }

  /// Whether it runs and it is its turn to end: the recorder only once the others have ended.
  bool is_due(const Child& child) const noexcept {
    return child.pid > 0 && (child.vital || recorder_due_);
  }

  void signal_all(int number) const {
    for (const Child& child : children_) {
      if (is_due(child)) ::kill(child.pid, number);
    }
  }

  void kill_after(Nanos patience) {
    loop_.forget(patience_);
    auto timer = loop_.every(patience, [this] { kill_all(); });
    patience_ = timer ? timer.value() : 0;
    if (!timer) kill_all();
  }

  void kill_all() {
    for (const Child& child : children_) {
      if (!is_due(child)) continue;
      say(child.name + " does not end: killed");
      exit_ = static_cast<int>(Exit::kLeftBehind);
    }
    signal_all(SIGKILL);
  }

  void ended(Child& child) {
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    child.pid = -1;
    loop_.forget(child.watch);
    killed_ |= WIFSIGNALED(status);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(Exit::kFailure);
    if (!child.vital) {
      if (!stopping_) say(child.name + " ended: the robot goes on, and is not recorded");
      return go_on();
    }
    const bool done = programs_ && code == 0 && &child == &children_[1];
    if ((!stopping_ && !done) || code != 0) {
      const std::string how = WIFEXITED(status) ? "exit code " + std::to_string(code)
                                                : "signal " + std::to_string(WTERMSIG(status));
      say(child.name + " ended with " + how + (stopping_ ? "" : ": ending everything"));
    }
    // The first failure decides the exit code. An end that nobody asked for is one, whatever its
    // code is.
    const bool asked = stopping_ || done;
    if (exit_ == 0) exit_ = asked || code != 0 ? code : static_cast<int>(Exit::kFailure);
    stop();
    go_on();
  }

  /// After a service has ended: stops the loop if all have, and asks the recorder to end if only it
  /// is left.
  void go_on() {
    const auto lives = [](const Child& child) { return child.pid > 0; };
    if (std::ranges::none_of(children_, lives)) return loop_.stop();
    if (recorder_due_ || std::ranges::count_if(children_, lives) > 1 || !lives(children_.back())) {
      return;
    }
    recorder_due_ = true;
    signal_all(SIGTERM);
    kill_after(interrupts_ > 1 ? kHurry : kRecorderTime);
  }

  EventLoop& loop_;
  std::string config_;
  std::array<Child, 3> children_;  ///< horusd, horus-pyhost, horus-recorder.
  std::size_t count_ = 0;          ///< Vital ones that were added.
  Nanos stop_timeout_;
  int exit_ = 0;
  int interrupts_ = 0;
  EventLoop::Id patience_ = 0;  ///< Timer of kill_all(); 0: none.
  const bool programs_;
  bool stopping_ = false;
  bool recorder_due_ = false;  ///< The recorder was asked to end.
  bool killed_ = false;        ///< Some service was ended by a signal.
};

Status launch(const Options& options, const Config& config, int& exit_code) {
  auto created = EventLoop::create();
  if (!created) return created.error();
  EventLoop& loop = *created.value();
  Launch services{loop, options.config, config.robot.stop_timeout, !options.scripts.empty()};
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  Signals signals{say, [&services](int signal) {
                    if (signal == SIGINT) return services.interrupted();
                    services.stop(signal == SIGQUIT ? SIGQUIT : SIGTERM);
                  }};
  if (Status watched = signals.watch(loop); !watched) return watched;
  const std::string checker = options.check_rt ? find_program("horus-check-rt.so") : "";
  if (options.check_rt && checker.empty()) {
    return Error{Errc::kNotFound, "check ticks (is package 'horus' installed?)", ENOENT,
                 Name<200>::clipped("horus-check-rt.so")};
  }
  if (checker.find_first_of(" :") != std::string::npos) {
    return Error{Errc::kInvalidArgument,
                 "check ticks: the loader takes no path with a blank or a colon", 0,
                 Name<200>::clipped(checker)};
  }
  if (Status added = services.add("horusd", checker); !added) return added;
  if (!config.hosts.empty()) {
    if (Status added = services.add("horus-pyhost"); !added) return added;
  }
  if (config.record.wanted) {
    const Status added = services.add("horus-recorder", {}, /*vital=*/false);
    if (!added) {
      say("the robot is not recorded: " + describe(added.error()));
      services.drop_recorder();
    }
  }
  if (options.duration) {
    auto timer = loop.every(*options.duration, [&services] { services.stop(); });
    if (!timer) return timer.error();
  }
  const Status ran = loop.run();
  services.end_orphans();
  exit_code = services.exit_code();
  return ran;
}

/// Copies the black boxes to disk, and removes those that are in the copy. Called once all services
/// have ended, so that the boxes are complete and the exit code is known.
void keep_boxes(const std::string& base, const std::string& robot, int exit_code) {
  const std::string why =
      exit_code == 0 ? "stopped" : "ended with exit code " + std::to_string(exit_code);
  const auto kept =
      shm::flush_boxes({.base = base, .folder = shm::box_folder(base), .robot = robot, .why = why});
  if (!kept) {
    return say("no black box is kept: " + describe(kept.error()) +
               cure_of(shortage_of(kept.error())));
  }
  shm::BlackBoxPage::remove_dead(base, kept.value().left);
}

/// Saves the black boxes, and removes what killed services and hosts left behind. Does neither if a
/// robot runs in this base, which may be why the launch was refused: the pages of its dead hosts
/// must stay, as their counters continue when the hosts are started again.
void clean(const std::string& base, const std::string& robot, int exit_code) {
  const std::string runtime = runtime_directory(base);
  remove_left(runtime);
  {
    const auto services = InstanceLock::take(runtime + "/" + kDaemonLock);
    const auto hosts = InstanceLock::take(runtime + "/" + kSupervisorLock);
    if (services && hosts) {
      keep_boxes(base, robot, exit_code);
      shm::sweep(base, /*hosts_too=*/true);
    }
  }
  remove_if_empty({runtime, base});
}

/// Has the services and all hosts make their sockets in `folder`. The path is made absolute,
/// because they may change their working directory.
void place_sockets(const std::string& folder) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(folder, error);
  const std::string where = error ? folder : whole.string();
  // setenv() is safe: one thread so far.
  ::setenv("RUNTIME_DIRECTORY", where.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
}

int run(int argc, char** argv) {
  Options options;
  if (const auto exit = parse_options(argc, argv, kUsage, options)) return static_cast<int>(*exit);
  if (!options.socket_dir.empty()) place_sockets(options.socket_dir);
  hold_signals();
  std::optional<ScriptConfig> scripts;
  if (!options.scripts.empty()) {
    auto made = ScriptConfig::make(options.scripts);
    if (!made) return static_cast<int>(refuse(kProgram, made.error(), Exit::kUsage));
    scripts.emplace(std::move(made).value());
    options.config = scripts->file();
  }
  const ConfigResult loaded = load_checked(options.config, ConfigScope::kAll);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return static_cast<int>(refuse(kProgram, *error));
  }
  // setenv() is safe: one thread so far.
  ::setenv(kLaunchedVariable, "1", 1);  // NOLINT(concurrency-mt-unsafe)
  int exit_code = 0;
  const Status done = launch(options, std::get<Config>(loaded), exit_code);
  clean(shm::default_base(), std::get<Config>(loaded).robot.name, exit_code);
  if (!done) return static_cast<int>(refuse(kProgram, done.error(), Exit::kInternal));
  return exit_code;
}

}  // namespace
}  // namespace horus::service

int main(int argc, char** argv) {
  return horus::service::run(argc, argv);
}

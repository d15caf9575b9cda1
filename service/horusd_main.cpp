// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include <horus/topic.hpp>

#include "service/daemon.hpp"
#include "service/describe.hpp"
#include "service/instance_lock.hpp"
#include "service/node_loader.hpp"
#include "service/notify.hpp"
#include "service/program.hpp"
#include "service/signals.hpp"

namespace horus::service {
namespace {

constexpr const char* kProgram = "horusd";
constexpr Usage kUsage{.program = kProgram,
                       .purpose = "Runs the C++ nodes of a configuration and tells how they are.",
                       .check = true};

/// Maps signals to calls of the daemon.
class Reaction {
 public:
  explicit Reaction(Daemon& daemon) : daemon_{daemon} {}

  void operator()(int signal) {
    switch (signal) {
      case SIGHUP: return daemon_.reload_soon();
      case SIGQUIT: return daemon_.report_and_stop();
      default: daemon_.stop();
    }
    // A second Ctrl+C: the stop does not wait for callbacks any longer.
    if (signal == SIGINT && ++interrupts_ > 1) daemon_.hurry();
  }

 private:
  Daemon& daemon_;
  int interrupts_ = 0;
};

Exit serve(Config config, const Daemon::Paths& paths) {
  auto created = EventLoop::create();
  if (!created) return refuse(kProgram, created.error(), Exit::kInternal);
  EventLoop& loop = *created.value();
  // Threads started from here on inherit it; executors are pinned one by one.
  const CpuSet housekeeping = *config.cpus.housekeeping;
  const bool placed = ::sched_setaffinity(0, sizeof(cpu_set_t), &housekeeping.native()) == 0;
  const std::string refused = placed ? "" : errno_text(errno);
  auto stored = take_stored_fds();  // Before there is a second thread: it changes the environment.
  Journal journal{kProgram};
  journal.keep(paths.base, config.robot.name);
  if (!config.warning.empty()) journal.say(LogLevel::kWarning, config.warning);
  if (!placed) {
    journal.say(LogLevel::kWarning,
                "cannot keep to CPU " + housekeeping.text() + ": " + refused + "; going on");
  }
  Daemon daemon{std::move(config), paths, std::move(stored), loop, journal};
  Signals signals{[&journal](const std::string& line) { journal.say(LogLevel::kWarning, line); },
                  Reaction{daemon}};
  if (const Status watched = signals.watch(loop); !watched) {
    return refuse(kProgram, watched.error(), Exit::kInternal);
  }
  return daemon.run();
}

/// serve() under the instance lock: one horusd per runtime folder.
Exit serve_alone(Config config, const Daemon::Paths& paths) {
  // make_places() checks the base's owner before anything is made in it.
  if (const Status made = make_places(paths.base, paths.runtime); !made) {
    return refuse(kProgram, made.error(), Exit::kFailure);
  }
  const auto lock = InstanceLock::take(paths.runtime + "/" + kDaemonLock);
  if (!lock && lock.error().code == Errc::kBusy) {
    return refuse(kProgram, Exit::kRunning,
                  "already running as process " + std::string{lock.error().subject.view()});
  }
  if (!lock) return refuse(kProgram, lock.error(), Exit::kFailure);
  return serve(std::move(config), paths);
}

/// --check: beyond the checks of every start it looks at the recorder's folder and loads the
/// plug-ins. For root it loads no plug-in that another user could have changed.
Exit check(const Options& options, const Config& config) {
  const bool foreign = !config.warning.empty();
  if (foreign) std::fprintf(stderr, "%s: warning: %s\n", kProgram, config.warning.c_str());
  // Here and not at every start: a bad folder of the recorder must not keep a robot from starting.
  if (const auto error = find_hidden_recordings(config)) return refuse(kProgram, *error);
  if (foreign && ::geteuid() == 0) {
    std::fprintf(stderr, "%s: warning: no plug-in was looked into for that reason\n", kProgram);
  } else if (const auto error = check_plugins(config)) {
    return refuse(kProgram, *error);
  }
  std::printf("%s: %zu nodes, %zu hosts: no error found\n", options.config.c_str(),
              config.nodes.size(), config.hosts.size());
  return Exit::kOk;
}

Exit run(int argc, char** argv) {
  Options options;
  if (const auto exit = parse_options(argc, argv, kUsage, options)) return *exit;
  hold_signals();
  ::signal(SIGPIPE, SIG_IGN);
  ConfigResult loaded = load_checked(options.config, ConfigScope::kNodes);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return refuse(kProgram, *error);
  }
  auto& config = std::get<Config>(loaded);
  if (options.check) return check(options, config);
  Daemon::Paths paths{.config = options.config,
                      .base = shm::default_base(),
                      .runtime = {},
                      .launched = is_launched()};
  paths.runtime = runtime_directory(paths.base);
  const Exit exit = serve_alone(std::move(config), paths);
  remove_if_empty({paths.runtime, paths.base});
  return exit;
}

}  // namespace
}  // namespace horus::service

int main(int argc, char** argv) {
  return static_cast<int>(horus::service::run(argc, argv));
}

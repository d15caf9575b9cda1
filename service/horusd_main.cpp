// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <signal.h>

#include <cstdio>

#include "service/daemon.hpp"
#include "service/describe.hpp"
#include "service/instance_lock.hpp"
#include "service/notify.hpp"
#include "service/program.hpp"
#include "shm/session.hpp"

namespace horus::service {
namespace {

constexpr const char* kProgram = "horusd";
constexpr Usage kUsage{.program = kProgram,
                       .purpose = "Runs the C++ nodes of a configuration and tells how they are.",
                       .check = true};

Exit serve(Config config, const Daemon::Paths& paths) {
  auto created = EventLoop::create();
  if (!created) return refuse(kProgram, Exit::kInternal, describe(created.error()));
  EventLoop& loop = *created.value();
  Daemon* running = nullptr;
  // Before any other thread starts: they inherit the blocked signals.
  const Status signals = loop.on_signals({SIGTERM, SIGINT, SIGHUP}, [&running](int signal) {
    if (running != nullptr) signal == SIGHUP ? running->reload_and_log() : running->stop();
  });
  if (!signals) return refuse(kProgram, Exit::kInternal, describe(signals.error()));
  // Every thread but the executors, which are placed one by one.
  const CpuSet housekeeping = *config.cpus.housekeeping;
  const bool placed = ::sched_setaffinity(0, sizeof(cpu_set_t), &housekeeping.native()) == 0;
  const std::string refused = placed ? "" : errno_text(errno);
  Journal journal{kProgram};
  if (!placed) {
    journal.say(LogLevel::kWarning,
                "cannot keep to CPU " + housekeeping.text() + ": " + refused + "; going on");
  }
  Daemon daemon{std::move(config), paths, take_stored_fds(), loop, journal};
  running = &daemon;
  return daemon.run();
}

Exit serve_alone(Config config, const Daemon::Paths& paths) {
  if (const Status made = make_folders(paths.runtime); !made) {
    return refuse(kProgram, Exit::kFailure, describe(made.error()));
  }
  const auto lock = InstanceLock::take(paths.runtime + "/horusd.lock");
  if (!lock && lock.error().code == Errc::kBusy) {
    return refuse(kProgram, Exit::kRunning,
                  "already running as process " + std::string{lock.error().subject.view()});
  }
  if (!lock) return refuse(kProgram, Exit::kFailure, describe(lock.error()));
  return serve(std::move(config), paths);
}

Exit run(int argc, char** argv) {
  Options options;
  if (const auto exit = parse_options(argc, argv, kUsage, options)) return *exit;
  ::signal(SIGPIPE, SIG_IGN);
  ConfigResult loaded = load_checked(options.config, ConfigScope::kNodes);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return refuse(kProgram, Exit::kConfig, error->text);
  }
  auto& config = std::get<Config>(loaded);
  if (options.check) {
    std::printf("%s: %zu nodes, %zu hosts: no error found\n", options.config.c_str(),
                config.nodes.size(), config.hosts.size());
    return Exit::kOk;
  }
  Daemon::Paths paths{.config = options.config, .base = shm::default_base(), .runtime = {}};
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

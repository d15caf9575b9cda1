// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <signal.h>

#include "service/describe.hpp"
#include "service/instance_lock.hpp"
#include "service/notify.hpp"
#include "service/program.hpp"
#include "service/pyhost.hpp"
#include "shm/session.hpp"

namespace horus::service {
namespace {

constexpr const char* kProgram = "horus-pyhost";
constexpr Usage kUsage{.program = kProgram,
                       .purpose = "Starts the Python hosts of a configuration and keeps them up."};

Exit supervise(const Config& config, const std::string& base) {
  auto created = EventLoop::create();
  if (!created) return refuse(kProgram, Exit::kInternal, describe(created.error()));
  EventLoop& loop = *created.value();
  PyHost* supervisor = nullptr;
  // Before the journal's thread: it inherits the blocked signals.
  const Status signals = loop.on_signals({SIGTERM, SIGINT, SIGHUP}, [&supervisor](int signal) {
    if (signal != SIGHUP && supervisor != nullptr) supervisor->stop();
  });
  if (!signals) return refuse(kProgram, Exit::kInternal, describe(signals.error()));
  Journal journal{kProgram};
  // Hosts inherit it.
  if (::sched_setaffinity(0, sizeof(cpu_set_t), &config.cpus.python->native()) != 0) {
    journal.say(LogLevel::kWarning, "cannot keep to CPU " + config.cpus.python->text() + ": " +
                                        errno_text(errno) + "; going on with CPU " +
                                        CpuSet::allowed().text());
  }
  PyHost hosts{config, base, loop, journal};
  supervisor = &hosts;
  Status ran = hosts.start();
  if (ran) ran = loop.run();
  return ran ? Exit::kOk : refuse(kProgram, Exit::kInternal, describe(ran.error()));
}

Exit supervise_alone(const Config& config, const std::string& base) {
  if (const Status made = make_folders(base); !made) {
    return refuse(kProgram, Exit::kFailure, describe(made.error()));
  }
  const auto lock = InstanceLock::take(base + "/pyhost.lock");
  if (!lock && lock.error().code == Errc::kBusy) {
    return refuse(kProgram, Exit::kRunning,
                  "already running as process " + std::string{lock.error().subject.view()});
  }
  if (!lock) return refuse(kProgram, Exit::kFailure, describe(lock.error()));
  return supervise(config, base);
}

Exit run(int argc, char** argv) {
  Options options;
  if (const auto exit = parse_options(argc, argv, kUsage, options)) return *exit;
  ::signal(SIGPIPE, SIG_IGN);
  const ConfigResult loaded = load_checked(options.config, ConfigScope::kHosts);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return refuse(kProgram, Exit::kConfig, error->text);
  }
  const std::string base = shm::default_base();
  const Exit exit = supervise_alone(std::get<Config>(loaded), base);
  remove_if_empty({base});
  return exit;
}

}  // namespace
}  // namespace horus::service

int main(int argc, char** argv) {
  return static_cast<int>(horus::service::run(argc, argv));
}

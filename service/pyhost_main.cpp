// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#include <horus/topic.hpp>

#include "service/describe.hpp"
#include "service/instance_lock.hpp"
#include "service/notify.hpp"
#include "service/program.hpp"
#include "service/signals.hpp"
#include "service/supervisor.hpp"
#include "shm/sweep.hpp"

namespace horus::service {
namespace {

constexpr const char* kProgram = "horus-pyhost";
constexpr Usage kUsage{.program = kProgram,
                       .purpose = "Starts the Python hosts of a configuration and keeps them up.",
                       .for_program = true};

/// Maps signals to calls of the supervisor.
class Reaction {
 public:
  explicit Reaction(Supervisor& hosts) : hosts_{hosts} {}

  void operator()(int signal) {
    // No reload: a changed configuration takes effect at the next start.
    if (signal == SIGHUP) return;
    if (signal == SIGQUIT) hosts_.report();
    hosts_.stop();
    // A second Ctrl+C: the stop does not wait for the hosts any longer.
    if (signal == SIGINT && ++interrupts_ > 1) hosts_.hurry();
  }

 private:
  Supervisor& hosts_;
  int interrupts_ = 0;
};

/// `last`: no other process saves the hosts' black boxes afterwards. `program`: see
/// Supervisor::tell_program().
Exit supervise(const Config& config, const std::string& base, bool last, int program = -1) {
  auto created = EventLoop::create();
  if (!created) return refuse(kProgram, created.error(), Exit::kInternal);
  EventLoop& loop = *created.value();
  Journal journal{kProgram};
  journal.keep(base, kProgram);
  if (!config.warning.empty()) journal.say(LogLevel::kWarning, config.warning);
  // The hosts inherit the CPUs.
  if (::sched_setaffinity(0, sizeof(cpu_set_t), &config.cpus.python->native()) != 0) {
    journal.say(LogLevel::kWarning, "cannot keep to CPU " + config.cpus.python->text() + ": " +
                                        errno_text(errno) + "; going on with CPU " +
                                        CpuSet::allowed().text());
  }
  Supervisor hosts{config, base, loop, journal};
  hosts.tell_program(program);
  Signals signals{[&journal](const std::string& line) { journal.say(LogLevel::kWarning, line); },
                  Reaction{hosts}};
  Status ran = signals.watch(loop);
  if (ran) ran = hosts.start();
  if (ran) ran = loop.run();
  if (last && base != shm::kServiceBase) hosts.put_boxes_away();
  if (!ran) return refuse(kProgram, ran.error(), Exit::kInternal);
  return hosts.failed() ? Exit::kFailure : Exit::kOk;
}

/// supervise() under the instance lock: one supervisor per runtime folder.
Exit supervise_alone(Config config, const std::string& base) {
  // Under `horus launch` a program prints to the terminal itself. In the service its output goes to
  // the journal, under the host's name.
  for (HostEntry& host : config.hosts) host.shares_stdout = host.script && is_launched();
  // make_places() checks the base's owner before anything is made in it.
  if (const Status made = make_places(base, runtime_directory(base)); !made) {
    return refuse(kProgram, made.error(), Exit::kFailure);
  }
  const auto lock = InstanceLock::take(runtime_directory(base) + "/" + kSupervisorLock);
  if (!lock && lock.error().code == Errc::kBusy) {
    return refuse(kProgram, Exit::kRunning,
                  "already running as process " + std::string{lock.error().subject.view()});
  }
  if (!lock) return refuse(kProgram, lock.error(), Exit::kFailure);
  return supervise(config, base, /*last=*/!is_launched());
}

/// Removes what a host that crashed or was killed left behind. Not while a robot runs in this base:
/// the pages of its dead hosts must stay, as their counters continue when the hosts are started
/// again. That robot removes everything at its own end.
void sweep_up(const std::string& base) {
  for (const char* const lock : {kDaemonLock, kSupervisorLock}) {
    const auto taken = InstanceLock::take(runtime_directory(base) + "/" + lock);
    if (!taken && taken.error().code == Errc::kBusy) return;
  }
  shm::sweep(base, /*hosts_too=*/true);
}

/// Supervises the hosts of one running program, with which they end. No instance lock: there may be
/// any number of such supervisors.
Exit supervise_for(const Options& options, Config config) {
  for (HostEntry& host : config.hosts) {
    host.python = options.python;
    host.shares_stdout = true;
  }
  // The variable is in the program's environment; the hosts inherit it as well.
  const char* const told = ::getenv("HORUS_RUN_FD");  // NOLINT(concurrency-mt-unsafe): as above.
  const int program = told == nullptr ? -1 : static_cast<int>(std::strtol(told, nullptr, 10));
  const std::string base = shm::default_base();
  const Exit exit = supervise(config, base, /*last=*/true, program);
  sweep_up(base);
  return exit;
}

Exit run(int argc, char** argv) {
  Options options;
  if (const auto exit = parse_options(argc, argv, kUsage, options)) return *exit;
  if (options.of_program != 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // The program died before the line above.
    if (::getppid() != options.of_program) return Exit::kFailure;
    ::setenv(kLaunchedVariable, "1", 1);  // NOLINT(concurrency-mt-unsafe): one thread so far.
  }
  hold_signals();
  ::signal(SIGPIPE, SIG_IGN);
  const ConfigResult loaded = load_checked(options.config, ConfigScope::kHosts);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return refuse(kProgram, *error);
  }
  if (options.of_program != 0) return supervise_for(options, std::get<Config>(loaded));
  const std::string base = shm::default_base();
  const Exit exit = supervise_alone(std::get<Config>(loaded), base);
  remove_if_empty({runtime_directory(base), base});
  return exit;
}

}  // namespace
}  // namespace horus::service

int main(int argc, char** argv) {
  return static_cast<int>(horus::service::run(argc, argv));
}

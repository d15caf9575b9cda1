// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "rt/base/version.hpp"
#include "service/wire/interfaces.hpp"
#include "tools/cli/doctor.hpp"

namespace horus::cli {

namespace {

Finding unit_installed(const Machine& machine) {
  if (!machine.service_unit().empty()) return ok("horus.service is installed");
  return skip("no horus.service (apt install horus; 'horus launch FILE' works without it)");
}

Finding watchdog_on(const Machine& machine) {
  const std::string unit = machine.service_unit();
  if (unit.empty()) return skip("no horus.service");
  const std::size_t at = unit.rfind("\nWatchdogSec=");
  if (at == unit.npos) {
    return warn("horus.service has no WatchdogSec=",
                "WatchdogSec=3s in a drop-in: else a robot that hangs is not restarted");
  }
  const std::string value = unit.substr(at + 1, unit.find('\n', at + 1) - at - 1);
  if (value != "WatchdogSec=" && value != "WatchdogSec=0") return ok(value);
  return warn("the watchdog is off: " + value, "take that line out of the drop-in");
}

Finding python_version(const Machine& machine) {
  const std::string& version = machine.probes.python_version;
  if (version.empty()) return skip("no /usr/bin/python3: Python nodes cannot run");
  int minor = 0;
  if (version.starts_with("3.")) {
    std::from_chars(version.data() + 2, version.data() + version.size(), minor);
  }
  if (minor >= 11) return ok(version);
  return bad(version, "Python nodes need 3.11 or newer: Debian 12 or 13");
}

Finding python_module(const Machine& machine) {
  const Probes& probes = machine.probes;
  if (probes.python_version.empty()) return skip("no /usr/bin/python3");
  if (!probes.module_version.empty()) {
    if (probes.module_version == kVersion) return ok("import horus: " + probes.module_version);
    return warn("import horus: " + probes.module_version + ", horusctl: " + kVersion,
                "apt install horusctl python3-horus, both of one version");
  }
  const std::string fix =
      "apt install python3-horus; from a build tree: PYTHONPATH=build/PRESET/python";
  if (probes.module_error.find("No module named 'horus'") != std::string::npos) {
    return warn("python3 has no module horus", fix);
  }
  return bad("import horus: " + probes.module_error, fix);
}

Finding version_skew(const Machine& machine) {
  const std::string& service = machine.probes.service_version;
  if (service.empty()) return skip("no service answers");
  if (service == kVersion) return ok("horusd and horusctl are " + service);
  return warn("horusd is " + service + ", horusctl is " + kVersion,
              "systemctl restart horus, when the robot may stop");
}

std::string group_name(gid_t gid) {
  const group* entry = ::getgrgid(gid);  // NOLINT(concurrency-mt-unsafe): one thread
  return entry == nullptr ? std::to_string(gid) : std::string{entry->gr_name};
}

Finding socket_permissions(const Machine& machine) {
  std::string seen;
  for (const std::string& directory : machine.socket_directories) {
    for (const char* name : {wire::kStatsSocket, wire::kControlSocket, wire::kStopSocket}) {
      const std::string path = directory + "/" + name;
      struct stat status {};
      if (::lstat((machine.root + path).c_str(), &status) != 0) continue;
      const unsigned mode = status.st_mode & 0777U;
      if ((mode & 0007U) != 0) {
        return bad(fmt::format("{} is open to everybody: {:04o}", path, mode),
                   "systemctl restart horus; see UMask= of the unit");
      }
      seen += fmt::format("{}{} {:04o} group {}", seen.empty() ? "" : ", ", path, mode,
                          group_name(status.st_gid));
    }
  }
  return seen.empty() ? skip("no sockets: no service runs") : ok(seen);
}

/// Whether the unit file makes systemd enable the cpuset controller for the unit's children.
bool delegates_cpus(const std::string& unit) {
  for (const char* line : {"\nDelegate=yes", "\nDelegate=true", "\nDelegate=1", "\nDelegate=on"}) {
    if (unit.find(line) != unit.npos) return true;
  }
  const std::size_t at = unit.find("\nDelegate=");
  return at != unit.npos &&
         unit.substr(at, unit.find('\n', at + 1) - at).find("cpuset") != unit.npos;
}

Finding delegating_units(const Machine& machine) {
  std::set<std::string> found;
  for (const char* directory : {"/etc/systemd/system", "/run/systemd/system",
                                "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    for (const std::string& name : machine.list(directory)) {
      if (!name.ends_with(".service")) continue;
      const auto unit = machine.read(std::string{directory} + "/" + name);
      if (unit && delegates_cpus(*unit)) found.insert(name);
    }
  }
  if (found.empty()) return ok("no unit with Delegate=yes");
  const std::string list = fmt::format("{}", fmt::join(found, " "));
  if (machine.isolated().empty()) return ok(list + " (no isolated CPUs to lose)");
  return warn("Delegate=yes in " + list,
              "on kernels before 6.2 starting one of these opens isolated CPUs to everybody: "
              "Delegate=pids memory in a drop-in, or check iso.mask_leak after it has started");
}

/// With RemoveIPC=yes, systemd-logind deletes the shared memory of a user who logs out. Publishers
/// then go on, but nobody can receive from them.
Finding remove_ipc(const Machine& machine) {
  std::vector<std::string> files{"/etc/systemd/logind.conf"};
  for (const char* folder : {"/usr/lib/systemd/logind.conf.d/", "/etc/systemd/logind.conf.d/"}) {
    for (const std::string& name : machine.list(folder)) files.push_back(folder + name);
  }
  bool logind = false;
  std::string value = "yes";
  for (const std::string& file : files) {
    const auto text = machine.read(file);
    logind = logind || text;
    const std::string lines = "\n" + text.value_or("");
    const std::size_t at = lines.rfind("\nRemoveIPC=");
    if (at == lines.npos) continue;
    const std::size_t begin = at + std::string_view{"\nRemoveIPC="}.size();
    value = lines.substr(begin, lines.find('\n', begin) - begin);
  }
  if (!logind) return skip("no systemd-logind");
  if (value == "no" || value == "false" || value == "off" || value == "0") {
    return ok("RemoveIPC=" + value);
  }
  if (!machine.service_unit().empty()) {
    return ok("RemoveIPC=" + value + " spares the services' users, which are the system's");
  }
  std::string lingering;
  for (const std::string& user : machine.list("/var/lib/systemd/linger")) {
    lingering += (lingering.empty() ? "" : ", ") + user;
  }
  if (!lingering.empty()) return ok("RemoveIPC=" + value + ", users that linger: " + lingering);
  return warn("RemoveIPC=" + value + ": logging out deletes the topics of one's running programs",
              "loginctl enable-linger USER, or RemoveIPC=no in /etc/systemd/logind.conf");
}

void add_facts(const Machine& machine, Diagnosis& diagnosis) {
  const auto add = [&](const char* name, std::optional<std::string> value) {
    diagnosis.facts.emplace_back(name, value && !value->empty() ? *value : "-");
  };
  add("horusctl", kVersion);
  add("service", machine.probes.service_version);
  add("kernel", machine.read("/proc/sys/kernel/osrelease"));
  add("build", machine.read("/proc/sys/kernel/version"));
  add("cmdline", machine.read("/proc/cmdline"));
  add("online", machine.read("/sys/devices/system/cpu/online"));
  add("isolated", machine.read("/sys/devices/system/cpu/isolated"));
  add("nohz_full", machine.read("/sys/devices/system/cpu/nohz_full"));
  add("python", machine.probes.python_version);
  for (const auto& host : machine.probes.hosts) {
    std::string text = fmt::format("{} pid {} {} nodes", host.kind, host.pid, host.nodes.size());
    for (const auto& one : host.degradations) text += " without " + one.feature;
    diagnosis.facts.emplace_back("host " + host.name, text);
  }
}

}  // namespace

std::span<const Check> system_checks() {
  static constexpr std::array kChecks{
      Check{"svc.unit_installed", unit_installed},
      Check{"svc.watchdog_on", watchdog_on},
      Check{"py.version", python_version},
      Check{"py.module", python_module},
      Check{"sock.permissions", socket_permissions},
      Check{"pkg.version_skew", version_skew},
      Check{"container.delegate_units", delegating_units},
      Check{"shm.remove_ipc", remove_ipc},
  };
  return kChecks;
}

Diagnosis diagnose(const Machine& machine, bool strict) {
  Diagnosis diagnosis;
  for (const auto checks : {kernel_checks(), cpu_checks(), system_checks()}) {
    for (const Check& check : checks) {
      Finding finding = check.run(machine);
      if (strict && finding.grade == Grade::kWarn) finding.grade = Grade::kFail;
      diagnosis.rows.push_back({std::string{check.id}, std::move(finding)});
    }
  }
  add_facts(machine, diagnosis);
  return diagnosis;
}

}  // namespace horus::cli

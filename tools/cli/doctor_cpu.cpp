// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include <fmt/format.h>

#include "tools/cli/doctor.hpp"

namespace horus::cli {

namespace {

constexpr const char* kOnline = "/sys/devices/system/cpu/online";

std::vector<int> members(const CpuSet& set) {
  std::vector<int> cpus;
  for (int cpu = set.first(); cpu >= 0 && cpu <= set.last(); ++cpu) {
    if (set.contains(cpu)) cpus.push_back(cpu);
  }
  return cpus;
}

std::string file_of(int cpu, std::string_view name) {
  return fmt::format("/sys/devices/system/cpu/cpu{}/{}", cpu, name);
}

Finding online(const Machine& machine) {
  const CpuSet cpus = machine.cpus(kOnline);
  if (cpus.empty()) return skip("online CPUs cannot be read");
  if (cpus.count() >= 2) return ok(cpus.text());
  return warn("one CPU",
              "control loops share it with everything else: use a machine with two or "
              "more");
}

Finding siblings(const Machine& machine) {
  const CpuSet realtime = machine.realtime();
  if (realtime.empty()) return skip("one CPU");
  for (const int cpu : members(realtime)) {
    const CpuSet others =
        machine.cpus(file_of(cpu, "topology/thread_siblings_list")).without(realtime);
    if (others.empty()) continue;
    return warn(fmt::format("CPU {} shares its core with CPU {}", cpu, others.text()),
                "isolate both threads of the core, or boot with nosmt");
  }
  return ok("nothing shares a core with CPU " + realtime.text());
}

Finding governor(const Machine& machine) {
  const CpuSet realtime = machine.realtime();
  bool seen = false;
  for (const int cpu : members(realtime)) {
    const auto value = machine.read(file_of(cpu, "cpufreq/scaling_governor"));
    if (!value) continue;
    seen = true;
    if (*value == "performance") continue;
    return warn(fmt::format("CPU {}: {}", cpu, *value),
                "systemctl start horus-tune, or echo performance > " +
                    file_of(cpu, "cpufreq/scaling_governor"));
  }
  return seen ? ok("performance on " + realtime.text()) : skip("no frequency scaling here");
}

Finding dma_latency(const Machine& machine) {
  if (!machine.exists("/dev/cpu_dma_latency")) return skip("no /dev/cpu_dma_latency");
  for (const auto& host : machine.probes.hosts) {
    for (const auto& one : host.degradations) {
      if (one.feature == "dma_latency") return warn(one.reason, one.fix);
    }
  }
  if (machine.probes.dma_latency_writable) return ok("/dev/cpu_dma_latency can be held");
  return warn("/dev/cpu_dma_latency is not ours to open",
              "the package's udev rule gives it to group horus-hw; deep sleep states cost tens of "
              "microseconds on wake-up");
}

Finding mask_leak(const Machine& machine) {
  const CpuSet isolated = machine.isolated();
  if (isolated.empty()) return skip("no isolated CPUs");
  std::istringstream status{machine.read("/proc/1/status").value_or("")};
  const std::string_view key = "Cpus_allowed_list:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key)) continue;
    line.erase(0, line.find_first_not_of(" \t", key.size()));
    const auto allowed = CpuSet::parse(line);
    if (!allowed) break;
    const CpuSet leak = allowed.value().intersect(isolated);
    if (leak.empty()) return ok("PID 1 may run on " + line + " only");
    return bad("PID 1, and what it starts, may run on isolated CPU " + leak.text(),
               "systemctl daemon-reload with the package's fences installed, then reboot: a unit "
               "with Delegate=yes or AllowedCPUs= widened every mask");
  }
  return skip("/proc/1/status cannot be read");
}

Finding partition_state(const Machine& machine) {
  const std::string path = "/sys/fs/cgroup/horusrt.slice/cpuset.cpus.partition";
  const auto state = machine.read(path);
  if (!state) return skip("no horusrt.slice with a cpuset");
  if (state->find("invalid") == state->npos) return ok(*state);
  return bad(path + ": " + *state, "another slice has these CPUs: see its AllowedCPUs=");
}

/// Parses a CPU mask of the kernel: hexadecimal words of 32 bits, the highest first, divided by
/// commas.
CpuSet parse_mask(const std::string& text) {
  std::string list;
  int bit = 0;
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit) {
    if (*digit == ',') continue;
    const auto character = static_cast<unsigned char>(*digit);
    if (std::isxdigit(character) == 0) return {};
    const int value =
        std::isdigit(character) != 0 ? character - '0' : std::tolower(character) - 'a' + 10;
    for (int i = 0; i < 4; ++i, ++bit) {
      if (((value >> i) & 1) != 0) list += (list.empty() ? "" : ",") + std::to_string(bit);
    }
  }
  const auto set = CpuSet::parse(list);
  return set ? set.value() : CpuSet{};
}

Finding workqueue_mask(const Machine& machine) {
  const CpuSet isolated = machine.isolated();
  if (isolated.empty()) return skip("no isolated CPUs");
  const std::string path = "/sys/devices/virtual/workqueue/cpumask";
  const auto mask = machine.read(path);
  if (!mask) return skip(path + " cannot be read");
  const CpuSet leak = parse_mask(*mask).intersect(isolated);
  if (leak.empty()) return ok("kernel work stays off " + isolated.text());
  return warn("kernel work may run on CPU " + leak.text(),
              "systemctl start horus-tune writes " + path);
}

Finding interrupts(const Machine& machine) {
  const CpuSet isolated = machine.isolated();
  if (isolated.empty()) return skip("no isolated CPUs");
  std::string found;
  int count = 0;
  for (const std::string& irq : machine.list("/proc/irq")) {
    const CpuSet cpus = machine.cpus("/proc/irq/" + irq + "/effective_affinity_list");
    if (cpus.intersect(isolated).empty()) continue;
    if (++count <= 8) found += " " + irq;
  }
  if (count == 0) return ok("none on " + isolated.text());
  return warn(fmt::format("{} on isolated CPUs:{}{}", count, found, count > 8 ? " ..." : ""),
              "boot with irqaffinity=, or systemctl start horus-tune (an interrupt of a device "
              "that only real-time nodes use may stay)");
}

Finding irq_balance(const Machine& machine) {
  for (const std::string& entry : machine.list("/proc")) {
    if (std::isdigit(static_cast<unsigned char>(entry[0])) == 0) continue;
    if (machine.read("/proc/" + entry + "/comm").value_or("") != "irqbalance") continue;
    const std::string settings = machine.read("/etc/default/irqbalance").value_or("");
    if (settings.find("IRQBALANCE_BANNED_CPULIST=") != settings.npos ||
        !machine.isolated().empty()) {
      return ok("irqbalance runs and leaves isolated CPUs alone");
    }
    return warn("irqbalance runs and may move interrupts to real-time CPUs",
                "IRQBALANCE_BANNED_CPULIST=" + machine.realtime().text() +
                    " in /etc/default/irqbalance, or systemctl disable --now irqbalance");
  }
  return ok("does not run");
}

}  // namespace

std::span<const Check> cpu_checks() {
  static constexpr std::array kChecks{
      Check{"cpu.online", online},
      Check{"cpu.smt_sibling", siblings},
      Check{"cpu.governor", governor},
      Check{"cpu.dma_latency", dma_latency},
      Check{"iso.mask_leak", mask_leak},
      Check{"iso.partition_state", partition_state},
      Check{"iso.workqueue_mask", workqueue_mask},
      Check{"irq.on_rt_cpu", interrupts},
      Check{"irq.balance", irq_balance},
  };
  return kChecks;
}

}  // namespace horus::cli

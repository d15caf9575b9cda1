// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "tools/cli/doctor.hpp"

namespace horus::cli {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

bool is_rt_kernel(const Machine& machine) {
  return machine.read("/sys/kernel/realtime").value_or("0") == "1";
}

Finding preempt_rt(const Machine& machine) {
  if (is_rt_kernel(machine)) return ok("/sys/kernel/realtime is 1");
  const std::string version = machine.read("/proc/sys/kernel/version").value_or("unknown");
  if (version.find("PREEMPT_RT") != version.npos) return ok(version);
  return warn("not an RT kernel: " + version,
              "apt install linux-image-rt-amd64 (or -arm64), reboot: else the kernel may delay a "
              "tick by milliseconds");
}

Finding rt_group_sched(const Machine& machine) {
  const std::string release = machine.read("/proc/sys/kernel/osrelease").value_or("");
  const std::string path = "/boot/config-" + release;
  const auto config = machine.read(path);
  if (!config) return skip(path + " cannot be read");
  if (config->find("CONFIG_RT_GROUP_SCHED=y") == config->npos) return ok(path + ": off");
  return warn(path + ": CONFIG_RT_GROUP_SCHED=y",
              "SCHED_FIFO is refused in every cgroup but the root: use a kernel without it, or "
              "boot with rt_group_sched=0");
}

Finding clocksource(const Machine& machine) {
  const auto source =
      machine.read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (!source) return skip("the clock source cannot be read");
  if (*source == "tsc" || *source == "arch_sys_counter") return ok(*source);
  return warn(*source + ": reading the clock is a slow system call",
              "boot with tsc=reliable if the hardware's TSC is good (dmesg says why it was not "
              "used)");
}

/// Checks that a parameter that isolates real-time CPUs is on the kernel's command line. `wanted`:
/// the value to suggest.
Finding boot_parameter(const Machine& machine, std::string_view name, const std::string& wanted) {
  if (machine.realtime().empty()) return skip("one CPU: nothing to isolate");
  const auto value = machine.boot_parameter(name);
  if (value) return ok(fmt::format("{}={}", name, *value));
  return warn(fmt::format("no {}= on the kernel's command line", name),
              fmt::format("add {}={} to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, "
                          "update-grub, reboot",
                          name, wanted));
}

Finding isolcpus(const Machine& machine) {
  return boot_parameter(machine, "isolcpus", "managed_irq,domain," + machine.realtime().text());
}
Finding nohz_full(const Machine& machine) {
  return boot_parameter(machine, "nohz_full", machine.realtime().text());
}
Finding rcu_nocbs(const Machine& machine) {
  // nohz_full= implies it. Source: Documentation/timers/no_hz.rst.
  if (machine.boot_parameter("nohz_full")) return ok("implied by nohz_full=");
  return boot_parameter(machine, "rcu_nocbs", machine.realtime().text());
}
Finding irqaffinity(const Machine& machine) {
  const CpuSet online = machine.cpus("/sys/devices/system/cpu/online");
  return boot_parameter(machine, "irqaffinity", online.without(machine.realtime()).text());
}

Finding efi_runtime(const Machine& machine) {
  if (!machine.exists("/sys/firmware/efi")) return skip("no UEFI");
  if (!is_rt_kernel(machine)) return ok("not an RT kernel: EFI calls are on");
  if (machine.boot_parameter("efi") == "runtime") return ok("efi=runtime");
  return warn("an RT kernel without efi=runtime",
              "add efi=runtime to the kernel's command line: else efibootmgr, grub-install and "
              "fwupd fail");
}

Finding rt_runtime(const Machine& machine) {
  const auto value = machine.read("/proc/sys/kernel/sched_rt_runtime_us");
  if (!value) return skip("sched_rt_runtime_us cannot be read");
  if (*value == "-1") return ok("no throttling");
  return warn("kernel.sched_rt_runtime_us is " + *value +
                  ": a busy FIFO thread is stopped for the "
                  "rest of each second",
              "on a robot in production: sysctl kernel.sched_rt_runtime_us=-1 (a spinning thread "
              "then owns its CPU)");
}

/// The host's degradation of this feature; null: it has none.
const wire::DegradationView* missing(const wire::HostView& host, std::string_view feature) {
  for (const auto& one : host.degradations) {
    if (one.feature == feature) return &one;
  }
  return nullptr;
}

/// Whether the living hosts with C++ nodes were granted a right; nothing: there is no such host.
std::optional<Finding> of_hosts(const Machine& machine, std::string_view feature) {
  std::optional<Finding> finding;
  for (const auto& host : machine.probes.hosts) {
    if (host.kind != "cpp") continue;
    if (const auto* one = missing(host, feature)) {
      return bad(fmt::format("host {} did not get it: {}", host.name, one->reason), one->fix);
    }
    finding = ok("granted to host " + host.name);
  }
  return finding;
}

Finding fifo_probe(const Machine& machine) {
  if (auto finding = of_hosts(machine, "fifo")) return *finding;
  if (machine.probes.fifo_errno == 0) return ok("granted to this user");
  const std::string evidence =
      fmt::format("SCHED_FIFO: {}", std::generic_category().message(machine.probes.fifo_errno));
  const std::string fix =
      "systemctl start horus grants it to the service; for your own programs: a line \"@GROUP - "
      "rtprio 98\", with a group of yours, in /etc/security/limits.d/, then log in again";
  return warn(evidence + " for this user", fix);
}

Finding lock_limit(const Machine& machine) {
  if (auto finding = of_hosts(machine, "memlock")) return *finding;
  if (!machine.probes.lock_limit) return ok("RLIMIT_MEMLOCK: no limit");
  return warn(
      fmt::format("RLIMIT_MEMLOCK: {} MiB for this user", *machine.probes.lock_limit / kMiB),
      "the service has no limit; for your own programs: a line \"@GROUP - memlock "
      "unlimited\", with a group of yours, in /etc/security/limits.d/, then log in again");
}

Finding swap(const Machine& machine) {
  const auto swaps = machine.read("/proc/swaps");
  if (!swaps) return skip("/proc/swaps cannot be read");
  const std::size_t line = swaps->find('\n');
  if (line == swaps->npos) return ok("none");
  return warn(swaps->substr(line + 1, swaps->find_first_of(" \t", line) - line - 1),
              "swapoff -a, and no swap in /etc/fstab: memory that is not locked, such as Python's, "
              "may take milliseconds to come back");
}

Finding shm_size(const Machine& machine) {
  const std::uint64_t mib = machine.probes.shm_bytes / kMiB;
  const std::string evidence = fmt::format("/dev/shm: {} MiB", mib);
  const std::string fix =
      "mount -o remount,size=1G /dev/shm, and the same in /etc/fstab (docker run --shm-size=1g)";
  if (mib < 16) return bad(evidence, fix);
  return mib < 256 ? warn(evidence, fix) : ok(evidence);
}

Finding huge_pages(const Machine& machine) {
  const auto value = machine.read("/sys/kernel/mm/transparent_hugepage/enabled");
  if (!value) return ok("not in this kernel");
  if (value->find("[always]") == value->npos) return ok(*value);
  return warn(*value,
              "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled: khugepaged "
              "stalls threads whose memory it moves");
}

Finding same_page_merging(const Machine& machine) {
  const auto value = machine.read("/sys/kernel/mm/ksm/run");
  if (!value || *value == "0") return ok("off");
  return warn("/sys/kernel/mm/ksm/run is " + *value, "echo 2 > /sys/kernel/mm/ksm/run");
}

}  // namespace

std::span<const Check> kernel_checks() {
  static constexpr std::array kChecks{
      Check{"kernel.preempt_rt", preempt_rt},
      Check{"kernel.rt_group_sched", rt_group_sched},
      Check{"kernel.clocksource", clocksource},
      Check{"kernel.cmdline.isolcpus", isolcpus},
      Check{"kernel.cmdline.nohz_full", nohz_full},
      Check{"kernel.cmdline.rcu_nocbs", rcu_nocbs},
      Check{"kernel.cmdline.irqaffinity", irqaffinity},
      Check{"kernel.efi_runtime", efi_runtime},
      Check{"sched.rt_runtime", rt_runtime},
      Check{"sched.fifo_probe", fifo_probe},
      Check{"mem.lock_limit", lock_limit},
      Check{"mem.swap", swap},
      Check{"mem.shm_size", shm_size},
      Check{"mem.thp", huge_pages},
      Check{"mem.ksm", same_page_merging},
  };
  return kChecks;
}

}  // namespace horus::cli

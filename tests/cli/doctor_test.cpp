// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/doctor.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/cli/fake_machine.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kUnit = "/usr/lib/systemd/system/horus.service";
constexpr const char* kDropIns = "/systemd/system/horus.service.d/";

TEST_F(DoctorTest, a_machine_of_which_nothing_can_be_read_is_judged_without_a_crash) {
  machine_ = Machine{.root = root_.path() + "/nothing", .probes = {}, .socket_directories = {}};
  const Diagnosis diagnosis = diagnose(machine_, /*strict=*/false);
  EXPECT_GT(diagnosis.rows.size(), 25U);
  EXPECT_GT(diagnosis.count(Grade::kSkip), 10U);
}

TEST_F(DoctorTest, each_check_has_an_id_and_evidence_and_a_fix_when_something_is_wrong) {
  std::set<std::string> ids;
  for (const auto& [id, one] : diagnose(machine_, /*strict=*/false).rows) {
    EXPECT_TRUE(ids.insert(id).second) << id;
    EXPECT_NE(one.evidence, "") << id;
    const bool wrong = one.grade == Grade::kWarn || one.grade == Grade::kFail;
    EXPECT_EQ(wrong, !one.fix.empty()) << id;
  }
}

TEST_F(DoctorTest, the_exit_code_is_the_worst_finding) {
  Diagnosis diagnosis;
  EXPECT_EQ(diagnosis.exit_code(), 0);
  diagnosis.rows = {{"a", ok("")}, {"b", skip("")}};
  EXPECT_EQ(diagnosis.exit_code(), 0);
  diagnosis.rows.push_back({"c", warn("", "")});
  EXPECT_EQ(diagnosis.exit_code(), 1);
  diagnosis.rows.push_back({"d", bad("", "")});
  EXPECT_EQ(diagnosis.exit_code(), 2);
}

TEST_F(DoctorTest, strictly_a_warning_is_a_failure) {
  EXPECT_GT(diagnose(machine_, /*strict=*/false).count(Grade::kWarn), 0U);
  EXPECT_EQ(diagnose(machine_, /*strict=*/true).count(Grade::kWarn), 0U);
  EXPECT_EQ(diagnose(machine_, /*strict=*/true).exit_code(), 2);
}

TEST_F(DoctorTest, a_file_that_cannot_be_read_is_as_if_it_were_not_there) {
  std::filesystem::create_directories(root_.path() + "/folder");
  EXPECT_EQ(machine_.read("/folder"), std::nullopt);  // Opens, and fails to read.
  EXPECT_EQ(machine_.read("/none"), std::nullopt);
  write("/empty", "");
  EXPECT_EQ(machine_.read("/empty"), "");
  write("/lines", "a\nb\n\n");
  EXPECT_EQ(machine_.read("/lines"), "a\nb");
}

TEST_F(DoctorTest, real_time_cpus_are_the_isolated_ones_else_the_last) {
  EXPECT_EQ(machine_.realtime().text(), "3");
  write("/sys/devices/system/cpu/isolated", "1-2\n");
  EXPECT_EQ(machine_.realtime().text(), "1-2");
  write("/sys/devices/system/cpu/isolated", "\n");
  write("/sys/devices/system/cpu/online", "0\n");
  EXPECT_TRUE(machine_.realtime().empty());
}

TEST_F(DoctorTest, an_rt_kernel_is_known_by_its_file_or_its_version) {
  EXPECT_EQ(grade("kernel.preempt_rt"), Grade::kWarn);
  write("/proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Debian\n");
  EXPECT_EQ(grade("kernel.preempt_rt"), Grade::kWarn);
  write("/proc/sys/kernel/version", "#1 SMP PREEMPT_RT Debian\n");
  EXPECT_EQ(grade("kernel.preempt_rt"), Grade::kOk);
  write("/proc/sys/kernel/version", "#1\n");
  write("/sys/kernel/realtime", "1\n");
  EXPECT_EQ(grade("kernel.preempt_rt"), Grade::kOk);
}

TEST_F(DoctorTest, boot_parameters_are_read_from_the_kernels_command_line) {
  write("/proc/cmdline", "quiet isolcpus=managed_irq,domain,3 nohz_full=3\n");
  EXPECT_EQ(grade("kernel.cmdline.isolcpus"), Grade::kOk);
  EXPECT_EQ(grade("kernel.cmdline.nohz_full"), Grade::kOk);
  EXPECT_EQ(grade("kernel.cmdline.rcu_nocbs"), Grade::kOk);  // Implied.
  EXPECT_EQ(grade("kernel.cmdline.irqaffinity"), Grade::kWarn);
  EXPECT_THAT(finding("kernel.cmdline.irqaffinity").fix, HasSubstr("irqaffinity=0-2"));
}

TEST_F(DoctorTest, throttling_swap_and_huge_pages_are_warned_of) {
  write("/proc/sys/kernel/sched_rt_runtime_us", "950000\n");
  EXPECT_EQ(grade("sched.rt_runtime"), Grade::kWarn);
  write("/proc/sys/kernel/sched_rt_runtime_us", "-1\n");
  EXPECT_EQ(grade("sched.rt_runtime"), Grade::kOk);
  write("/proc/swaps", "Filename  Type\n/dev/sda2 partition 1 0 -2\n");
  EXPECT_EQ(finding("mem.swap").evidence, "/dev/sda2");
  write("/proc/swaps", "Filename  Type\n");
  EXPECT_EQ(grade("mem.swap"), Grade::kOk);
  write("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
  EXPECT_EQ(grade("mem.thp"), Grade::kWarn);
}

TEST_F(DoctorTest, a_right_that_a_host_wanted_counts_more_than_what_this_user_may) {
  machine_.probes.fifo_errno = EPERM;
  EXPECT_EQ(grade("sched.fifo_probe"), Grade::kWarn);
  add_host({});
  EXPECT_EQ(grade("sched.fifo_probe"), Grade::kOk);
  add_host({{"fifo", "not permitted", "error", "raise rtprio"}});
  EXPECT_EQ(grade("sched.fifo_probe"), Grade::kFail);
  EXPECT_EQ(finding("sched.fifo_probe").fix, "raise rtprio");
}

TEST_F(DoctorTest, shared_memory_has_a_size_that_warns_and_one_that_fails) {
  const std::pair<std::uint64_t, Grade> cases[] = {
      {8, Grade::kFail}, {64, Grade::kWarn}, {256, Grade::kOk}};
  for (const auto& [mib, wanted] : cases) {
    machine_.probes.shm_bytes = mib << 20U;
    EXPECT_EQ(grade("mem.shm_size"), wanted) << mib;
  }
}

TEST_F(DoctorTest, python_must_be_new_enough_and_have_the_module) {
  for (const auto& [version, wanted] : {std::pair{"3.11", Grade::kOk},
                                        {"3.13", Grade::kOk},
                                        {"3.9", Grade::kFail},
                                        {"Traceback", Grade::kFail},
                                        {"", Grade::kSkip}}) {
    machine_.probes.python_version = version;
    EXPECT_EQ(grade("py.version"), wanted) << version;
  }
  machine_.probes.python_version = "3.11";
  machine_.probes.module_version = "0.0.1";
  EXPECT_EQ(grade("py.module"), Grade::kWarn);
  machine_.probes.module_version = "";
  machine_.probes.module_error = "ModuleNotFoundError: No module named 'horus'";
  EXPECT_EQ(grade("py.module"), Grade::kWarn);
  machine_.probes.module_error = "ImportError: undefined symbol";
  EXPECT_EQ(grade("py.module"), Grade::kFail);
}

TEST_F(DoctorTest, the_watchdog_of_the_unit_counts_as_its_drop_ins_leave_it) {
  EXPECT_EQ(grade("svc.watchdog_on"), Grade::kSkip);
  write(kUnit, "[Service]\nType=notify\n");
  EXPECT_EQ(grade("svc.watchdog_on"), Grade::kWarn);
  write(kUnit, "[Service]\nWatchdogSec=3s\n");
  EXPECT_EQ(finding("svc.watchdog_on").evidence, "WatchdogSec=3s");
  write("/etc" + std::string{kDropIns} + "50-off.conf", "[Service]\nWatchdogSec=0\n");
  EXPECT_EQ(grade("svc.watchdog_on"), Grade::kWarn);
}

TEST_F(DoctorTest, drop_ins_are_read_by_name_and_those_of_the_administrator_hide_others) {
  write(kUnit, "[Service]\nWatchdogSec=3s\n");
  write("/usr/lib" + std::string{kDropIns} + "50-a.conf", "[Service]\nWatchdogSec=0\n");
  write("/etc" + std::string{kDropIns} + "60-b.conf", "[Service]\nWatchdogSec=5s\n");
  EXPECT_EQ(finding("svc.watchdog_on").evidence, "WatchdogSec=5s");
  write("/usr/lib" + std::string{kDropIns} + "60-b.conf", "[Service]\nWatchdogSec=0\n");
  EXPECT_EQ(finding("svc.watchdog_on").evidence, "WatchdogSec=5s");
}

TEST_F(DoctorTest, a_socket_that_is_open_to_everybody_has_failed) {
  machine_.socket_directories = {"/run/horus"};
  EXPECT_EQ(grade("sock.permissions"), Grade::kSkip);
  write("/run/horus/stats.sock", "");
  const std::filesystem::path socket{root_.path() + "/run/horus/stats.sock"};
  std::filesystem::permissions(socket, std::filesystem::perms{0660});
  EXPECT_EQ(grade("sock.permissions"), Grade::kOk);
  std::filesystem::permissions(socket, std::filesystem::perms{0666});
  EXPECT_EQ(grade("sock.permissions"), Grade::kFail);
}

TEST_F(DoctorTest, two_versions_at_once_are_warned_of) {
  EXPECT_EQ(grade("pkg.version_skew"), Grade::kSkip);
  machine_.probes.service_version = kVersion;
  EXPECT_EQ(grade("pkg.version_skew"), Grade::kOk);
  machine_.probes.service_version = "9.9";
  EXPECT_EQ(grade("pkg.version_skew"), Grade::kWarn);
}

TEST_F(DoctorTest, the_text_can_be_pasted_and_is_fit_for_a_terminal) {
  machine_.probes.python_version = "3.11\x1b[2J";
  const std::string text = diagnosis_text(diagnose(machine_, /*strict=*/false));
  EXPECT_THAT(text, HasSubstr("warn  kernel.preempt_rt"));
  EXPECT_THAT(text, HasSubstr("fix: apt install linux-image-rt-amd64"));
  EXPECT_THAT(text, HasSubstr("horusctl: " + std::string{kVersion}));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(DoctorTest, its_json_has_four_fields_a_check_and_a_summary_that_adds_up) {
  const wire::Json json = diagnosis_json(diagnose(machine_, /*strict=*/false));
  for (const auto& check : json["checks"]) {
    EXPECT_EQ(check.size(), 4U);
    for (const char* key : {"id", "status", "evidence", "fix"}) EXPECT_TRUE(check.contains(key));
  }
  std::size_t sum = 0;
  for (const auto& count : json["summary"]) sum += count.get<std::size_t>();
  EXPECT_EQ(sum, json["checks"].size());
}

TEST_F(DoctorTest, shared_memory_that_goes_at_logout_is_told_with_its_two_cures) {
  EXPECT_EQ(grade("shm.remove_ipc"), Grade::kSkip);
  write("/etc/systemd/logind.conf", "[Login]\n#RemoveIPC=no\n");
  EXPECT_EQ(grade("shm.remove_ipc"), Grade::kWarn);
  EXPECT_THAT(finding("shm.remove_ipc").fix, HasSubstr("enable-linger"));
  write("/var/lib/systemd/linger/robot", "");
  EXPECT_EQ(grade("shm.remove_ipc"), Grade::kOk);
  EXPECT_THAT(finding("shm.remove_ipc").evidence, HasSubstr("robot"));
  std::filesystem::remove(root_.path() + "/var/lib/systemd/linger/robot");
  write("/etc/systemd/logind.conf.d/keep.conf", "[Login]\nRemoveIPC=no\n");
  EXPECT_EQ(grade("shm.remove_ipc"), Grade::kOk);
  write("/etc/systemd/logind.conf.d/zz.conf", "[Login]\nRemoveIPC=yes\n");
  EXPECT_EQ(grade("shm.remove_ipc"), Grade::kWarn);
  write(kUnit, "[Service]\n");
  EXPECT_EQ(grade("shm.remove_ipc"), Grade::kOk);
}

}  // namespace
}  // namespace horus::cli

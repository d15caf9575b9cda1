// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/cli/fake_machine.hpp"

namespace horus::cli {
namespace {

using testing::HasSubstr;

using DoctorCpuTest = DoctorTest;

const std::string kCpu3 = "/sys/devices/system/cpu/cpu3/";

TEST_F(DoctorCpuTest, one_cpu_is_warned_of) {
  EXPECT_EQ(grade("cpu.online"), Grade::kOk);
  write("/sys/devices/system/cpu/online", "0\n");
  EXPECT_EQ(grade("cpu.online"), Grade::kWarn);
}

TEST_F(DoctorCpuTest, a_core_that_is_shared_with_another_cpu_is_warned_of) {
  EXPECT_EQ(grade("cpu.smt_sibling"), Grade::kOk);
  write(kCpu3 + "topology/thread_siblings_list", "2-3\n");
  EXPECT_EQ(grade("cpu.smt_sibling"), Grade::kWarn);
  write("/sys/devices/system/cpu/isolated", "2-3\n");
  EXPECT_EQ(grade("cpu.smt_sibling"), Grade::kOk);
}

TEST_F(DoctorCpuTest, the_governor_of_real_time_cpus_must_be_performance) {
  EXPECT_EQ(grade("cpu.governor"), Grade::kSkip);
  write(kCpu3 + "cpufreq/scaling_governor", "powersave\n");
  EXPECT_EQ(grade("cpu.governor"), Grade::kWarn);
  write(kCpu3 + "cpufreq/scaling_governor", "performance\n");
  EXPECT_EQ(grade("cpu.governor"), Grade::kOk);
}

TEST_F(DoctorCpuTest, the_sleep_states_hang_on_a_device) {
  EXPECT_EQ(grade("cpu.dma_latency"), Grade::kSkip);
  write("/dev/cpu_dma_latency", "");
  EXPECT_EQ(grade("cpu.dma_latency"), Grade::kOk);
  machine_.probes.dma_latency_writable = false;
  EXPECT_EQ(grade("cpu.dma_latency"), Grade::kWarn);
  add_host({{"dma_latency", "held by nobody", "warning", "the rule"}});
  EXPECT_EQ(finding("cpu.dma_latency").evidence, "held by nobody");
}

TEST_F(DoctorCpuTest, a_first_process_that_may_run_on_isolated_cpus_has_failed) {
  EXPECT_EQ(grade("iso.mask_leak"), Grade::kSkip);
  isolate_cpu_3();
  EXPECT_EQ(grade("iso.mask_leak"), Grade::kSkip);
  write("/proc/1/status", "Name:\tsystemd\nCpus_allowed_list:\t0-2\n");
  EXPECT_EQ(grade("iso.mask_leak"), Grade::kOk);
  write("/proc/1/status", "Name:\tsystemd\nCpus_allowed_list:\t0-3\n");
  EXPECT_EQ(grade("iso.mask_leak"), Grade::kFail);
  EXPECT_THAT(finding("iso.mask_leak").evidence, HasSubstr("CPU 3"));
}

TEST_F(DoctorCpuTest, an_invalid_partition_has_failed) {
  const std::string path = "/sys/fs/cgroup/horusrt.slice/cpuset.cpus.partition";
  EXPECT_EQ(grade("iso.partition_state"), Grade::kSkip);
  write(path, "isolated\n");
  EXPECT_EQ(grade("iso.partition_state"), Grade::kOk);
  write(path, "isolated invalid (Cpu list in cpuset.cpus not exclusive)\n");
  EXPECT_EQ(grade("iso.partition_state"), Grade::kFail);
}

TEST_F(DoctorCpuTest, masks_are_hexadecimal_words) {
  const std::string path = "/sys/devices/virtual/workqueue/cpumask";
  isolate_cpu_3();
  const std::pair<const char*, Grade> cases[] = {{"7\n", Grade::kOk},
                                                 {"f\n", Grade::kWarn},
                                                 {"00000000,0000000f\n", Grade::kWarn},
                                                 {"ffffffff,00000007\n", Grade::kOk},
                                                 {"8\n", Grade::kWarn}};
  for (const auto& [mask, wanted] : cases) {
    write(path, mask);
    EXPECT_EQ(grade("iso.workqueue_mask"), wanted) << mask;
  }
}

TEST_F(DoctorCpuTest, interrupts_on_isolated_cpus_are_counted_and_some_are_named) {
  isolate_cpu_3();
  EXPECT_EQ(grade("irq.on_rt_cpu"), Grade::kOk);
  for (int irq = 10; irq < 20; ++irq) {
    write("/proc/irq/" + std::to_string(irq) + "/effective_affinity_list", "3\n");
  }
  write("/proc/irq/9/effective_affinity_list", "0\n");
  EXPECT_EQ(finding("irq.on_rt_cpu").evidence, "10 on isolated CPUs: 10 11 12 13 14 15 16 17 ...");
}

TEST_F(DoctorCpuTest, a_balancer_is_looked_for_among_the_processes) {
  EXPECT_EQ(grade("irq.balance"), Grade::kOk);
  write("/proc/77/comm", "irqbalance\n");
  std::filesystem::create_directories(root_.path() + "/proc/78/comm");  // Ended meanwhile.
  EXPECT_EQ(grade("irq.balance"), Grade::kWarn);
  write("/etc/default/irqbalance", "IRQBALANCE_BANNED_CPULIST=3\n");
  EXPECT_EQ(grade("irq.balance"), Grade::kOk);
}

TEST_F(DoctorCpuTest, units_that_open_isolated_cpus_are_named) {
  write("/lib/systemd/system/user@.service", "[Service]\nDelegate=pids memory\n");
  EXPECT_EQ(finding("container.delegate_units").evidence, "no unit with Delegate=yes");
  write("/lib/systemd/system/docker.service", "[Service]\nDelegate=yes\n");
  std::filesystem::create_directories(root_.path() + "/etc/systemd/system/folder.service");
  EXPECT_EQ(grade("container.delegate_units"), Grade::kOk);
  isolate_cpu_3();
  EXPECT_EQ(grade("container.delegate_units"), Grade::kWarn);
  EXPECT_THAT(finding("container.delegate_units").evidence, HasSubstr("docker.service"));
}

}  // namespace
}  // namespace horus::cli

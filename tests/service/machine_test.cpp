// SPDX-License-Identifier: Apache-2.0
#include "service/machine.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

namespace horus::service {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

CpuSet cpus(std::string_view text) {
  return CpuSet::parse(text).value();
}

TEST(HexMask, is_what_the_kernel_reads) {
  EXPECT_EQ(hex_mask(cpus("0")), "1");
  EXPECT_EQ(hex_mask(cpus("0-1,3")), "b");
  EXPECT_EQ(hex_mask(cpus("1,32,63")), "80000001,00000002");
  EXPECT_EQ(hex_mask(cpus("64")), "1,00000000,00000000");
  EXPECT_EQ(hex_mask(CpuSet{}), "0");
}

/// A small /proc and /sys of ordinary files.
class MachineTest : public testing::Test {
 protected:
  MachineTest() {
    std::string pattern = fs::temp_directory_path() / "horus-machine-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~MachineTest() override { fs::remove_all(root_); }

  std::string put(const std::string& name, const std::string& value) {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream{path} << value << '\n';
    return path;
  }
  static std::string get(const std::string& path) {
    std::ifstream file{path};
    std::string line;
    std::getline(file, line);
    return line;
  }

  fs::path root_;
};

TEST_F(MachineTest, interrupts_and_work_are_wanted_on_the_other_cpus_only) {
  const auto standard = put("proc/irq/default_smp_affinity", "f");
  const auto irq = put("proc/irq/9/smp_affinity_list", "0-3");
  const auto unbound = put("sys/devices/virtual/workqueue/cpumask", "f");
  const auto writeback = put("sys/devices/virtual/workqueue/writeback/cpumask", "f");
  const auto governor = put("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave");
  put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave");
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const Setting& setting : wanted_settings(root_, cpus("2-3"), cpus("0-3"))) {
    wanted.emplace_back(setting.path, setting.wanted);
  }
  EXPECT_THAT(wanted, UnorderedElementsAre(std::pair{standard, std::string{"3"}},
                                           std::pair{irq, std::string{"0-1"}},
                                           std::pair{unbound, std::string{"3"}},
                                           std::pair{writeback, std::string{"3"}},
                                           std::pair{governor, std::string{"performance"}}));
}

TEST_F(MachineTest, a_machine_that_has_none_of_it_wants_nothing) {
  EXPECT_THAT(wanted_settings(root_, cpus("1"), cpus("0-1")), IsEmpty());
}

TEST_F(MachineTest, a_setting_is_taken_and_put_back) {
  const auto path = put("value", "f");
  const Tuned tuned = tune({path, "3"});
  EXPECT_EQ(tuned.refusal, "");
  EXPECT_EQ(get(path), "3");
  EXPECT_TRUE(revert(tuned));
  EXPECT_EQ(get(path), "f");
}

TEST_F(MachineTest, a_value_that_is_right_already_is_left_alone_leading_zeros_or_not) {
  const auto path = put("value", "00000000,00000003");
  const Tuned tuned = tune({path, "3"});
  EXPECT_EQ(tuned.refusal, "");
  EXPECT_EQ(get(path), "00000000,00000003");
  EXPECT_TRUE(revert(tuned));
  EXPECT_EQ(get(path), "00000000,00000003");
}

TEST_F(MachineTest, what_somebody_else_has_changed_since_is_left_alone) {
  const auto path = put("value", "f");
  const Tuned tuned = tune({path, "3"});
  put("value", "7");
  EXPECT_FALSE(revert(tuned));
  EXPECT_EQ(get(path), "7");
}

TEST_F(MachineTest, what_cannot_be_read_or_written_says_why) {
  EXPECT_EQ(tune({root_ / "missing", "3"}).refusal, "cannot be read");
  const auto path = put("folder/value", "f");
  if (::geteuid() == 0) return;  // Root may write everything.
  ::chmod(path.c_str(), 0444);
  EXPECT_EQ(tune({path, "3"}).refusal, "Permission denied");
}

TEST_F(MachineTest, the_record_survives_and_a_second_apply_keeps_what_the_first_found) {
  const auto path = put("value", "f");
  const std::string record = root_ / "applied.json";
  const std::vector<Tuned> first{tune({path, "3"})};
  ASSERT_TRUE(save(record, first));
  const std::vector<Tuned> second = keep_first(load(record).value(), {tune({path, "3"})});
  ASSERT_EQ(second.size(), 1U);
  EXPECT_TRUE(revert(second[0]));
  EXPECT_EQ(get(path), "f");
}

TEST_F(MachineTest, no_record_is_an_empty_one_and_a_damaged_one_is_an_error) {
  EXPECT_THAT(load(root_ / "none.json").value(), IsEmpty());
  for (const char* text : {"", "{}", "[1]", R"([{"path": "/x"}])", R"([{"path": 1}])"}) {
    const auto path = put("damaged.json", text);
    EXPECT_EQ(load(path).error().code, Errc::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace horus::service

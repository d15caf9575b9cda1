// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "rt/base/version.hpp"
#include "tests/cli/fake_server.hpp"
#include "tools/cli/doctor.hpp"

namespace horus::cli {

/// A machine of files in a directory, and probes that find what a robot wants.
class DoctorTest : public testing::Test {
 protected:
  DoctorTest() {
    machine_.root = root_.path();
    machine_.probes.shm_bytes = std::uint64_t{1} << 30U;
    machine_.probes.dma_latency_writable = true;
    machine_.probes.python_version = "3.11";
    machine_.probes.module_version = kVersion;
    write("/sys/devices/system/cpu/online", "0-3\n");
  }

  void write(const std::string& path, std::string_view text) {
    const std::filesystem::path file{root_.path() + path};
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file} << text;
  }
  void isolate_cpu_3() { write("/sys/devices/system/cpu/isolated", "3\n"); }

  /// A host in C++, not granted what `degradations` says.
  void add_host(std::vector<wire::DegradationView> degradations) {
    wire::HostView host;
    host.name = "rover";
    host.kind = "cpp";
    host.degradations = std::move(degradations);
    machine_.probes.hosts.push_back(host);
  }

  Finding finding(std::string_view id) const {
    const Diagnosis diagnosis = diagnose(machine_, /*strict=*/false);
    const auto row = std::ranges::find(diagnosis.rows, id, &Diagnosis::Row::id);
    EXPECT_NE(row, diagnosis.rows.end()) << id;
    return row == diagnosis.rows.end() ? Finding{} : row->finding;
  }
  Grade grade(std::string_view id) const { return finding(id).grade; }

  test::Folder root_;
  Machine machine_;
};

}  // namespace horus::cli

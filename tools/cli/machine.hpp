// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "service/wire/stats_view.hpp"
#include "tools/cli/where.hpp"

namespace horus::cli {

/// What cannot be read from a file, but was tried or asked.
struct Probes {
  int fifo_errno = 0;  ///< Of setting SCHED_FIFO on a thread of ours; 0: granted.
  std::optional<std::uint64_t> lock_limit;  ///< RLIMIT_MEMLOCK in bytes; nothing: no limit.
  std::uint64_t shm_bytes = 0;              ///< Size of /dev/shm.
  bool dma_latency_writable = false;
  std::string python_version;         ///< "3.11"; empty: no /usr/bin/python3.
  std::string module_version;         ///< Of the Python module; empty: it cannot be imported.
  std::string module_error;           ///< Last line of why.
  std::string service_version;        ///< Empty: no service answers.
  std::vector<wire::HostView> hosts;  ///< Living ones.
};
Probes probe_machine(const Places& places);

/// The machine as `doctor` sees it: files under `root`, and probes. Tests give a directory of
/// their own.
struct Machine {
  std::string root;
  Probes probes;
  std::vector<std::string> socket_directories;

  /// The file's text without the newline at its end; nothing when it cannot be read.
  std::optional<std::string> read(const std::string& path) const;
  bool exists(const std::string& path) const;
  /// Names in a directory, sorted; none when it cannot be read.
  std::vector<std::string> list(const std::string& path) const;
  /// A file in the kernel's list format; the empty set when it cannot be read.
  CpuSet cpus(const std::string& path) const;

  CpuSet isolated() const;
  /// Where executors run by default: isolated CPUs, else the last of at least two.
  CpuSet realtime() const;
  /// The value of `name=` on the kernel's command line.
  std::optional<std::string> boot_parameter(std::string_view name) const;
  /// "horus.service" where systemd finds it, with its drop-ins; empty: not installed.
  std::string service_unit() const;
};

}  // namespace horus::cli

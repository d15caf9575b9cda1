// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <horus/realtime.hpp>

#include "service/wire/stats_view.hpp"
#include "tools/cli/service_client.hpp"

namespace horus::cli {

/// Facts about the machine that no file tells: each was tried out or asked for.
struct Probes {
  int fifo_errno = 0;  ///< errno of setting SCHED_FIFO on a thread; 0: granted.
  std::optional<std::uint64_t> lock_limit;  ///< RLIMIT_MEMLOCK in bytes; nothing: no limit.
  std::uint64_t shm_bytes = 0;              ///< Size of /dev/shm; 0: not known.
  bool dma_latency_writable = false;        ///< This user may open /dev/cpu_dma_latency.
  std::string python_version;               ///< "3.11"; empty: no /usr/bin/python3.
  std::string module_version;   ///< Version of the Python module; empty: it cannot be imported.
  std::string module_error;     ///< Last line of the import's error.
  std::string service_version;  ///< Version of the service; empty: none answers.
  std::vector<wire::HostView> hosts;  ///< The living hosts.
};
/// Makes all probes. Runs /usr/bin/python3, for 20 s at most.
Probes probe_machine(const Places& places);

/// The machine as `doctor` sees it: files under `root`, and probes. A test sets `root` to a
/// directory of its own.
struct Machine {
  std::string root;  ///< Prefix of every path below; empty on the real machine.
  Probes probes;
  std::vector<std::string> socket_directories;  ///< See socket_directories().

  /// The text of a file without the newlines at its end; nothing when it cannot be read.
  std::optional<std::string> read(const std::string& path) const;
  bool exists(const std::string& path) const;
  /// The names in a directory, sorted, without hidden ones; none when it cannot be read.
  std::vector<std::string> list(const std::string& path) const;
  /// A set of CPUs from a file in the kernel's list format; empty when it cannot be read.
  CpuSet cpus(const std::string& path) const;

  /// The isolated CPUs; may be empty.
  CpuSet isolated() const;
  /// The CPUs on which executors run by default: the isolated ones; without any, the last of two or
  /// more; else none.
  CpuSet realtime() const;
  /// The value of `name=` on the kernel's command line; nothing where it is not there.
  std::optional<std::string> boot_parameter(std::string_view name) const;
  /// The text of horus.service and its drop-ins, as systemd would find them; empty: not installed.
  std::string service_unit() const;
};

}  // namespace horus::cli

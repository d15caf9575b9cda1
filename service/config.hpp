// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rt/base/cpu_set.hpp"
#include "rt/base/time.hpp"
#include "rt/node_config.hpp"
#include "service/params.hpp"

namespace horus::service {

/// Where something stands in the configuration.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::string text() const { return file + ":" + std::to_string(line); }
};

/// The keys of one table as they were written, for comparing two configurations.
using Written = std::map<std::string, std::string>;

enum class RtMode : std::uint8_t {
  kAuto,    ///< Take what the machine grants, report the rest.
  kStrict,  ///< Refuse to run without SCHED_FIFO or locked memory.
  kOff,     ///< Ask for nothing.
};

enum class RestartPolicy : std::uint8_t { kAlways, kOnFailure, kNever };

/// A C++ node of horusd: one [[node]].
struct NodeEntry {
  NodeConfig config{};
  bool compute = false;
  std::string plugin;       ///< As written.
  std::string plugin_path;  ///< The file that was found; set by check_config().
  std::string type;
  std::string on;  ///< The topic of an event node; empty: it has a rate.
  std::vector<std::pair<std::string, Params::Value>> params;
  Place place;
  Written written;
};

/// A Python process of horus-pyhost: one [[host]].
struct HostEntry {
  std::string name;
  std::string module;  ///< As written; a file's absolute path after check_config().
  std::vector<std::string> python_path;
  std::vector<std::pair<std::string, std::string>> env;
  RestartPolicy restart = RestartPolicy::kAlways;
  Place place;
  Written written;
};

struct Config {
  struct Robot {
    std::string name = "horusd";
  } robot;
  struct Cpus {
    std::optional<CpuSet> realtime;
    std::optional<CpuSet> housekeeping;
    std::optional<CpuSet> python;
  } cpus;
  struct Realtime {
    RtMode mode = RtMode::kAuto;
    int priority = 80;
    std::optional<Nanos> spin;  ///< Nothing: the scheduler decides thread by thread.
    Nanos watchdog{};           ///< 0: the scheduler's default.
  } realtime;
  std::vector<NodeEntry> nodes;
  std::vector<HostEntry> hosts;

  std::vector<std::string> files;       ///< In the order they were read.
  Written written;                      ///< "section.key" of [robot], [cpus] and [realtime].
  std::map<std::string, Place> places;  ///< Of the same, and of each "section".
};

/// One line for the person who wrote the file: "FILE:LINE: what is wrong, what was expected".
struct ConfigError {
  std::string text;
};
using ConfigResult = std::variant<Config, ConfigError>;

/// One file's name and contents.
struct ConfigText {
  std::string path;
  std::string text;
};

/// Reads and merges `files` in order: of [robot], [cpus] and [realtime] the later key counts,
/// [[node]] and [[host]] add up. Pure: touches no file.
ConfigResult parse_config(std::span<const ConfigText> files);

/// Reads a file; or of a directory `horus.toml` and then `conf.d/*.toml` in name order.
ConfigResult load_config(const std::string& path);

/// Which program asks: it checks the files that it is going to use, and everything else.
enum class ConfigScope : std::uint8_t { kNodes, kHosts, kAll };

/// The machine that a configuration is checked against.
struct MachineCpus {
  CpuSet online;
  CpuSet allowed;   ///< Where this process runs when nobody pins it.
  CpuSet isolated;  ///< Kept free by the kernel for those that are pinned there.
};
MachineCpus this_machine();

/// Every rule beyond the form of a single value: names, limits, duplicates, files that must
/// exist, CPUs. Fills in what was left out: CPU sets, paths.
std::optional<ConfigError> check_config(Config& config, ConfigScope scope,
                                        const MachineCpus& machine);

/// load_config() and check_config() on this machine.
ConfigResult load_checked(const std::string& path, ConfigScope scope);

/// What a reload would change, in words ("node 'motor': rate"); changed budgets apart, because
/// they can be applied to a running node.
struct ConfigChanges {
  std::vector<std::pair<std::string, Nanos>> budgets;  ///< Node and new budget.
  std::vector<std::string> others;
};
ConfigChanges compare(const Config& running, const Config& wanted);

}  // namespace horus::service

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

#include "rt/base/amount.hpp"
#include "rt/base/cpu_set.hpp"
#include "rt/base/time.hpp"
#include "rt/node_config.hpp"
#include "service/params.hpp"
#include "service/wire/health.hpp"
#include "shm/message.hpp"

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
constexpr auto words_of(RtMode /*any*/) noexcept {
  return words_in_order<RtMode>("auto", "strict", "off");
}

enum class RestartPolicy : std::uint8_t { kAlways, kOnFailure, kNever };
constexpr auto words_of(RestartPolicy /*any*/) noexcept {
  return words_in_order<RestartPolicy>("always", "on-failure", "never");
}

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
  std::optional<Nanos> watchdog;       ///< Of nodes without their own. Nothing: their defaults.
  std::optional<Nanos> hang_timeout;   ///< See WatchdogOptions.
  std::optional<Nanos> start_timeout;  ///< Up to "ready"; nothing: as long as it takes.
  std::optional<LogLevel> log_level;   ///< Of all its nodes.
  std::string gc;                      ///< Empty: the default.
  bool rt = false;
  bool critical = false;   ///< Its death is an emergency stop.
  bool script = false;     ///< The module is run as a program.
  double blackbox_mb = 0;  ///< 0: the default.
  std::optional<CpuSet> cpus;
  Place place;
  Written written;
  // No configuration says them.
  std::string python;          ///< The interpreter of a program's host; empty: the system's.
  bool shares_stdout = false;  ///< What it prints is the program's output, and no log.
};

/// A topic whose type is what the configuration says: one [[topic]].
struct TopicEntry {
  std::string name;
  std::string type;
  Place place;
  Written written;
};

/// From where on the verdict on a node, or on a host, is "degraded": one [[limit]].
struct LimitEntry {
  wire::LimitRule rule;
  Place place;
  Written written;
};

struct Config {
  struct Robot {
    std::string name = "horusd";
    Nanos stop_timeout = std::chrono::seconds{5};  ///< Of callbacks; 0: for ever.
    double blackbox_mb = 0;                        ///< Of its own host; 0: the default.
  } robot;
  struct Cpus {
    std::optional<CpuSet> realtime;
    std::optional<CpuSet> housekeeping;
    std::optional<CpuSet> python;
  } cpus;
  struct Realtime {
    RtMode mode = RtMode::kAuto;
    int priority = 80;
    std::optional<Nanos> spin;    ///< Nothing: the scheduler decides thread by thread.
    Nanos watchdog{};             ///< 0: the scheduler's default.
    int max_deadline_misses = 0;  ///< See SchedulerOptions.
  } realtime;
  struct Safety {
    std::string stop_device;  ///< See StopKey; empty: there is none.
    int stop_key = 0;         ///< 0: any key of it.
  } safety;
  /// What the service records, and where; with `wanted` alone.
  struct Record {
    bool wanted = false;  ///< There is a section [record].
    std::vector<std::string> topics{"*"};
    std::vector<std::string> exclude{};
    std::string path = "/var/lib/horus/rec";  ///< A folder.
    std::optional<Split> split{};
    int keep = 0;                 ///< 0: all.
    std::optional<Nanos> last{};  ///< In memory; nothing: all is written.
    std::uint64_t min_free = std::uint64_t{2} << 30;
  } record;
  std::vector<NodeEntry> nodes;
  std::vector<HostEntry> hosts;
  std::vector<TopicEntry> topics;
  std::vector<LimitEntry> limits;

  std::vector<std::string> files;  ///< In the order they were read.
  std::string warning;  ///< Of load_checked(): who else could change them; empty: nobody.
  Written written;      ///< "section.key" of [robot], [cpus], [realtime], [safety] and [record].
  std::map<std::string, Place> places;  ///< Of the same, and of each "section".
};

/// One line for the person who wrote the file: "FILE:LINE: what is wrong, what was expected".
struct ConfigError {
  std::string text;
  int shortage = 0;  ///< errno of what the system was short of; 0: the file is at fault.
};
using ConfigResult = std::variant<Config, ConfigError>;

/// One file's name and contents.
struct ConfigText {
  std::string path;
  std::string text;
};

/// Reads and merges `files` in order: of [robot], [cpus], [realtime] and [record] the later key
/// counts,
/// [[node]] and [[host]] add up. Pure: touches no file.
ConfigResult parse_config(std::span<const ConfigText> files);

/// Reads a file; or of a directory `horus.toml` and then `conf.d/*.toml` in name order.
ConfigResult load_config(const std::string& path);

/// Which program asks: it checks the files that it is going to use, and everything else. kAll is
/// `horus launch`, whose hosts have the user's own rights.
enum class ConfigScope : std::uint8_t { kNodes, kHosts, kRecorder, kAll };

/// The machine that a configuration is checked against.
struct MachineCpus {
  CpuSet online;
  CpuSet allowed;   ///< Where this process runs when nobody pins it.
  CpuSet isolated;  ///< Kept free by the kernel for those that are pinned there.
};
MachineCpus this_machine();

/// The type that a [[topic]] names; null when unknown.
const shm::TypeInfo* declared_type(const TopicEntry& topic) noexcept;

/// Every rule beyond the form of a single value: names, limits, duplicates, files that must
/// exist, CPUs. Fills in what was left out: CPU sets, paths.
std::optional<ConfigError> check_config(Config& config, ConfigScope scope,
                                        const MachineCpus& machine);

/// Set by `horus launch` for the services that it starts.
inline constexpr const char* kLaunchedVariable = "HORUS_LAUNCHED";
/// In the main thread, before others run.
bool is_launched() noexcept;

/// The hosts that a configuration names: the robot's own, and Python's.
std::vector<std::string> configured_hosts(const Config& config);

/// Whether what the machine does not grant is a fault: real time was asked for in so many words.
bool asks_realtime(const Config& config) noexcept;

/// load_config() and check_config() on this machine, and what a unit of systemd forbids. Files that
/// users could change who are neither root nor the service's are an error in a service, and else
/// the configuration's `warning`.
ConfigResult load_checked(const std::string& path, ConfigScope scope);

/// [record] path where the recorder's unit has no such folder; nothing under `horus launch`.
std::optional<ConfigError> find_hidden_recordings(const Config& config);

/// What a reload would change, in words ("node 'motor': rate"); changed budgets apart, because
/// they can be applied to a running node.
struct ConfigChanges {
  std::vector<std::pair<std::string, Nanos>> budgets;  ///< Node and new budget.
  bool limits = false;                                 ///< They are put into force at once.
  std::vector<std::string> others;
};
ConfigChanges compare(const Config& running, const Config& wanted);

}  // namespace horus::service

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

#include <horus/message.hpp>
#include <horus/node.hpp>
#include <horus/params.hpp>
#include <horus/realtime.hpp>
#include <horus/time.hpp>

#include "rt/base/amount.hpp"
#include "service/wire/health.hpp"

namespace horus::service {

/// Where something stands in the configuration.
struct Place {
  std::string file;
  std::uint32_t line = 0;  ///< From 1 on.
  /// "FILE:LINE", as error texts begin.
  std::string text() const { return file + ":" + std::to_string(line); }
};

/// The keys of one table, with their values as TOML text. A reload compares two configurations by
/// these texts.
using Written = std::map<std::string, std::string>;

/// [realtime] mode: how much a robot insists on real-time rights.
enum class RtMode : std::uint8_t {
  kAuto,    ///< Take what the machine grants, report the rest.
  kStrict,  ///< Refuse to run without SCHED_FIFO or locked memory.
  kOff,     ///< Ask for nothing: no SCHED_FIFO, no locked memory.
};
constexpr auto words_of(RtMode /*any*/) noexcept {
  return words_in_order<RtMode>("auto", "strict", "off");
}

/// [[host]] restart: after which ends a Python host is started again.
enum class RestartPolicy : std::uint8_t { kAlways, kOnFailure, kNever };
constexpr auto words_of(RestartPolicy /*any*/) noexcept {
  return words_in_order<RestartPolicy>("always", "on-failure", "never");
}

/// A C++ node of horusd: one [[node]].
struct NodeEntry {
  NodeConfig config{};
  bool compute = false;     ///< A node with a rate whose ticks may take long (NodeClass::kCompute).
  std::string plugin;       ///< As written.
  std::string plugin_path;  ///< The file that was found; set by check_config().
  std::string type;         ///< The class's name, as HORUS_NODE() in the plug-in has it.
  std::string on;           ///< The topic that wakes an event node; empty: the node has a rate.
  std::vector<std::pair<std::string, Params::Value>> params;
  Place place;      ///< Of its [[node]].
  Written written;  ///< Its keys, for a reload.
};

/// A Python process of horus-pyhost: one [[host]].
struct HostEntry {
  std::string name;
  std::string module;  ///< As written; a file's absolute path after check_config().
  std::vector<std::string> python_path;                  ///< Absolute after check_config().
  std::vector<std::pair<std::string, std::string>> env;  ///< Added to the host's environment.
  RestartPolicy restart = RestartPolicy::kAlways;
  Nanos restart_wait = 30s;  ///< The longest wait before it is started again; 0: none.
  /// Silence limit of nodes that set none themselves. Nothing: the nodes' defaults.
  std::optional<Nanos> watchdog;
  std::optional<Nanos> hang_timeout;   ///< See WatchdogOptions.
  std::optional<Nanos> start_timeout;  ///< From its start to "ready"; nothing: no limit.
  std::optional<LogLevel> log_level;   ///< Of all its nodes; nothing: their own.
  std::string gc;                      ///< "slack", "off" or "python"; empty: the default.
  bool rt = false;                     ///< Asks for real-time rights; `horus launch` only.
  bool critical = false;               ///< Its death is an emergency stop.
  bool script = false;                 ///< The module is run as a program.
  double blackbox_mb = 0;              ///< Size of its black box in MiB; 0: the default.
  std::optional<CpuSet> cpus;          ///< Where it runs; `horus launch` only.
  Place place;                         ///< Of its [[host]].
  Written written;                     ///< Its keys, for a reload.
  // The two below are not keys of a configuration: horus-pyhost sets them.
  std::string python;          ///< The interpreter of a program's host; empty: the system's.
  bool shares_stdout = false;  ///< It prints to the program's standard output, not into a log.
};

/// A topic whose type is what the configuration says: one [[topic]].
struct TopicEntry {
  std::string name;
  std::string type;  ///< A message's name, or "generic". See declared_type().
  Place place;       ///< Of its [[topic]].
  Written written;   ///< Its keys, for a reload.
};

/// The limits above which a node, or a host, counts as "degraded": one [[limit]].
struct LimitEntry {
  wire::LimitRule rule;
  Place place;      ///< Of its [[limit]].
  Written written;  ///< Its keys, for a reload.
};

/// A whole configuration: the sections of all its files, merged. A plain value.
struct Config {
  struct Robot {
    std::string name = "horusd";
    Nanos stop_timeout = std::chrono::seconds{5};  ///< A stop's wait for callbacks; 0: no limit.
    double blackbox_mb = 0;  ///< MiB of horusd's own black box; 0: the default.
  } robot;
  /// Which CPUs run what. check_config() fills in those that were left out.
  struct Cpus {
    std::optional<CpuSet> realtime;      ///< Executors of C++ nodes.
    std::optional<CpuSet> housekeeping;  ///< All other threads of horusd.
    std::optional<CpuSet> python;        ///< Python hosts.
  } cpus;
  struct Realtime {
    RtMode mode = RtMode::kAuto;
    int priority = 80;            ///< SCHED_FIFO priority of the fastest rate group.
    std::optional<Nanos> spin;    ///< Nothing: the scheduler decides thread by thread.
    Nanos watchdog{};             ///< Silence limit of nodes without one; 0: see silence_limit().
    int max_deadline_misses = 0;  ///< See SchedulerOptions.
  } realtime;
  struct Safety {
    std::string stop_device;  ///< Path of the input device; empty: there is none. See StopKey.
    int stop_key = 0;         ///< The key's number; 0: any key of the device.
  } safety;
  /// What the recorder service records, and where. Means nothing while `wanted` is false.
  struct Record {
    bool wanted = false;                      ///< There is a section [record].
    std::vector<std::string> topics{"*"};     ///< Patterns as the shell's.
    std::vector<std::string> exclude{};       ///< Patterns; wins over `topics`.
    std::string path = "/var/lib/horus/rec";  ///< A folder.
    std::optional<Split> split{};             ///< When a new file begins; nothing: never.
    int keep = 0;                             ///< Newest files that are kept; 0: all.
    std::optional<Nanos> last{};              ///< Length of the ring in memory; nothing: no ring.
    std::uint64_t min_free = std::uint64_t{2} << 30;  ///< Bytes; below, the disk counts as full.
  } record;
  std::vector<NodeEntry> nodes;
  std::vector<HostEntry> hosts;
  std::vector<TopicEntry> topics;
  std::vector<LimitEntry> limits;

  std::vector<std::string> files;  ///< In the order they were read.
  std::string warning;  ///< From load_checked(): who else could change the files; empty: nobody.
  Written written;      ///< "section.key" of [robot], [cpus], [realtime], [safety] and [record].
  std::map<std::string, Place> places;  ///< Place of each such "section.key" and "section".
};

/// Why a configuration cannot be used.
struct ConfigError {
  /// One line for the person who wrote the file: "FILE:LINE: what is wrong, what was expected".
  std::string text;
  /// errno if the system was short of something (memory, descriptors), which may pass; 0: the file
  /// is at fault.
  int shortage = 0;
};
using ConfigResult = std::variant<Config, ConfigError>;

/// One file's name and contents.
struct ConfigText {
  std::string path;
  std::string text;
};

/// Parses and merges `files` in order. In [robot], [cpus], [realtime], [safety] and [record] a
/// later file's key replaces an earlier one's; [[node]], [[host]], [[topic]] and [[limit]] add up.
/// The first error ends it: TOML that does not parse, an unknown section or key, a value of the
/// wrong form, or more than config_limit allows. Pure: touches no file.
ConfigResult parse_config(std::span<const ConfigText> files);

/// Reads and parses the file `path`; for a directory its `horus.toml` and then `conf.d/*.toml` in
/// name order. Fails for a file that is missing, unreadable or not a regular file. Checks nothing
/// beyond parse_config(): see load_checked().
ConfigResult load_config(const std::string& path);

/// Which program loads the configuration. Each checks all rules, but looks only for the files that
/// it will itself load: plug-ins for kNodes (horusd), modules for kHosts (horus-pyhost), none for
/// kRecorder. kAll, both, is `horus launch`, whose hosts have the user's own rights.
enum class ConfigScope : std::uint8_t { kNodes, kHosts, kRecorder, kAll };

/// The CPUs that a configuration is checked against.
struct MachineCpus {
  CpuSet online;
  CpuSet allowed;   ///< Where this process runs when nobody pins it.
  CpuSet isolated;  ///< Kept free by the kernel (isolcpus=): only pinned threads run there.
};
/// The machine that this process runs on.
MachineCpus this_machine();

/// The type that a [[topic]] names; null when unknown.
const shm::TypeInfo* declared_type(const TopicEntry& topic) noexcept;

/// Checks every rule beyond the form of a single value: names, limits, duplicates, files that must
/// exist, CPUs. Returns the first violation; nothing: the configuration is valid. Fills in `config`
/// what was left out or is derived: CPU sets, node classes, absolute paths.
std::optional<ConfigError> check_config(Config& config, ConfigScope scope,
                                        const MachineCpus& machine);

/// Environment variable that `horus launch` sets for the services that it starts.
inline constexpr const char* kLaunchedVariable = "HORUS_LAUNCHED";
/// Whether `horus launch` started this process. Reads the environment: call it in the main thread,
/// before other threads run.
bool is_launched() noexcept;

/// The names of all hosts of a configuration: first the robot's own (horusd), then the Python ones.
std::vector<std::string> configured_hosts(const Config& config);

/// Whether the configuration asks for real time explicitly, so that a right that the machine does
/// not grant deserves a warning: mode "strict", or mode "auto" with [cpus] realtime or with a
/// node's `priority` or `cpu`.
bool asks_realtime(const Config& config) noexcept;

/// load_config(), check_config() on this machine, and two checks of safety. A service (but not one
/// under `horus launch`) also refuses what its unit of systemd does not allow. Files that other
/// users than root and the service's could change are an error under systemd; elsewhere they set
/// the configuration's `warning`.
ConfigResult load_checked(const std::string& path, ConfigScope scope);

/// The error if [record] path lies where horus-recorder.service cannot make files (PrivateTmp=,
/// ProtectHome=); nothing otherwise, and always nothing under `horus launch`.
std::optional<ConfigError> find_hidden_recordings(const Config& config);

/// What a reload would change. Changed budgets stand apart, because they can be applied to a
/// running node.
struct ConfigChanges {
  std::vector<std::pair<std::string, Nanos>> budgets;  ///< Node and new budget.
  bool limits = false;              ///< Some [[limit]] changed; a reload applies them at once.
  std::vector<std::string> others;  ///< In words, e.g. "node 'motor': rate"; need a restart.
};
/// Compares two configurations by their texts. Pure.
ConfigChanges compare(const Config& running, const Config& wanted);

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <horus/topic.hpp>

#include "rt/base/plain_name.hpp"
#include "rt/node_config.hpp"
#include "service/config.hpp"
#include "service/describe.hpp"
#include "shm/names.hpp"

namespace horus::service {
namespace {

namespace fs = std::filesystem;
using Finding = std::optional<ConfigError>;

ConfigError error_at(const Place& place, const std::string& what) {
  return {place.text() + ": " + what};
}

Finding check_name(std::string_view name, const std::string& what, const Place& place) {
  if (is_plain_name(name)) return std::nullopt;
  return error_at(
      place, "bad " + what + " name '" + std::string{name} + "' (expected " + kPlainNameRule + ")");
}

/// Where "section.key" stands; without line and file where it was not written.
const Place& place_of(const Config& config, const std::string& key) {
  static const Place kUnwritten{.file = "configuration"};
  const auto found = config.places.find(key);
  return found == config.places.end() ? kUnwritten : found->second;
}

Finding check_cpu_set(const Config& config, const std::string& key,
                      const std::optional<CpuSet>& set, const MachineCpus& machine) {
  if (!set || set->without(machine.online).empty()) return std::nullopt;
  return error_at(place_of(config, key), "'" + key + "' names CPU " +
                                             set->without(machine.online).text() +
                                             ", but this machine has " + machine.online.text());
}

/// Fills in the CPU sets as well. Default for real time: the CPUs that the kernel isolates, else
/// the last allowed one. Default for housekeeping: all other allowed CPUs, for Python the same.
Finding check_cpus(Config& config, const MachineCpus& machine) {
  auto& cpus = config.cpus;
  const std::pair<const char*, const std::optional<CpuSet>*> sets[] = {
      {"cpus.realtime", &cpus.realtime},
      {"cpus.housekeeping", &cpus.housekeeping},
      {"cpus.python", &cpus.python}};
  for (const auto& [key, set] : sets) {
    if (auto finding = check_cpu_set(config, key, *set, machine)) return finding;
  }
  if (!cpus.realtime) {
    const CpuSet isolated = machine.isolated.intersect(machine.online);
    cpus.realtime = isolated.empty() ? CpuSet::of(machine.allowed.last()) : isolated;
  }
  // On a machine with one CPU nothing is left over: then it is shared.
  const auto others = [&](const CpuSet& from) {
    const CpuSet rest = from.without(*cpus.realtime);
    return rest.empty() ? from : rest;
  };
  if (!cpus.housekeeping) cpus.housekeeping = others(machine.allowed);
  if (!cpus.python) cpus.python = cpus.housekeeping;
  return std::nullopt;
}

/// The folders that are searched for a plug-in without an absolute path, in order: beside the
/// configuration, HORUS_PLUGIN_PATH, beside this program's installation, the system's folder.
std::vector<std::string> plugin_folders(const std::string& config_file) {
  std::vector<std::string> folders{fs::absolute(config_file).parent_path().string()};
  // getenv() is safe here: no thread runs yet that could change the environment.
  const char* path = std::getenv("HORUS_PLUGIN_PATH");  // NOLINT(concurrency-mt-unsafe)
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto folder = rest.substr(0, rest.find(':'));
    if (!folder.empty()) folders.emplace_back(folder);
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
  }
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  // For an installation with another prefix. It does not exist for a program in /usr/libexec.
  const fs::path beside = program.parent_path().parent_path() / "lib/horus/plugins";
  if (fs::is_directory(beside, ignored)) folders.push_back(beside.string());
  folders.emplace_back(HORUS_PLUGIN_DIR);
  return folders;
}

/// Finds the plug-in's file and stores its path in `node`.
Finding find_plugin(NodeEntry& node) {
  std::error_code ignored;
  const fs::path written{node.plugin};
  if (written.is_absolute()) {
    node.plugin_path = node.plugin;
    if (fs::is_regular_file(written, ignored)) return std::nullopt;
    return error_at(node.place, "plug-in " + node.plugin + " does not exist, or is no file");
  }
  std::string looked;
  for (const std::string& folder : plugin_folders(node.place.file)) {
    const fs::path candidate = fs::path{folder} / written;
    if (fs::is_regular_file(candidate, ignored)) {
      node.plugin_path = candidate.lexically_normal().string();
      return std::nullopt;
    }
    looked += (looked.empty() ? "" : ", ") + folder;
  }
  return error_at(node.place, "plug-in '" + node.plugin + "' was not found in " + looked);
}

/// Sets the node's class as well: event with `on`, compute with `compute`.
Finding check_node(NodeEntry& node, const Config& config) {
  const std::string title = "node '" + std::string{node.config.name.view()} + "'";
  if (auto finding = check_name(node.config.name.view(), "node", node.place)) return finding;
  if (!node.on.empty() && (node.config.rate || node.compute)) {
    return error_at(node.place, title + " has 'on' and also " +
                                    (node.config.rate ? "'rate'" : "'compute'") + ": choose one");
  }
  if (node.on.empty() && !node.config.rate) {
    return error_at(node.place, title + " needs 'rate', or 'on' for an event node");
  }
  if (!node.on.empty()) {
    node.config.node_class = NodeClass::kEvent;
  } else if (node.compute) {
    node.config.node_class = NodeClass::kCompute;
  }
  if (node.config.cpu && !config.cpus.realtime->contains(*node.config.cpu)) {
    return error_at(node.place, title + ": CPU " + std::to_string(*node.config.cpu) +
                                    " is not one of [cpus] realtime (" +
                                    config.cpus.realtime->text() + ")");
  }
  const Status valid = validate(node.config);
  if (!valid) return error_at(node.place, title + ": " + describe(valid.error()));
  return std::nullopt;
}

/// Makes the host's paths absolute; they are relative to the configuration's folder. A module that
/// ends in ".py" or has a slash is a file and must exist; any other is a Python module's name.
Finding find_module(HostEntry& host) {
  const fs::path folder = fs::absolute(host.place.file).parent_path();
  for (std::string& path : host.python_path) {
    path = (folder / path).lexically_normal().string();
  }
  const bool is_file = host.module.ends_with(".py") || host.module.find('/') != std::string::npos;
  if (!is_file) return std::nullopt;
  host.module = (folder / host.module).lexically_normal().string();
  std::error_code ignored;
  if (fs::is_regular_file(host.module, ignored)) return std::nullopt;
  return error_at(host.place,
                  "module " + host.module + " of host '" + host.name + "' does not exist");
}

template <typename Entry, typename NameOf>
Finding check_duplicates(const std::vector<Entry>& entries, const char* what, NameOf name_of) {
  std::map<std::string, const Place*> seen;
  for (const Entry& entry : entries) {
    const auto [earlier, is_new] = seen.emplace(name_of(entry), &entry.place);
    if (is_new) continue;
    return error_at(entry.place, "another " + std::string{what} + " is called '" + earlier->first +
                                     "' already, at " + earlier->second->text());
  }
  return std::nullopt;
}

Finding check_hosts(Config& config, ConfigScope scope, const MachineCpus& machine) {
  for (HostEntry& host : config.hosts) {
    if (auto finding = check_name(host.name, "host", host.place)) return finding;
    if (host.cpus && !host.cpus->without(machine.online).empty()) {
      return error_at(host.place, "'cpus' of host '" + host.name + "' names CPU " +
                                      host.cpus->without(machine.online).text() +
                                      ", but this machine has " + machine.online.text());
    }
    if (host.name == config.robot.name) {
      return error_at(host.place, "host '" + host.name +
                                      "' has the name of the robot: [robot] "
                                      "name and every host's must differ");
    }
  }
  if (auto finding =
          check_duplicates(config.hosts, "host", [](const HostEntry& host) { return host.name; })) {
    return finding;
  }
  if (scope != ConfigScope::kHosts && scope != ConfigScope::kAll) return std::nullopt;
  for (HostEntry& host : config.hosts) {
    if (auto finding = find_module(host)) return finding;
  }
  return std::nullopt;
}

Finding check_topics(const Config& config) {
  for (const TopicEntry& topic : config.topics) {
    if (!shm::check_topic_name(topic.name)) {
      return error_at(topic.place,
                      "topic name '" + topic.name + "' is not 1 to 200 of A-Z a-z 0-9 _ . / -");
    }
    if (declared_type(topic) != nullptr) continue;
    return error_at(topic.place, "type '" + topic.type + "' of topic '" + topic.name +
                                     "' is unknown: the name of a message of HORUS (horusctl topic "
                                     "list shows those in use), or \"generic\"");
  }
  return check_duplicates(config.topics, "topic",
                          [](const TopicEntry& topic) { return topic.name; });
}

Finding check_limits(const Config& config) {
  std::map<std::pair<std::string, std::string>, const Place*> seen;
  for (const LimitEntry& entry : config.limits) {
    const auto& [host, node, limits] = entry.rule;
    if (host.empty() && node.empty()) {
      return error_at(entry.place, "[[limit]] needs 'node', 'host' or both: whose limits they are");
    }
    const bool known =
        host.empty() || host == config.robot.name ||
        std::ranges::find(config.hosts, host, &HostEntry::name) != config.hosts.end();
    if (!known) {
      return error_at(entry.place, "no [[host]] is called '" + host + "', nor is the robot ('" +
                                       config.robot.name + "')");
    }
    const auto [earlier, is_new] = seen.emplace(std::pair{host, node}, &entry.place);
    if (is_new) continue;
    return error_at(entry.place, "limits of the same node and host stand at " +
                                     earlier->second->text() + " already");
  }
  return std::nullopt;
}

Finding check_record(const Config& config) {
  const Config::Record& record = config.record;
  if (record.keep != 0 && !record.split && !record.last) {
    return error_at(
        place_of(config, "record.keep"),
        "'keep' in [record] is of files that 'split' or 'last' makes: give one of them");
  }
  if (record.split && record.last) {
    return error_at(place_of(config, "record.split"),
                    "'split' in [record] is of files that grow, and 'last' makes whole ones: "
                    "choose one");
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> configured_hosts(const Config& config) {
  std::vector<std::string> names{config.robot.name};
  for (const HostEntry& host : config.hosts) names.push_back(host.name);
  return names;
}

bool asks_realtime(const Config& config) noexcept {
  if (config.realtime.mode != RtMode::kAuto) return config.realtime.mode == RtMode::kStrict;
  return config.written.contains("cpus.realtime") ||
         std::ranges::any_of(config.nodes, [](const NodeEntry& node) {
           return node.config.priority.has_value() || node.config.cpu.has_value();
         });
}

const shm::TypeInfo* declared_type(const TopicEntry& topic) noexcept {
  return topic.type == shm::generic_type().name ? &shm::generic_type() : shm::find_type(topic.type);
}

Finding check_config(Config& config, ConfigScope scope, const MachineCpus& machine) {
  if (auto finding = check_name(config.robot.name, "robot", place_of(config, "robot.name"))) {
    return finding;
  }
  if (auto finding = check_cpus(config, machine)) return finding;
  for (NodeEntry& node : config.nodes) {
    if (auto finding = check_node(node, config)) return finding;
  }
  if (auto finding = check_duplicates(config.nodes, "node", [](const NodeEntry& node) {
        return std::string{node.config.name.view()};
      })) {
    return finding;
  }
  if (auto finding = check_hosts(config, scope, machine)) return finding;
  if (auto finding = check_topics(config)) return finding;
  if (auto finding = check_limits(config)) return finding;
  if (auto finding = check_record(config)) return finding;
  if (scope != ConfigScope::kNodes && scope != ConfigScope::kAll) return std::nullopt;
  for (NodeEntry& node : config.nodes) {
    if (auto finding = find_plugin(node)) return finding;
  }
  return std::nullopt;
}

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "rt/base/unique_fd.hpp"
#include "service/config.hpp"
#include "service/config_limit.hpp"
#include "service/describe.hpp"
#include "service/foreign_hand.hpp"
#include "service/notify.hpp"

namespace horus::service {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPartsFolder = "conf.d";
using FileNames = std::variant<std::vector<std::string>, ConfigError>;

ConfigError unreadable(const std::string& path, int number) {
  return {.text = path + ":1: cannot read: " + errno_text(number),
          .shortage = errc_of(number) == Errc::kExhausted ? number : 0};
}

/// Reads a file whole. It stops once it has more bytes than parse_config() accepts.
std::variant<ConfigText, ConfigError> read_file(const std::string& path) {
  const auto failed = [&path](int number) { return unreadable(path, number); };
  // O_NONBLOCK: opening a pipe that somebody put there must not block. O_NOCTTY: a terminal must
  // not become ours. Only regular files are read, see below.
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!fd) return failed(errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failed(errno);
  if (!S_ISREG(status.st_mode)) {
    return ConfigError{path + ":1: is a folder, pipe, socket or device, and not a file"};
  }
  ConfigText file{.path = path, .text = {}};
  std::array<char, 4096> chunk{};
  while (file.text.size() <= config_limit::kBytes) {
    const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
    if (count < 0) return failed(errno);
    if (count == 0) break;
    file.text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return file;
}

/// The files of a configuration in the order in which they are merged.
FileNames files_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector{path};
  std::vector<std::string> parts;
  const fs::path folder = fs::path{path} / kPartsFolder;
  fs::directory_iterator entry{folder, error};
  for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
    if (entry->path().extension() != ".toml") continue;
    if (parts.size() == config_limit::kFiles) {
      return ConfigError{folder.string() + ":1: more than " + std::to_string(config_limit::kFiles) +
                         " files: merge them"};
    }
    parts.push_back(entry->path().string());
  }
  // No conf.d is fine. One that cannot be read is an error: its parts may matter.
  if (error && error != std::errc::no_such_file_or_directory) {
    return unreadable(folder.string(), error.value());
  }
  std::ranges::sort(parts);
  parts.insert(parts.begin(), (fs::path{path} / "horus.toml").string());
  return parts;
}

/// The folders that are searched for files or modules. A user who may add a file to one of them
/// decides what is loaded.
std::vector<std::string> searched_folders(const Config& config, const std::string& path,
                                          ConfigScope scope) {
  std::vector<std::string> folders;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const fs::path parts = fs::path{path} / kPartsFolder;
    folders.push_back(fs::is_directory(parts, error) ? parts.string() : path);
  }
  if (scope != ConfigScope::kHosts && scope != ConfigScope::kAll) return folders;
  for (const HostEntry& host : config.hosts) {
    folders.insert(folders.end(), host.python_path.begin(), host.python_path.end());
    if (host.module.find('/') != std::string::npos) {
      folders.push_back(fs::path{host.module}.parent_path().string());
    }
  }
  return folders;
}

/// Looks at each file and folder from which `config` takes settings or code. Returns a line about
/// the first that an untrusted user could change (see foreign_hand()): what it is, and the cure.
std::optional<std::string> find_foreign_hand(const Config& config, const std::string& path,
                                             ConfigScope scope) {
  std::vector<std::string> paths = config.files;
  if (scope == ConfigScope::kNodes || scope == ConfigScope::kAll) {
    for (const NodeEntry& node : config.nodes) paths.push_back(node.plugin_path);
  }
  if (scope == ConfigScope::kHosts || scope == ConfigScope::kAll) {
    for (const HostEntry& host : config.hosts) {
      if (host.module.find('/') != std::string::npos) paths.push_back(host.module);
    }
  }
  for (const std::string& one : paths) {
    if (auto hand = foreign_hand(one)) return hand;
  }
  for (const std::string& folder : searched_folders(config, path, scope)) {
    if (auto hand = foreign_maker(folder)) return hand;
  }
  return std::nullopt;
}

/// Adds one line with all keys that differ, such as "node 'motor': rate, budget"; none: no line.
void compare_written(const std::string& title, const Written& running, const Written& wanted,
                     std::vector<std::string>& differences) {
  std::string keys;
  const auto note = [&keys](const std::string& key) { keys += (keys.empty() ? "" : ", ") + key; };
  for (const auto& [key, value] : wanted) {
    const auto before = running.find(key);
    if (before == running.end() || before->second != value) note(key);
  }
  for (const auto& [key, value] : running) {
    if (!wanted.contains(key)) note(key);
  }
  if (!keys.empty()) differences.push_back(title + keys);
}

/// The entry whose key `name` has the TOML text `name`, quotes included.
template <typename Entry>
const Entry* find_written(const std::vector<Entry>& entries, const std::string& name) {
  const auto found = std::ranges::find_if(
      entries, [&name](const Entry& entry) { return entry.written.at("name") == name; });
  return found == entries.end() ? nullptr : &*found;
}

/// Adds a line for each entry that is new or gone, and calls `changed` for each that both
/// configurations have.
template <typename Entry, typename Changed>
void compare_lists(const std::string& what, const std::vector<Entry>& running,
                   const std::vector<Entry>& wanted, std::vector<std::string>& differences,
                   Changed changed) {
  for (const Entry& entry : wanted) {
    const std::string& name = entry.written.at("name");
    const Entry* before = find_written(running, name);
    if (before == nullptr) {
      differences.push_back(what + " " + name + " is new");
    } else {
      changed(*before, entry, what + " " + name + ": ");
    }
  }
  for (const Entry& entry : running) {
    if (find_written(wanted, entry.written.at("name")) != nullptr) continue;
    differences.push_back(what + " " + entry.written.at("name") + " is gone");
  }
}

/// The longest `stop_timeout` of a service. Within TimeoutStopSec= of horus.service the Python
/// hosts must stop as well, and shared memory must be swept.
constexpr Nanos kLongestStop = 8s;

/// Why the settings of horus-recorder.service keep it from making files in this folder; empty:
/// they do not.
std::string why_hidden(const fs::path& folder) {
  std::error_code ignored;
  // Both are looked at: the path as written, and where it leads if there are links in it.
  const fs::path real = fs::weakly_canonical(folder, ignored);
  for (const fs::path& path : {folder.lexically_normal(), real}) {
    const std::string text = path.string() + "/";
    const auto below = [&text](const char* one) { return text.starts_with(one); };
    if (below("/tmp/") || below("/var/tmp/")) {
      return "has a /tmp and /var/tmp of its own, which go with it (PrivateTmp=yes)";
    }
    if (below("/home/") || below("/root/") || below("/run/user/")) {
      return "sees nobody's home (ProtectHome=yes)";
    }
  }
  return {};
}

/// Refuses settings that only `horus launch` can carry out, which has the user's own rights.
std::optional<ConfigError> check_service(const Config& config) {
  const Nanos stop = config.robot.stop_timeout;
  if (stop <= Nanos{} || stop > kLongestStop) {
    return ConfigError{
        config.places.at("robot.stop_timeout").text() +
        ": 'stop_timeout' must be more than \"0\" and at most \"8 s\" in a service: "
        "systemd ends a stop that takes longer (TimeoutStopSec= of the units), without "
        "a word of the node; another is for horus launch"};
  }
  for (const HostEntry& host : config.hosts) {
    const auto refuse = [&host](const char* key, const char* why) {
      return ConfigError{host.place.text() + ": host '" + host.name + "' has '" + key +
                         "', which is for horus launch: " + why};
    };
    if (host.rt) {
      return refuse("rt", "horus-pyhost.service gives no real-time rights (LimitRTPRIO=0)");
    }
    if (host.cpus) {
      return refuse("cpus", "in horus-pyhost.service [cpus] python is for all hosts together");
    }
  }
  return std::nullopt;
}

}  // namespace

MachineCpus this_machine() {
  return {.online = CpuSet::online(), .allowed = CpuSet::allowed(), .isolated = CpuSet::isolated()};
}

ConfigResult load_config(const std::string& path) {
  const FileNames names = files_of(path);
  if (const auto* error = std::get_if<ConfigError>(&names)) return *error;
  std::vector<ConfigText> texts;
  std::size_t bytes = 0;
  for (const std::string& name : std::get<std::vector<std::string>>(names)) {
    auto file = read_file(name);
    if (const auto* error = std::get_if<ConfigError>(&file)) return *error;
    texts.push_back(std::get<ConfigText>(std::move(file)));
    // More than the limit: parse_config() refuses it, so the other files need not be read.
    bytes += texts.back().text.size();
    if (bytes > config_limit::kBytes) break;
  }
  return parse_config(texts);
}

namespace {

ConfigResult load_and_check(const std::string& path, ConfigScope scope) {
  ConfigResult loaded = load_config(path);
  auto* config = std::get_if<Config>(&loaded);
  if (config == nullptr) return loaded;
  if (auto error = check_config(*config, scope, this_machine())) return *std::move(error);
  if (auto hand = find_foreign_hand(*config, path, scope)) {
    if (notify::supervised()) return ConfigError{*std::move(hand)};
    config->warning = *std::move(hand) + "; the service would refuse it";
  }
  if (scope == ConfigScope::kAll || is_launched()) return loaded;
  if (auto error = check_service(*config)) return *std::move(error);
  return loaded;
}

}  // namespace

std::optional<ConfigError> find_hidden_recordings(const Config& config) {
  const std::string why = is_launched() ? std::string{} : why_hidden(config.record.path);
  if (why.empty()) return std::nullopt;
  // The key may be missing: the default path may be a link to such a place.
  const auto place = config.places.find("record.path");
  return ConfigError{(place == config.places.end() ? "" : place->second.text() + ": ") +
                     "'path' in [record] is '" + config.record.path +
                     "', and horus-recorder.service " + why +
                     ": name a folder elsewhere, of the user horus-rec"};
}

bool is_launched() noexcept {
  return std::getenv(kLaunchedVariable) != nullptr;  // NOLINT(concurrency-mt-unsafe): one thread.
}

ConfigResult load_checked(const std::string& path, ConfigScope scope) {
  ConfigResult loaded = load_and_check(path, scope);
  auto* error = std::get_if<ConfigError>(&loaded);
  // Many of the checks give no errno. If not even /dev/null can be opened, the system is short of
  // descriptors or memory, and the configuration may be right.
  if (error != nullptr && !UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}) {
    if (errc_of(errno) == Errc::kExhausted) error->shortage = errno;
  }
  return loaded;
}

ConfigChanges compare(const Config& running, const Config& wanted) {
  ConfigChanges changes;
  compare_written("", running.written, wanted.written, changes.others);
  compare_lists(
      "node", running.nodes, wanted.nodes, changes.others,
      [&changes](const NodeEntry& before, const NodeEntry& after, const std::string& title) {
        Written old_keys = before.written;
        Written new_keys = after.written;
        // Only a budget that both have, beside a deadline of its own, can change while the node
        // runs: without a key `deadline` the deadline follows from the budget.
        if (old_keys.contains("budget") && new_keys.contains("budget") &&
            new_keys.contains("deadline") && old_keys.at("budget") != new_keys.at("budget")) {
          changes.budgets.emplace_back(after.config.name.view(), *after.config.budget);
          old_keys.erase("budget");
          new_keys.erase("budget");
        }
        compare_written(title, old_keys, new_keys, changes.others);
      });
  compare_lists(
      "host", running.hosts, wanted.hosts, changes.others,
      [&changes](const HostEntry& before, const HostEntry& after, const std::string& title) {
        compare_written(title, before.written, after.written, changes.others);
      });
  compare_lists(
      "topic", running.topics, wanted.topics, changes.others,
      [&changes](const TopicEntry& before, const TopicEntry& after, const std::string& title) {
        compare_written(title, before.written, after.written, changes.others);
      });
  changes.limits = !std::ranges::equal(running.limits, wanted.limits, {}, &LimitEntry::written,
                                       &LimitEntry::written);
  return changes;
}

}  // namespace horus::service

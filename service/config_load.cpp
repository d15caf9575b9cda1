// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "rt/base/unique_fd.hpp"
#include "service/config.hpp"
#include "service/describe.hpp"

namespace horus::service {
namespace {

namespace fs = std::filesystem;

/// The whole of a file, up to what parse_config() refuses as too large.
std::variant<ConfigText, ConfigError> read_file(const std::string& path) {
  static constexpr std::size_t kMost = (1U << 20U) + 1;
  const auto failed = [&path](int number) {
    return ConfigError{path + ":1: cannot read: " + errno_text(number)};
  };
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return failed(errno);
  ConfigText file{.path = path, .text = {}};
  std::array<char, 4096> chunk{};
  while (file.text.size() < kMost) {
    const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
    if (count < 0) return failed(errno);
    if (count == 0) break;
    file.text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return file;
}

std::vector<std::string> files_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> parts;
  for (const auto& entry : fs::directory_iterator{fs::path{path} / "conf.d", error}) {
    if (entry.path().extension() == ".toml") parts.push_back(entry.path().string());
  }
  std::ranges::sort(parts);
  parts.insert(parts.begin(), (fs::path{path} / "horus.toml").string());
  return parts;
}

/// Words for each key that differs, "node 'motor': rate".
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

template <typename Entry>
const Entry* find_written(const std::vector<Entry>& entries, const std::string& name) {
  const auto found = std::ranges::find_if(
      entries, [&name](const Entry& entry) { return entry.written.at("name") == name; });
  return found == entries.end() ? nullptr : &*found;
}

/// New, gone and changed entries of one kind; `changed` sees the latter.
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

}  // namespace

MachineCpus this_machine() {
  return {.online = CpuSet::online(), .allowed = CpuSet::allowed(), .isolated = CpuSet::isolated()};
}

ConfigResult load_config(const std::string& path) {
  std::vector<ConfigText> texts;
  for (const std::string& name : files_of(path)) {
    auto file = read_file(name);
    if (const auto* error = std::get_if<ConfigError>(&file)) return *error;
    texts.push_back(std::get<ConfigText>(std::move(file)));
  }
  return parse_config(texts);
}

ConfigResult load_checked(const std::string& path, ConfigScope scope) {
  ConfigResult loaded = load_config(path);
  auto* config = std::get_if<Config>(&loaded);
  if (config == nullptr) return loaded;
  if (auto error = check_config(*config, scope, this_machine())) return *std::move(error);
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
        // A budget that appears or goes away changes the default deadline as well.
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
  return changes;
}

}  // namespace horus::service

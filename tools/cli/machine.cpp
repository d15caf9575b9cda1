// SPDX-License-Identifier: Apache-2.0
#include "tools/cli/machine.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

namespace horus::cli {

std::optional<std::string> Machine::read(const std::string& path) const {
  std::ifstream file{root + path};
  if (!file) return std::nullopt;
  // Read by the streams' operators, which report a failed read. Stream buffers used directly would
  // throw, for example when a process has ended since its file in /proc was opened.
  file.peek();
  if (file.eof()) return std::string{};
  std::ostringstream copy;
  if (!file || !(copy << file.rdbuf())) return std::nullopt;
  std::string text = copy.str();
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

bool Machine::exists(const std::string& path) const {
  struct stat status {};
  return ::stat((root + path).c_str(), &status) == 0;
}

std::vector<std::string> Machine::list(const std::string& path) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir((root + path).c_str()), ::closedir};
  std::vector<std::string> names;
  if (!directory) return names;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::ranges::sort(names);
  return names;
}

CpuSet Machine::cpus(const std::string& path) const {
  const auto set = CpuSet::parse(read(path).value_or(""));
  return set ? set.value() : CpuSet{};
}

CpuSet Machine::isolated() const {
  return cpus("/sys/devices/system/cpu/isolated");
}

CpuSet Machine::realtime() const {
  const CpuSet isolated_cpus = isolated();
  if (!isolated_cpus.empty()) return isolated_cpus;
  const CpuSet online = cpus("/sys/devices/system/cpu/online");
  return online.count() >= 2 ? CpuSet::of(online.last()) : CpuSet{};
}

std::optional<std::string> Machine::boot_parameter(std::string_view name) const {
  std::istringstream words{read("/proc/cmdline").value_or("")};
  const std::string prefix = std::string{name} + "=";
  for (std::string word; words >> word;) {
    if (word.starts_with(prefix)) return word.substr(prefix.size());
  }
  return std::nullopt;
}

std::string Machine::service_unit() const {
  static constexpr std::array kDirectories{"/etc/systemd/system", "/run/systemd/system",
                                           "/usr/local/lib/systemd/system",
                                           "/usr/lib/systemd/system", "/lib/systemd/system"};
  std::string text;
  for (const std::string directory : kDirectories) {
    if (text.empty()) text = read(directory + "/horus.service").value_or("");
  }
  if (text.empty()) return text;
  // A drop-in hides those of the same name in later directories. The others are applied in the
  // order of their names, whatever their directory. Source: systemd.unit(5).
  std::map<std::string, std::string> drop_ins;
  for (const std::string directory : kDirectories) {
    const std::string folder = directory + "/horus.service.d/";
    for (const std::string& name : list(folder)) drop_ins.emplace(name, folder + name);
  }
  for (const auto& [name, path] : drop_ins) text += "\n" + read(path).value_or("");
  return text;
}

}  // namespace horus::cli

// SPDX-License-Identifier: Apache-2.0
#include "service/machine.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>

#include "rt/base/unique_fd.hpp"
#include "service/describe.hpp"
#include "service/wire/varlink.hpp"

namespace horus::service {
namespace {

namespace fs = std::filesystem;
using wire::Json;

constexpr int kBitsOfGroup = 32;

/// The value without its line end; nothing: it cannot be read.
std::optional<std::string> read_value(const std::string& path) {
  std::ifstream file{path};
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  return text;
}

/// Returns 0, or errno.
int write_value(const std::string& path, const std::string& value) noexcept {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC)};
  if (!file) return errno;
  return ::write(file.get(), value.data(), value.size()) < 0 ? errno : 0;
}

/// A value without leading zeros and commas, for comparing: the kernel pads masks to the number of
/// CPUs that the machine may have.
std::string_view canonical(std::string_view value) noexcept {
  value.remove_prefix(std::min(value.find_first_not_of("0,"), value.size()));
  return value;
}

/// The files called `name` in the subfolders of `folder`, sorted.
std::vector<std::string> in_each(const fs::path& folder, const char* name) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder, error}) {
    if (fs::exists(entry.path() / name, error)) found.push_back(entry.path() / name);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

std::string hex_mask(const CpuSet& cpus) {
  std::string text;
  for (int group = cpus.last() / kBitsOfGroup; group >= 0; --group) {
    std::uint32_t bits = 0;
    for (int bit = 0; bit < kBitsOfGroup; ++bit) {
      if (cpus.contains(group * kBitsOfGroup + bit)) bits |= 1U << bit;
    }
    std::array<char, 16> digits{};
    std::snprintf(digits.data(), digits.size(), text.empty() ? "%x" : ",%08x", bits);
    text += digits.data();
  }
  return text;
}

std::vector<Setting> wanted_settings(const fs::path& root, const CpuSet& isolated,
                                     const CpuSet& online) {
  const CpuSet rest = online.without(isolated);
  const std::string mask = hex_mask(rest);
  std::vector<Setting> settings;
  const auto want = [&settings](const fs::path& path, const std::string& value) {
    std::error_code error;
    if (fs::exists(path, error)) settings.push_back({path, value});
  };
  // Only the other CPUs serve new interrupts, existing interrupts, and unbound kernel work.
  want(root / "proc/irq/default_smp_affinity", mask);
  for (const std::string& irq : in_each(root / "proc/irq", "smp_affinity_list")) {
    want(irq, rest.text());
  }
  const fs::path workqueues = root / "sys/devices/virtual/workqueue";
  want(workqueues / "cpumask", mask);
  for (const std::string& queue : in_each(workqueues, "cpumask")) want(queue, mask);
  for (int cpu = isolated.first(); cpu >= 0 && cpu <= isolated.last(); ++cpu) {
    if (!isolated.contains(cpu)) continue;
    want(root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) /
             "cpufreq/scaling_governor",
         "performance");
  }
  // Timers stay on the CPU that set them, and the kernel sums up its memory statistics, which costs
  // time on each CPU, every 10 s instead of every second.
  want(root / "proc/sys/kernel/timer_migration", "0");
  want(root / "proc/sys/vm/stat_interval", "10");
  return settings;
}

Tuned tune(const Setting& setting) {
  Tuned tuned{.path = setting.path, .before = {}, .after = {}, .refusal = {}};
  const auto before = read_value(setting.path);
  if (!before) {
    tuned.refusal = "cannot be read";
    return tuned;
  }
  tuned.before = tuned.after = *before;
  if (canonical(*before) == canonical(setting.wanted)) return tuned;
  if (const int error = write_value(setting.path, setting.wanted); error != 0) {
    tuned.refusal = errno_text(error);
    return tuned;
  }
  tuned.after = read_value(setting.path).value_or("");
  if (canonical(tuned.after) != canonical(setting.wanted)) {
    tuned.refusal = "reads back as '" + tuned.after + "'";
  }
  return tuned;
}

bool revert(const Tuned& tuned) {
  if (tuned.after == tuned.before) return true;
  if (read_value(tuned.path) != tuned.after) return false;
  return write_value(tuned.path, tuned.before) == 0;
}

Status save(const std::string& path, const std::vector<Tuned>& tuned) {
  Json list = Json::array();
  for (const Tuned& one : tuned) {
    list.push_back({{"path", one.path},
                    {"before", one.before},
                    {"after", one.after},
                    {"refusal", one.refusal}});
  }
  const std::string fresh = path + ".new";
  std::ofstream file{fresh, std::ios::trunc};
  file << wire::to_line(list) << '\n';
  file.close();
  if (!file || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return Error::from_errno("write the record", path);
  }
  return {};
}

Result<std::vector<Tuned>> load(const std::string& path) {
  std::vector<Tuned> tuned;
  std::ifstream file{path};
  if (!file) return tuned;
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const Json list = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const Error damaged{Errc::kCorrupt, "read the record", 0, Name<200>::clipped(path)};
  if (!list.is_array()) return damaged;
  for (const Json& one : list) {
    Tuned row;
    for (const auto& [key, member] : {std::pair{"path", &Tuned::path},
                                      {"before", &Tuned::before},
                                      {"after", &Tuned::after},
                                      {"refusal", &Tuned::refusal}}) {
      if (!one.is_object() || !one.contains(key) || !one[key].is_string()) return damaged;
      row.*member = one[key].get<std::string>();
    }
    tuned.push_back(std::move(row));
  }
  return tuned;
}

std::vector<Tuned> keep_first(const std::vector<Tuned>& recorded, std::vector<Tuned> fresh) {
  for (const Tuned& first : recorded) {
    const auto again = std::ranges::find(fresh, first.path, &Tuned::path);
    if (again != fresh.end()) again->before = first.before;
  }
  return fresh;
}

}  // namespace horus::service

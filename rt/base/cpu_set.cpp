// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <fstream>

#include <horus/realtime.hpp>

namespace horus {
namespace {

/// The list in a file of /sys; empty if it cannot be read or parsed.
CpuSet read_list(const char* path) noexcept {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  auto set = CpuSet::parse(line);
  return set ? set.value() : CpuSet{};
}

/// Parses a whole number at the front of `text` and removes it.
bool take_number(std::string_view& text, int& number) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number >= CpuSet::kMaxCpus) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

CpuSet CpuSet::of(int cpu) noexcept {
  CpuSet set;
  if (cpu >= 0 && cpu < kMaxCpus) CPU_SET(cpu, &set.set_);
  return set;
}

Result<CpuSet> CpuSet::parse(std::string_view text) {
  const Error error{Errc::kInvalidArgument, "parse CPU list (expected e.g. 2-3,5)", 0,
                    Name<200>::clipped(text)};
  CpuSet set;
  while (!text.empty()) {
    int first = 0;
    if (!take_number(text, first)) return error;
    int last = first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      if (!take_number(text, last) || last < first) return error;
    }
    for (int cpu = first; cpu <= last; ++cpu) CPU_SET(cpu, &set.set_);
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return error;
    text.remove_prefix(1);
  }
  return set;
}

CpuSet CpuSet::allowed() noexcept {
  CpuSet set;
  ::sched_getaffinity(0, sizeof set.set_, &set.set_);
  return set;
}

CpuSet CpuSet::online() noexcept {
  return read_list("/sys/devices/system/cpu/online");
}
CpuSet CpuSet::isolated() noexcept {
  return read_list("/sys/devices/system/cpu/isolated");
}

int CpuSet::first() const noexcept {
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (contains(cpu)) return cpu;
  }
  return -1;
}

int CpuSet::last() const noexcept {
  for (int cpu = kMaxCpus - 1; cpu >= 0; --cpu) {
    if (contains(cpu)) return cpu;
  }
  return -1;
}

CpuSet CpuSet::intersect(const CpuSet& other) const noexcept {
  CpuSet set;
  CPU_AND(&set.set_, &set_, &other.set_);
  return set;
}

CpuSet CpuSet::without(const CpuSet& other) const noexcept {
  CpuSet set;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (contains(cpu) && !other.contains(cpu)) CPU_SET(cpu, &set.set_);
  }
  return set;
}

std::string CpuSet::text() const {
  std::string list;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (!contains(cpu)) continue;
    const int first = cpu;
    while (contains(cpu + 1)) ++cpu;
    if (!list.empty()) list += ',';
    list += std::to_string(first);
    if (cpu > first) list += '-' + std::to_string(cpu);
  }
  return list;
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/thread_usage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>

#include "rt/base/unique_fd.hpp"

namespace horus {
namespace {

constexpr std::size_t kMaxFile = 4096;

std::string_view next_word(std::string_view& text) noexcept {
  const auto begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) {
    text = {};
    return {};
  }
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> number(std::string_view word) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || word.empty()) return std::nullopt;
  return value;
}

/// The number after "name:" in a status file; 0 where there is none.
std::uint64_t status_field(std::string_view status, std::string_view name) noexcept {
  const auto at = status.find(name);
  if (at == std::string_view::npos) return 0;
  status.remove_prefix(at + name.size());
  return number(next_word(status)).value_or(0);
}

std::string_view read_file(const char* path, std::array<char, kMaxFile>& buffer) noexcept {
  const UniqueFd file{::open(path, O_RDONLY | O_CLOEXEC)};
  if (!file) return {};
  const auto length = ::read(file.get(), buffer.data(), buffer.size());
  return {buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::string_view read_file(std::int32_t tid, const char* name,
                           std::array<char, kMaxFile>& buffer) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/%s", static_cast<int>(tid), name);
  return read_file(path.data(), buffer);
}

}  // namespace

std::optional<ThreadUsage> parse_thread_usage(std::string_view stat, std::string_view status,
                                              std::string_view schedstat) noexcept {
  // The thread's name stands in brackets, and may itself hold blanks and brackets. So fields are
  // counted from the last bracket on.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  stat.remove_prefix(name_end + 1);
  // Numbered as in proc(5): field 3 is the first after the name.
  std::array<std::uint64_t, 40> fields{};
  for (std::size_t field = 3; field < fields.size(); ++field) {
    const auto word = next_word(stat);
    if (word.empty()) return std::nullopt;
    fields[field] = number(word).value_or(0);
  }
  const auto tick_ns = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return ThreadUsage{
      .minor_faults = fields[10],
      .major_faults = fields[12],
      .voluntary_switches = status_field(status, "\nvoluntary_ctxt_switches:"),
      .involuntary_switches = status_field(status, "\nnonvoluntary_ctxt_switches:"),
      .cpu_time_ns = number(next_word(schedstat)).value_or((fields[14] + fields[15]) * tick_ns),
      .last_cpu = static_cast<std::int32_t>(fields[39])};
}

std::optional<ThreadUsage> read_thread_usage(std::int32_t tid) noexcept {
  std::array<char, kMaxFile> stat{};
  std::array<char, kMaxFile> status{};
  std::array<char, kMaxFile> schedstat{};
  return parse_thread_usage(read_file(tid, "stat", stat), read_file(tid, "status", status),
                            read_file(tid, "schedstat", schedstat));
}

CpuShare read_cpu_share(std::int32_t tid) noexcept {
  std::array<char, kMaxFile> buffer{};
  std::string_view schedstat = read_file(tid, "schedstat", buffer);
  const auto next = [&schedstat] {
    return Nanos{static_cast<std::int64_t>(number(next_word(schedstat)).value_or(0))};
  };
  const Nanos ran = next();
  return {.ran = ran, .waited = next()};
}

void store_thread_usage(const ThreadUsage& now, const ThreadUsage& base,
                        NodeStats& stats) noexcept {
  stats.minor_faults.set(now.minor_faults - base.minor_faults);
  stats.major_faults.set(now.major_faults - base.major_faults);
  stats.voluntary_switches.set(now.voluntary_switches - base.voluntary_switches);
  stats.involuntary_switches.set(now.involuntary_switches - base.involuntary_switches);
  stats.cpu_time_ns.set(now.cpu_time_ns - base.cpu_time_ns);
  stats.last_cpu.set(now.last_cpu);
}

bool is_process_traced(std::int32_t process) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/status", static_cast<int>(process));
  std::array<char, kMaxFile> buffer{};
  return status_field(read_file(path.data(), buffer), "TracerPid:") != 0;
}

std::int64_t read_resident_bytes() noexcept {
  std::array<char, 128> buffer{};
  const UniqueFd file{::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};
  if (!file) return 0;
  const auto length = ::read(file.get(), buffer.data(), buffer.size());
  std::string_view text{buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
  next_word(text);  // The first field is the size of the address space; the second is resident.
  const auto pages = number(next_word(text)).value_or(0);
  return static_cast<std::int64_t>(pages) * ::sysconf(_SC_PAGESIZE);
}

}  // namespace horus

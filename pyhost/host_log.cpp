// SPDX-License-Identifier: Apache-2.0
#include "pyhost/host_log.hpp"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace horus::py {
namespace {

/// systemd says which file descriptor is the journal; a redirected stderr is not.
/// Source: systemd.exec(5), $JOURNAL_STREAM.
bool stderr_is_journal() noexcept {
  const char* const stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  std::array<char, 64> own{};
  std::snprintf(own.data(), own.size(), "%llu:%llu", static_cast<unsigned long long>(status.st_dev),
                static_cast<unsigned long long>(status.st_ino));
  return std::string_view{stream} == own.data();
}

const char* word_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kError: return "error: ";
    case LogLevel::kWarning: return "warning: ";
    case LogLevel::kInfo: return "";
    case LogLevel::kDebug: return "debug: ";
  }
  return "";
}

/// "planner[12]: ", or nothing outside of a node.
std::string name_of(const LogRecord& record) {
  if (record.node.empty()) return {};
  return std::string{record.node.view()} + "[" + std::to_string(record.tick) + "]: ";
}

void write_line(const char* text, int length, std::size_t capacity) noexcept {
  const auto size = std::min(static_cast<std::size_t>(std::max(length, 0)), capacity - 1);
  // Nobody could be told that stderr is gone.
  static_cast<void>(!::write(STDERR_FILENO, text, size));
}

}  // namespace

HostLog::HostLog(Options options) noexcept
    : debug_{options.debug}, prefix_{options.prefix || stderr_is_journal()} {}

void HostLog::write(const LogRecord& record) noexcept {
  if (record.level == LogLevel::kDebug && !debug_) return;
  const std::string name = name_of(record);
  const auto text = record.text.view();
  std::array<char, 640> line{};
  int length = 0;
  if (prefix_) {
    length = std::snprintf(line.data(), line.size(), "<%d>%s%.*s\n", static_cast<int>(record.level),
                           name.c_str(), static_cast<int>(text.size()), text.data());
  } else {
    timespec now{};
    tm local{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    ::localtime_r(&now.tv_sec, &local);
    length =
        std::snprintf(line.data(), line.size(), "%02d:%02d:%02d.%03ld %s%s%.*s\n", local.tm_hour,
                      local.tm_min, local.tm_sec, now.tv_nsec / 1'000'000, word_of(record.level),
                      name.c_str(), static_cast<int>(text.size()), text.data());
  }
  write_line(line.data(), length, line.size());
}

void HostLog::lost(std::uint64_t count) noexcept {
  std::array<char, 96> line{};
  const int length =
      std::snprintf(line.data(), line.size(), "%s%llu log messages were lost\n",
                    prefix_ ? "<4>" : "warning: ", static_cast<unsigned long long>(count));
  write_line(line.data(), length, line.size());
}

}  // namespace horus::py

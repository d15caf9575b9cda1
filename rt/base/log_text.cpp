// SPDX-License-Identifier: Apache-2.0
#include "rt/base/log_text.hpp"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace horus {

// systemd names the journal's stream by device and inode. If stderr was redirected since, its own
// numbers differ. Source: systemd.exec(5), $JOURNAL_STREAM.
bool stderr_is_journal() noexcept {
  const char* const stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  std::array<char, 64> own{};
  std::snprintf(own.data(), own.size(), "%llu:%llu", static_cast<unsigned long long>(status.st_dev),
                static_cast<unsigned long long>(status.st_ino));
  return std::string_view{stream} == own.data();
}

const char* level_prefix(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kError: return "error: ";
    case LogLevel::kWarning: return "warning: ";
    case LogLevel::kInfo: return "";
    case LogLevel::kDebug: return "debug: ";
  }
  return "";
}

std::int64_t wall_clock_us() noexcept {
  return since_1970() / 1us;
}

std::int64_t wall_clock_us(TimePoint at) noexcept {
  const Nanos past = MonotonicClock::now() - at;
  return wall_clock_us() - past.count() / 1000;
}

std::string time_of_day(std::int64_t wall_us) {
  const time_t seconds = wall_us / 1'000'000;
  tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%03lld ", local.tm_hour, local.tm_min,
                local.tm_sec, static_cast<long long>(wall_us / 1000 % 1000));
  return text.data();
}

}  // namespace horus

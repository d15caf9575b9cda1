// SPDX-License-Identifier: Apache-2.0
#include "rt/stderr_sink.hpp"

#include <atomic>

#include "rt/base/log_text.hpp"
#include "rt/base/printable.hpp"

namespace horus {
namespace {

std::atomic<bool> g_supervised{false};

/// Cached, because it reads the environment. The first sink asks first, before there are threads.
bool is_journal() noexcept {
  static const bool journal = stderr_is_journal();
  return journal;
}

std::string start_of(LogLevel level, std::int64_t at_us) {
  if (StderrSink::writes_levels()) {
    return "<" + std::to_string(static_cast<int>(level)) + ">";
  }
  return time_of_day(at_us) + level_prefix(level);
}

/// "planner[12]: ", or nothing outside of a node.
std::string name_of(const LogRecord& record) {
  if (record.node.empty()) return {};
  return std::string{record.node.view()} + "[" + std::to_string(record.tick) + "]: ";
}

}  // namespace

StderrSink::StderrSink() noexcept {
  static_cast<void>(is_journal());
}

void StderrSink::write_for_supervisor() noexcept {
  g_supervised.store(true, std::memory_order_relaxed);  // relaxed: a flag on its own.
}

bool StderrSink::writes_levels() noexcept {
  return is_journal() || g_supervised.load(std::memory_order_relaxed);  // relaxed: as above.
}

void StderrSink::write(const LogRecord& record) noexcept {
  const std::string line = start_of(record.level, wall_clock_us(record.at)) + name_of(record) +
                           printable(record.text.view()) + "\n";
  if (const std::uint64_t missing = writer_.write(line); missing > 0) lost(missing);
}

void StderrSink::lost(std::uint64_t count) noexcept {
  writer_.tell(start_of(LogLevel::kWarning, wall_clock_us()) + std::to_string(count) +
                   " log messages were lost\n",
               count);
}

}  // namespace horus

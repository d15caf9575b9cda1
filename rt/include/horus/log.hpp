// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <horus/text.hpp>
#include <horus/time.hpp>

/// Log lines of nodes, and of the program that runs them:
///
///   horus::log(horus::LogLevel::kWarning, "no echo from the left sonar");

namespace horus {

/// Severity of a log line, by syslog's numbers: a lower number is more urgent.
enum class LogLevel : std::uint32_t { kError = 3, kWarning = 4, kInfo = 6, kDebug = 7 };

/// "err" is also understood for kError.
constexpr auto words_of(LogLevel /*any*/) noexcept {
  using enum LogLevel;
  return std::to_array<Word<LogLevel>>({{kError, "error"},
                                        {kError, "err"},
                                        {kWarning, "warning"},
                                        {kInfo, "info"},
                                        {kDebug, "debug"}});
}

/// One log line. Its size is fixed, so that writing one allocates nothing.
struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  NodeName node{};         ///< The node whose callback logged it; empty: none.
  std::uint64_t tick = 0;  ///< Number of the node's tick that runs or comes next.
  TimePoint at{};          ///< When it was logged.
  Name<384> text{};        ///< Longer text is cut.
};

/// The destination of log records.
///
/// Thread safety: one caller at a time; of a running scheduler that is its drain thread. A call may
/// block for a while, but not for ever: a run ends only once its log is written.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogRecord& record) noexcept = 0;
  /// `count` records were dropped for lack of room since the last call.
  virtual void lost(std::uint64_t count) noexcept = 0;
};

/// Logs one line. From any thread.
///
/// On an executor thread it is RT-safe: the record goes into the thread's ring, with the running
/// node and its tick; when the ring is full the record is dropped and counted. On any other thread
/// it takes a lock and is not RT-safe: the record goes to the sink of the latest scheduler. Without
/// a scheduler it goes to the sink of a LogScope, or else to stderr. Lines less urgent than the log
/// level of the node are dropped.
void log(LogLevel level, std::string_view text) noexcept;

}  // namespace horus

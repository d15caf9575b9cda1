// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "rt/base/log_level.hpp"
#include "rt/base/name.hpp"
#include "rt/base/time.hpp"

namespace horus {

/// One line of log, of fixed size, so that writing one allocates nothing.
struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  NodeName node{};  ///< Empty outside a tick.
  std::uint64_t tick = 0;
  TimePoint at{};
  Name<384> text{};
};

/// Where records end; called from the drain thread, which may stall here, but not for ever: a run
/// ends once its log is written.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogRecord& record) noexcept = 0;
  /// `count` records did not fit since the last call.
  virtual void lost(std::uint64_t count) noexcept = 0;
};

/// Logs from an executor thread, RT-safe: a fixed record into the thread's ring, dropped and
/// counted when that is full; NODE and TICK are those that run. From any other thread it goes
/// to the running scheduler's sink through a lock, or without one to stderr, if nobody has said
/// where else; see LogScope. What is below the node's level goes nowhere.
void log(LogLevel level, std::string_view text) noexcept;

}  // namespace horus

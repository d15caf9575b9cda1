// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "rt/base/counter.hpp"
#include "rt/base/spsc_ring.hpp"
#include "rt/event_log.hpp"

namespace horus {

/// Who logs.
struct LogSource {
  const NodeName* node = nullptr;
  std::uint64_t tick = 0;
  const Cell<LogLevel>* level = nullptr;  ///< Down to which it is heard; null, or none: all.
};

/// Whether a record of `level` of that source is to be written. RT-safe.
inline bool is_heard(LogLevel level, const LogSource& source) noexcept {
  const LogLevel limit = source.level != nullptr ? source.level->value() : LogLevel{};
  return limit == LogLevel{} || level <= limit;
}

/// What one executor thread logs through.
struct LogChannel {
  static constexpr std::size_t kRecords = 128;

  SpscRing<LogRecord, kRecords> ring;
  Counter lost{};  ///< Records that found the ring full.
  /// The node that runs, named by every record; null: none. For the executor's own eyes.
  const LogSource* source = nullptr;
};

/// Makes log() of the calling thread write to `channel`; null ends that.
void bind_log_channel(LogChannel* channel) noexcept;

/// While it lives, log() of its thread names `source`, but where a node of the thread's channel
/// runs.
class LogNaming {
 public:
  explicit LogNaming(const LogSource& source) noexcept;
  ~LogNaming();
  LogNaming(const LogNaming&) = delete;
  LogNaming& operator=(const LogNaming&) = delete;

 private:
  const LogSource* outer_;
};

/// The node that runs on the calling thread; null: none. Fit for a signal handler.
const LogSource* log_source() noexcept;

/// Gathers the records of executors and other threads, and hands them to the sink.
///
/// Thread safety: add_channel() and the constructor from one thread; drain() from one thread, which
/// is the only one that calls the sink; push() from any but executors.
class LogQueue {
 public:
  explicit LogQueue(LogSink& sink);
  ~LogQueue();
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  /// The channel lives as long as this object.
  LogChannel& add_channel();
  void push(const LogRecord& record) noexcept;
  /// Hands over what is there. The sink may stall in here.
  void drain() noexcept;

 private:
  static constexpr std::size_t kMaxPending = 1024;

  LogSink& sink_;
  std::vector<std::unique_ptr<LogChannel>> channels_;
  std::uint64_t reported_lost_ = 0;
  std::mutex mutex_;  // not RT: push() sends executors to their own channel.
  std::deque<LogRecord> pending_;
  std::uint64_t pending_lost_ = 0;
};

/// The sink for want of another: one line a record on stderr, as the journal or people read it.
LogSink& stderr_sink() noexcept;

/// Records that come from threads without a channel go to `sink` while this lives and there is no
/// queue; of several, to the latest that the logging thread made, else to the latest of all.
/// Without any, to stderr_sink().
///
/// Thread safety: from any thread. The sink is called by one at a time.
class LogScope {
 public:
  explicit LogScope(LogSink& sink);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  LogSink& sink_;
};

}  // namespace horus

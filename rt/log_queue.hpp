// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include <horus/log.hpp>

#include "rt/base/counter.hpp"
#include "rt/base/spsc_ring.hpp"

namespace horus {

/// The node on whose behalf a line is logged.
struct LogSource {
  const NodeName* node = nullptr;         ///< Never null in a source that is in use.
  std::uint64_t tick = 0;                 ///< The tick that runs or comes next.
  const Cell<LogLevel>* level = nullptr;  ///< Less urgent lines are dropped. Null, or 0: none are.
};

/// RT-safe. Whether a record of `level` from `source` is written.
inline bool is_heard(LogLevel level, const LogSource& source) noexcept {
  const LogLevel limit = source.level != nullptr ? source.level->value() : LogLevel{};
  return limit == LogLevel{} || level <= limit;
}

/// The ring through which one executor thread logs.
///
/// Thread safety: the executor pushes, the drain thread pops. `source` is the executor's alone.
struct LogChannel {
  static constexpr std::size_t kRecords = 128;

  SpscRing<LogRecord, kRecords> ring;
  Counter lost{};  ///< Records that were dropped because the ring was full.
  /// The node whose callback runs; null: none. Each record names it.
  const LogSource* source = nullptr;
};

/// From now on log() on the calling thread writes to `channel`. Null ends that.
void bind_log_channel(LogChannel* channel) noexcept;

/// While it lives, log() on its thread names `source`, unless the thread's channel names a running
/// node. May be nested. `source` must outlive it.
class LogNaming {
 public:
  explicit LogNaming(const LogSource& source) noexcept;
  ~LogNaming();
  LogNaming(const LogNaming&) = delete;
  LogNaming& operator=(const LogNaming&) = delete;

 private:
  const LogSource* outer_;
};

/// The node whose callback runs on the calling thread; null: none. RT-safe and async-signal-safe.
const LogSource* log_source() noexcept;

/// Collects the records of executors and of other threads, and hands them to the sink.
///
/// Thread safety: constructor and add_channel() from one thread, before drain() is called; drain()
/// from one thread at a time, which alone calls the sink; push() from any thread except executors,
/// because it takes a lock.
class LogQueue {
 public:
  /// Threads without a channel log to the latest LogQueue. `sink` outlives this object.
  explicit LogQueue(LogSink& sink);
  /// Hands over what is left.
  ~LogQueue();
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  /// A new channel, which lives as long as this object.
  LogChannel& add_channel();
  /// Queues a record. When kMaxPending records wait already, it is dropped and counted.
  void push(const LogRecord& record) noexcept;
  /// Hands all waiting records to the sink, and tells it how many were lost. May block in the sink.
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

/// The default sink: writes each record as one line on stderr, see StderrSink.
LogSink& stderr_sink() noexcept;

/// While it lives, records from threads without a channel go to `sink`, unless a LogQueue exists.
/// Of several scopes the latest one made by the logging thread is used, else the latest of all.
/// Without any scope they go to stderr_sink().
///
/// Thread safety: from any thread. A lock ensures that one thread at a time calls the sink.
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

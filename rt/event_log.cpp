// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include <horus/log.hpp>

#include "rt/log_queue.hpp"
#include "rt/stderr_sink.hpp"

namespace horus {
namespace {

thread_local LogChannel* t_channel = nullptr;
thread_local const LogSource* t_source = nullptr;  // See LogNaming.

// The queue for threads without a channel: that of the scheduler that was made last.
std::mutex g_queue_mutex;  // not RT: executors have a channel and do not come here.
LogQueue* g_queue = nullptr;

/// The sink of a LogScope, and the thread that made the scope.
struct ScopedSink {
  LogSink* sink;
  std::thread::id thread;
};

/// Guarded by g_queue_mutex. Leaked on purpose: threads may log until the process ends.
std::vector<ScopedSink>& sinks_without_queue() {
  static auto* const sinks = new std::vector<ScopedSink>;
  return *sinks;
}

/// Two threads may each run a scheduler in a LogScope of their own: a thread's lines go to the
/// scope that it made itself.
LogSink& sink_without_queue() noexcept {
  const auto& sinks = sinks_without_queue();
  if (sinks.empty()) return stderr_sink();
  const auto own = std::find_if(sinks.rbegin(), sinks.rend(), [](const ScopedSink& one) {
    return one.thread == std::this_thread::get_id();
  });
  return own != sinks.rend() ? *own->sink : *sinks.back().sink;
}

}  // namespace

LogSink& stderr_sink() noexcept {
  static StderrSink sink;
  return sink;
}

void bind_log_channel(LogChannel* channel) noexcept {
  t_channel = channel;
}

const LogSource* log_source() noexcept {
  const LogSource* const runs = t_channel != nullptr ? t_channel->source : nullptr;
  return runs != nullptr ? runs : t_source;
}

LogNaming::LogNaming(const LogSource& source) noexcept : outer_{std::exchange(t_source, &source)} {}

LogNaming::~LogNaming() {
  t_source = outer_;
}

void log(LogLevel level, std::string_view text) noexcept {
  LogRecord record{.level = level, .at = MonotonicClock::now(), .text = Name<384>::clipped(text)};
  if (const LogSource* const source = log_source()) {
    if (!is_heard(level, *source)) return;
    record.node = *source->node;
    record.tick = source->tick;
  }
  if (t_channel != nullptr) {
    if (!t_channel->ring.push(record)) t_channel->lost.add();
    return;
  }
  const std::lock_guard lock{g_queue_mutex};
  if (g_queue != nullptr) {
    g_queue->push(record);
  } else {
    sink_without_queue().write(record);
  }
}

LogScope::LogScope(LogSink& sink) : sink_{sink} {
  const std::lock_guard lock{g_queue_mutex};
  sinks_without_queue().push_back({.sink = &sink, .thread = std::this_thread::get_id()});
}

LogScope::~LogScope() {
  const std::lock_guard lock{g_queue_mutex};
  auto& sinks = sinks_without_queue();
  const auto own = std::find_if(sinks.rbegin(), sinks.rend(),
                                [this](const ScopedSink& one) { return one.sink == &sink_; });
  sinks.erase(own.base() - 1);
}

LogQueue::LogQueue(LogSink& sink) : sink_{sink} {
  const std::lock_guard lock{g_queue_mutex};
  g_queue = this;
}

LogQueue::~LogQueue() {
  {
    const std::lock_guard lock{g_queue_mutex};
    if (g_queue == this) g_queue = nullptr;
  }
  drain();
}

LogChannel& LogQueue::add_channel() {
  channels_.push_back(std::make_unique<LogChannel>());
  return *channels_.back();
}

void LogQueue::push(const LogRecord& record) noexcept {
  const std::lock_guard lock{mutex_};
  if (pending_.size() == kMaxPending) {
    ++pending_lost_;
    return;
  }
  pending_.push_back(record);
}

void LogQueue::drain() noexcept {
  std::deque<LogRecord> batch;
  std::uint64_t lost = 0;
  {
    // Not held while the sink writes, which may take long.
    const std::lock_guard lock{mutex_};
    batch.swap(pending_);
    lost = pending_lost_;
  }
  LogRecord record;
  for (const auto& channel : channels_) {
    while (channel->ring.pop(record)) sink_.write(record);
    lost += channel->lost.value();  // Totals since the start, hence reported_lost_.
  }
  for (const auto& other : batch) sink_.write(other);
  if (lost > reported_lost_) sink_.lost(lost - reported_lost_);
  reported_lost_ = lost;
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/event_log.hpp"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "rt/log_queue.hpp"
#include "rt/stderr_sink.hpp"

namespace horus {
namespace {

thread_local LogChannel* t_channel = nullptr;
thread_local const LogSource* t_source = nullptr;  // Where no node of a channel runs.

// Where threads without a channel log to: the scheduler that was made last.
std::mutex g_queue_mutex;  // not RT: executors have a channel and do not come here.
LogQueue* g_queue = nullptr;

/// Of a LogScope.
struct ScopedSink {
  LogSink* sink;
  std::thread::id thread;
};

/// Under the same lock. Leaked: threads may log to the very end.
std::vector<ScopedSink>& sinks_without_queue() {
  static auto* const sinks = new std::vector<ScopedSink>;
  return *sinks;
}

/// Two schedulers may run on threads of their own: each line belongs to its thread's.
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
    const std::lock_guard lock{mutex_};
    batch.swap(pending_);
    lost = pending_lost_;
  }
  LogRecord record;
  for (const auto& channel : channels_) {
    while (channel->ring.pop(record)) sink_.write(record);
    lost += channel->lost.value();
  }
  for (const auto& other : batch) sink_.write(other);
  if (lost > reported_lost_) sink_.lost(lost - reported_lost_);
  reported_lost_ = lost;
}

}  // namespace horus

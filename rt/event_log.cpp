// SPDX-License-Identifier: Apache-2.0
#include "rt/event_log.hpp"

#include <unistd.h>

#include <cstdio>

#include "rt/log_queue.hpp"

namespace horus {
namespace {

thread_local LogChannel* t_channel = nullptr;

// Where threads without a channel log to: the scheduler that was made last.
std::mutex g_queue_mutex;  // not RT: executors have a channel and do not come here.
LogQueue* g_queue = nullptr;

class StderrSink final : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    char line[kLineSize];
    const auto text = record.text.view();
    const auto node = record.node.view();
    const int length =
        node.empty()
            ? std::snprintf(line, sizeof line, "<%d>%.*s\n", static_cast<int>(record.level),
                            static_cast<int>(text.size()), text.data())
            : std::snprintf(line, sizeof line, "<%d>%.*s[%llu]: %.*s\n",
                            static_cast<int>(record.level), static_cast<int>(node.size()),
                            node.data(), static_cast<unsigned long long>(record.tick),
                            static_cast<int>(text.size()), text.data());
    put(line, length);
  }
  void lost(std::uint64_t count) noexcept override {
    char line[kLineSize];
    put(line, std::snprintf(line, sizeof line, "<4>%llu log records lost\n",
                            static_cast<unsigned long long>(count)));
  }

 private:
  static constexpr std::size_t kLineSize = 512;

  static void put(const char* line, int length) noexcept {
    // A log line that stderr does not take is lost: there is nobody else to tell.
    [[maybe_unused]] const auto written =
        ::write(STDERR_FILENO, line, static_cast<std::size_t>(length));
  }
};

}  // namespace

LogSink& stderr_sink() noexcept {
  static StderrSink sink;
  return sink;
}

void bind_log_channel(LogChannel* channel) noexcept {
  t_channel = channel;
}

void log(LogLevel level, std::string_view text) noexcept {
  LogRecord record{.level = level, .at = MonotonicClock::now(), .text = Name<384>::clipped(text)};
  if (t_channel != nullptr) {
    if (const LogSource* const source = t_channel->source) {
      record.node = *source->node;
      record.tick = source->tick;
    }
    if (!t_channel->ring.push(record)) t_channel->lost.add();
    return;
  }
  const std::lock_guard lock{g_queue_mutex};
  if (g_queue != nullptr) {
    g_queue->push(record);
  } else {
    stderr_sink().write(record);
  }
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

// SPDX-License-Identifier: Apache-2.0
#include "service/journal.hpp"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>

#include <systemd/sd-journal.h>

#include "service/log_limit.hpp"

namespace horus::service {
namespace {

constexpr std::size_t kMaxQueued = 2048;
constexpr std::size_t kMaxText = 2048;
constexpr std::size_t kStackBytes = 256U << 10U;
constexpr Nanos kFarewell = 500ms;

struct Line {
  LogLevel level = LogLevel::kInfo;
  std::string source;
  std::optional<std::uint64_t> tick;
  std::string text;
};

const char* level_name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kError: return "error: ";
    case LogLevel::kWarning: return "warning: ";
    case LogLevel::kInfo: return "";
    case LogLevel::kDebug: return "debug: ";
  }
  return "";
}

/// Whether stderr is the journal's stream, as systemd says it in $JOURNAL_STREAM.
bool stderr_is_journal() noexcept {
  // Read before any thread of ours that could change the environment.
  const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

void send_to_journal(const std::string& program, const Line& line) noexcept {
  std::array<std::string, 5> fields{"MESSAGE=" + line.text,
                                    "PRIORITY=" + std::to_string(static_cast<int>(line.level)),
                                    "SYSLOG_IDENTIFIER=" + program, "NODE=" + line.source,
                                    "TICK=" + std::to_string(line.tick.value_or(0))};
  std::array<iovec, 5> parts{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    parts[i] = {.iov_base = fields[i].data(), .iov_len = fields[i].size()};
  }
  const int count = line.source.empty() ? 3 : (line.tick ? 5 : 4);
  sd_journal_sendv(parts.data(), count);
}

void print(const std::string& program, const Line& line) noexcept {
  std::string text = program + ": ";
  if (!line.source.empty()) {
    text += "[" + line.source + (line.tick ? " " + std::to_string(*line.tick) : "") + "] ";
  }
  text += level_name(line.level) + line.text + "\n";
  // A closed or full stderr has no other place to be reported at.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

/// Shared with the thread, so that a stalled one can be left behind.
struct Journal::Queue {
  std::string program;
  bool journal = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Line> lines;
  LogLimit limit;
  std::uint64_t lost = 0;
  bool stopping = false;
  bool ended = false;  ///< The thread touches nothing of this any more.

  void push(Line line) noexcept;
  void drain();
};

void Journal::Queue::push(Line line) noexcept {
  const std::lock_guard lock{mutex};
  if (lines.size() >= kMaxQueued) {
    ++lost;
    return;
  }
  lines.push_back(std::move(line));
  changed.notify_one();
}

void Journal::Queue::drain() {
  std::unique_lock lock{mutex};
  while (true) {
    changed.wait(lock, [this] { return stopping || lost > 0 || !lines.empty(); });
    if (lines.empty() && lost == 0) {
      ended = true;
      changed.notify_all();
      return;
    }
    Line line;
    if (lines.empty()) {
      line = {.level = LogLevel::kWarning,
              .source = {},
              .tick = {},
              .text = std::to_string(lost) + " messages lost: the log could not keep up"};
      lost = 0;
    } else {
      line = std::move(lines.front());
      lines.pop_front();
    }
    lock.unlock();
    journal ? send_to_journal(program, line) : print(program, line);
    lock.lock();
  }
}

Journal::Journal(std::string program) : queue_{std::make_shared<Queue>()} {
  queue_->program = std::move(program);
  queue_->journal = stderr_is_journal();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  // A small stack: the default's 8 MiB would all be locked into memory.
  ::pthread_attr_setstacksize(&attributes, kStackBytes);
  auto* mine = new std::shared_ptr<Queue>{queue_};
  started_ = ::pthread_create(
                 &thread_, &attributes,
                 [](void* argument) -> void* {
                   const std::unique_ptr<std::shared_ptr<Queue>> queue{
                       static_cast<std::shared_ptr<Queue>*>(argument)};
                   (*queue)->drain();
                   return nullptr;
                 },
                 mine) == 0;
  ::pthread_attr_destroy(&attributes);
  if (started_) {
    ::pthread_setname_np(thread_, "horus-journal");
  } else {
    delete mine;
  }
}

Journal::~Journal() {
  std::unique_lock lock{queue_->mutex};
  queue_->stopping = true;
  queue_->changed.notify_all();
  if (!started_) return;
  const bool ended = queue_->changed.wait_for(lock, kFarewell, [this] { return queue_->ended; });
  lock.unlock();
  // A journal that stalls keeps its thread, not us.
  ended ? ::pthread_join(thread_, nullptr) : ::pthread_detach(thread_);
}

void Journal::write(const LogRecord& record) noexcept {
  const auto decision = [&] {
    const std::lock_guard lock{queue_->mutex};
    return queue_->limit.decide(record.node.view(), record.at);
  }();
  if (!decision.pass) return;
  std::string text{record.text.view()};
  if (decision.suppressed > 0) {
    text += " (" + std::to_string(decision.suppressed) + " lines before suppressed)";
  }
  const bool in_tick = !record.node.empty();
  queue_->push({.level = record.level,
                .source = std::string{record.node.view()},
                .tick = in_tick ? std::optional{record.tick} : std::nullopt,
                .text = std::move(text)});
}

void Journal::lost(std::uint64_t count) noexcept {
  const std::lock_guard lock{queue_->mutex};
  queue_->lost += count;
  queue_->changed.notify_one();
}

void Journal::say(LogLevel level, std::string_view text, std::string_view source) noexcept {
  queue_->push({.level = level,
                .source = std::string{source},
                .tick = {},
                .text = std::string{text.substr(0, kMaxText)}});
}

}  // namespace horus::service

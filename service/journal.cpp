// SPDX-License-Identifier: Apache-2.0
#include "service/journal.hpp"

#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <systemd/sd-journal.h>

#include "rt/base/log_text.hpp"
#include "rt/base/printable.hpp"
#include "service/log_limit.hpp"
#include "shm/log_page.hpp"

namespace horus::service {
namespace {

constexpr std::size_t kMaxQueued = 2048;  // Lines.
constexpr std::size_t kMaxText = 2048;    // Bytes of a line.
constexpr std::size_t kStackBytes = 256U << 10U;
constexpr Nanos kFarewell = 500ms;  // How long close() waits.

struct Line {
  std::int64_t at_us = 0;  ///< Wall-clock time.
  LogLevel level = LogLevel::kInfo;
  std::string host;    ///< The Python host that printed it; empty: the service itself.
  std::string node;    ///< The node that logged it; empty: none.
  bool about = false;  ///< The service logs it about `host` and `node`, see say_about().
  std::optional<std::uint64_t> tick;  ///< The node's tick; nothing: outside of a tick.
  std::string text;
};

/// Sets node and tick from the line that a Python host printed, if it begins as "planner[12]: ".
void read_node(Line& line) {
  const std::size_t open = line.text.find('[');
  const std::size_t close = line.text.find("]: ");
  if (open == 0 || open > 63 || close == std::string::npos || close < open) return;
  const char* const begin = line.text.data() + open + 1;
  const char* const end = line.text.data() + close;
  std::uint64_t tick = 0;
  const auto read = std::from_chars(begin, end, tick);
  if (read.ec != std::errc{} || read.ptr != end) return;
  line.node = line.text.substr(0, open);
  line.tick = tick;
}

/// The text with node and tick in front. Python hosts have put them there already.
std::string message_of(const Line& line) {
  if (line.about || line.node.empty() || !line.host.empty()) return line.text;
  return line.node + (line.tick ? "[" + std::to_string(*line.tick) + "]" : "") + ": " + line.text;
}

void send_to_journal(const std::string& program, const Line& line) noexcept {
  std::vector<std::string> fields{"MESSAGE=" + message_of(line),
                                  "PRIORITY=" + std::to_string(static_cast<int>(line.level)),
                                  "SYSLOG_IDENTIFIER=" + program};
  if (!line.host.empty()) fields.push_back("HOST=" + line.host);
  if (!line.node.empty()) fields.push_back("NODE=" + line.node);
  if (line.tick) fields.push_back("TICK=" + std::to_string(*line.tick));
  std::vector<iovec> parts;
  for (std::string& field : fields) {
    parts.push_back({.iov_base = field.data(), .iov_len = field.size()});
  }
  sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

void print(const std::string& program, const Line& line) noexcept {
  std::string text = time_of_day(line.at_us) + program + ": ";
  if (!line.about && !line.host.empty()) text += "[" + line.host + "] ";
  text += level_prefix(line.level) + message_of(line) + "\n";
  // An error is ignored: it could be reported to stderr only.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// The last lines of each host, in one page of shared memory per host.
class KeptLog {
 public:
  KeptLog(std::string base, std::string own) : base_{std::move(base)}, own_{std::move(own)} {}

  void write(const Line& line) noexcept {
    // A line about a host goes to our own page: the host's page may belong to another process.
    shm::LogPage* const page = page_of(line.about || line.host.empty() ? own_ : line.host);
    if (page == nullptr) return;
    const std::string& whom = line.about && line.node.empty() ? line.host : line.node;
    page->write({.at_us = line.at_us,
                 .tick = line.tick.value_or(0),
                 .in_tick = line.tick ? 1U : 0U,
                 .level = line.level,
                 .node = NodeName::clipped(whom),
                 .text = Name<384>::clipped(text_of(line))});
  }
  void remove() noexcept {
    for (auto& [host, page] : pages_) {
      if (page) page->remove();
    }
  }

 private:
  /// The text without node and tick in front: the page has fields for them, and readers put them
  /// in front again.
  static std::string_view text_of(const Line& line) noexcept {
    const std::string_view text = line.text;
    const bool named = !line.about && !line.host.empty() && !line.node.empty();
    return named ? text.substr(text.find("]: ") + 3) : text;
  }
  shm::LogPage* page_of(const std::string& host) noexcept {
    const auto [place, is_new] = pages_.try_emplace(host);
    auto& page = place->second;
    // A page that cannot be made is no error: the log itself has the line.
    if (is_new) {
      if (auto made = shm::LogPage::create(base_, host)) page = std::move(made).value();
    }
    return page ? &*page : nullptr;
  }

  const std::string base_;
  const std::string own_;
  std::map<std::string, std::optional<shm::LogPage>> pages_;
};

}  // namespace

/// What the thread uses. Owned by both sides, so that a stalled thread can be left behind. `mutex`
/// protects all but `program`, `journal` and `kept`.
struct Journal::Queue {
  std::string program;   ///< Identifier of every line. Constant once the thread runs.
  bool journal = false;  ///< Write to journald; else to stderr. Constant once the thread runs.
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Line> lines;
  SourceLogLimit limit;
  std::uint64_t lost = 0;              ///< Lines lost since one last said so.
  bool stopping = false;               ///< close() was called.
  bool ended = false;                  ///< The thread has written all and touches nothing any more.
  std::unique_ptr<KeptLog> next_kept;  ///< From keep(), for the thread to take.
  std::unique_ptr<KeptLog> kept;       ///< Used by the thread only.

  void push(Line line) noexcept;
  void drain();
};

/// Queues a line, or counts it as lost if the queue is full. Control characters become '?', so that
/// the text stays one line and cannot control a terminal.
void Journal::Queue::push(Line line) noexcept {
  std::ranges::replace(line.text, '\t', ' ');
  line.text = printable(line.text);
  line.host = printable(line.host);
  line.node = printable(line.node);
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
      if (kept) kept->remove();
      ended = true;
      changed.notify_all();
      return;
    }
    Line line;
    if (lines.empty()) {
      line = {.at_us = wall_clock_us(),
              .level = LogLevel::kWarning,
              .host = {},
              .node = {},
              .tick = {},
              .text = std::to_string(lost) + " messages lost: the log could not keep up"};
      lost = 0;
    } else {
      line = std::move(lines.front());
      lines.pop_front();
    }
    if (next_kept) kept = std::move(next_kept);
    lock.unlock();
    // Shared memory first: the journal may stall.
    if (kept) kept->write(line);
    journal ? send_to_journal(program, line) : print(program, line);
    lock.lock();
  }
}

Journal::Journal(std::string program) : queue_{std::make_shared<Queue>()} {
  queue_->program = std::move(program);
  queue_->journal = stderr_is_journal();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  // A small stack: with memory locked, all of the default's 8 MiB would take RAM.
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
  const bool ended = close();
  if (!started_) return;
  // A thread that stalls in journald is detached; it shares the ownership of the queue.
  ended ? ::pthread_join(thread_, nullptr) : ::pthread_detach(thread_);
}

void Journal::keep(const std::string& base, const std::string& own) {
  const std::lock_guard lock{queue_->mutex};
  queue_->next_kept = std::make_unique<KeptLog>(base, own);
}

bool Journal::close() noexcept {
  std::unique_lock lock{queue_->mutex};
  queue_->stopping = true;
  queue_->changed.notify_all();
  return started_ && queue_->changed.wait_for(lock, kFarewell, [this] { return queue_->ended; });
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
  queue_->push({.at_us = wall_clock_us(record.at),
                .level = record.level,
                .host = {},
                .node = std::string{record.node.view()},
                .tick = in_tick ? std::optional{record.tick} : std::nullopt,
                .text = std::move(text)});
}

void Journal::lost(std::uint64_t count) noexcept {
  const std::lock_guard lock{queue_->mutex};
  queue_->lost += count;
  queue_->changed.notify_one();
}

void Journal::say(LogLevel level, std::string_view text, std::string_view host) noexcept {
  Line line{.at_us = wall_clock_us(),
            .level = level,
            .host = std::string{host},
            .node = {},
            .tick = {},
            .text = std::string{text.substr(0, kMaxText)}};
  if (!line.host.empty()) read_node(line);
  queue_->push(std::move(line));
}

void Journal::say_about(std::string_view host, std::string_view node, LogLevel level,
                        std::string_view text) noexcept {
  queue_->push({.at_us = wall_clock_us(),
                .level = level,
                .host = std::string{host},
                .node = std::string{node},
                .about = true,
                .tick = {},
                .text = std::string{text.substr(0, kMaxText)}});
}

}  // namespace horus::service

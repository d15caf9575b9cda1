// SPDX-License-Identifier: Apache-2.0
#include "service/pyhost.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "service/describe.hpp"
#include "service/notify.hpp"

namespace horus::service {
namespace {

constexpr Nanos kRound = 100ms;
constexpr std::uint64_t kRoundsPerHeartbeat = 10;
/// At once from one host, so that a talkative one cannot keep the others waiting.
constexpr int kMaxReads = 16;

std::string seconds(Nanos duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g s", std::chrono::duration<double>(duration).count());
  return text.data();
}

/// What there is to read, line by line; up to kMaxReads blocks.
template <typename EachLine>
void read_lines(int fd, LineSplitter& splitter, EachLine each) {
  std::array<char, 4096> block{};
  for (int i = 0; i < kMaxReads; ++i) {
    const ssize_t count = ::read(fd, block.data(), block.size());
    if (count <= 0) return;
    for (const std::string& line : splitter.feed({block.data(), static_cast<std::size_t>(count)})) {
      each(line);
    }
  }
}

/// Removes a "<3>" in front, systemd's way to give a line's level.
LogLevel take_level(std::string_view& line) {
  if (line.size() < 3 || line[0] != '<' || line[2] != '>' || line[1] < '0' || line[1] > '7') {
    return LogLevel::kInfo;
  }
  const int level = line[1] - '0';
  line.remove_prefix(3);
  if (level <= static_cast<int>(LogLevel::kError)) return LogLevel::kError;
  if (level == static_cast<int>(LogLevel::kWarning)) return LogLevel::kWarning;
  return level == static_cast<int>(LogLevel::kDebug) ? LogLevel::kDebug : LogLevel::kInfo;
}

}  // namespace

PyHost::PyHost(const Config& config, std::string base, EventLoop& loop, Journal& journal)
    : base_{std::move(base)},
      loop_{loop},
      journal_{journal},
      leaves_{Leaves::take()},
      table_{config.hosts} {
  for (const HostEntry& entry : config.hosts) slots_.emplace_back().entry = entry;
  told_states_.resize(slots_.size(), HostState::kWaiting);
}

Status PyHost::start() {
  if (auto timer = loop_.every(kRound, [this] { each_round(); }); !timer) return timer.error();
  if (const auto limit = notify::watchdog_interval()) {
    auto timer = loop_.every(*limit / 3, [] { notify::watchdog(); });
    if (!timer) return timer.error();
  }
  step({.kind = HostEvent::Kind::kStart});
  return {};
}

void PyHost::stop() {
  if (stopping_) return;
  stopping_ = true;
  notify::stopping("stopping | " + status_text());
  step({.kind = HostEvent::Kind::kStop});
}

void PyHost::step(const HostEvent& event) {
  for (const HostAction& action : table_.step(event, MonotonicClock::now())) act(action);
  tell();
  if (table_.finished()) loop_.stop();
}

void PyHost::act(const HostAction& action) {
  Slot& slot = slots_[action.host];
  switch (action.kind) {
    case HostAction::Kind::kSpawn: spawn(action.host); return;
    case HostAction::Kind::kTerminate:
      if (slot.process) slot.process->terminate();
      return;
    case HostAction::Kind::kKill:
      say(LogLevel::kWarning, action.host,
          stopping_ ? "ignores SIGTERM: killed" : "does not move any more: killed");
      if (slot.process) slot.process->kill();
      return;
  }
}

void PyHost::spawn(std::size_t host) {
  Slot& slot = slots_[host];
  slot.output = {};
  slot.ready = {};
  slot.page.reset();
  auto process = HostProcess::spawn(slot.entry, leaves_ ? leaves_->make(slot.entry.name) : Leaf{});
  if (!process) {
    step({.kind = HostEvent::Kind::kExited, .host = host, .reason = describe(process.error())});
    return;
  }
  slot.process = std::move(process).value();
  watch(host);
}

void PyHost::watch(std::size_t host) {
  Slot& slot = slots_[host];
  const std::pair<int, void (PyHost::*)(std::size_t)> sources[] = {
      {slot.process->output(), &PyHost::read_output},
      {slot.process->ready(), &PyHost::read_ready},
      {slot.process->pidfd(), &PyHost::collect}};
  for (std::size_t i = 0; i < slot.watches.size(); ++i) {
    const auto [fd, react] = sources[i];
    auto id = loop_.watch(fd, EPOLLIN, [this, host, i, react = react](std::uint32_t events) {
      // Closed by the host and nothing left to read: it would be reported for ever.
      if ((events & EPOLLIN) == 0) return loop_.forget(slots_[host].watches[i]);
      (this->*react)(host);
    });
    slot.watches[i] = id ? id.value() : 0;
  }
}

void PyHost::read_output(std::size_t host) {
  Slot& slot = slots_[host];
  read_lines(slot.process->output(), slot.output, [&](std::string_view line) {
    const LogLevel level = take_level(line);
    journal_.say(level, line, slot.entry.name);
  });
}

void PyHost::read_ready(std::size_t host) {
  Slot& slot = slots_[host];
  static constexpr std::string_view kFailed = "failed: ";
  std::vector<HostEvent> events;
  read_lines(slot.process->ready(), slot.ready, [&](std::string_view line) {
    if (line == "ready") {
      events.push_back({.kind = HostEvent::Kind::kReady, .host = host});
    } else if (line.starts_with(kFailed)) {
      line.remove_prefix(kFailed.size());
      events.push_back(
          {.kind = HostEvent::Kind::kFailed, .host = host, .reason = std::string{line}});
    }
  });
  for (const HostEvent& event : events) step(event);
}

void PyHost::collect(std::size_t host) {
  Slot& slot = slots_[host];
  read_ready(host);
  read_output(host);
  const auto end = slot.process->reap();
  if (!end) return;
  if (const std::string rest = slot.output.rest(); !rest.empty()) {
    journal_.say(LogLevel::kInfo, rest, slot.entry.name);
  }
  for (const EventLoop::Id id : slot.watches) loop_.forget(id);
  slot.process.reset();
  step({.kind = HostEvent::Kind::kExited,
        .host = host,
        .reason = end->reason,
        .success = end->success});
}

void PyHost::each_round() {
  if (++rounds_ % kRoundsPerHeartbeat == 0) check_heartbeats();
  step({.kind = HostEvent::Kind::kTime});
}

void PyHost::check_heartbeats() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (table_.hosts()[i].state != HostState::kReady) continue;
    if (!slot.page) {
      auto page = shm::StatsPage::open(base_ + "/hosts/" + slot.entry.name + ".stats");
      if (page) slot.page = std::move(page).value();
    }
    // A page that cannot be read says nothing about its host; rounds_ moves in its place.
    const std::uint64_t beats = slot.page ? slot.page->host().heartbeat.value() : rounds_;
    step({.kind = HostEvent::Kind::kHeartbeat, .host = i, .beats = beats});
  }
}

void PyHost::tell() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const HostTable::Host& host = table_.hosts()[i];
    if (told_states_[i] == host.state) continue;
    told_states_[i] = host.state;
    if (host.state == HostState::kReady) say(LogLevel::kInfo, i, "ready");
    if (host.state == HostState::kWaiting) {
      say(LogLevel::kError, i,
          "ended: " + host.reason + "; started again in " + seconds(host.delay));
    }
    if (host.state == HostState::kEnded && !stopping_) {
      say(LogLevel::kError, i, "ended: " + host.reason + "; its policy: not started again");
    }
  }
  const std::string text = status_text();
  if (!ready_ && !stopping_ && table_.settled(MonotonicClock::now())) {
    ready_ = true;
    told_ = text;
    notify::ready(text);
  } else if (text != told_) {
    told_ = text;
    notify::status(text);
  }
}

std::string PyHost::status_text() const {
  std::string text = "py " + std::to_string(table_.ready()) + "/" + std::to_string(slots_.size());
  for (const HostTable::Host& host : table_.hosts()) {
    if (host.state == HostState::kReady) continue;
    text += " | " + host.name + " " + to_text(host.state);
    if (!host.reason.empty()) text += " (" + host.reason + ")";
  }
  return text;
}

void PyHost::say(LogLevel level, std::size_t host, const std::string& text) {
  journal_.say(level, "host '" + slots_[host].entry.name + "' " + text);
}

}  // namespace horus::service

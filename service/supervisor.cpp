// SPDX-License-Identifier: Apache-2.0
#include "service/supervisor.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "rt/base/printable.hpp"
#include "rt/thread_usage.hpp"
#include "service/describe.hpp"
#include "service/notify.hpp"
#include "service/thread_report.hpp"
#include "service/wire/varlink.hpp"
#include "shm/black_box_page.hpp"

namespace horus::service {
namespace {

constexpr Nanos kRound = 100ms;
/// What systemd is asked for beyond the stop timeout. Longer than a host has until it is killed,
/// and than the cleaning up after it.
constexpr Nanos kHostsStopMargin = 4s;
constexpr std::uint64_t kRoundsPerHeartbeat = 10;
/// Reads from one host per round of the event loop, so that one that prints much does not keep the
/// others waiting.
constexpr int kMaxLogReads = 16;
/// After so many ends in a row before it was ready, a program is told that its host fails: another
/// start would end the same way.
constexpr int kMostEarlyEnds = 3;
/// Keeps a line to the program below 4096 bytes (PIPE_BUF), up to which a write to a pipe is
/// atomic.
constexpr std::size_t kLongestText = 512;
/// How the line that tell_crashes() prints begins; the interpreter's stacks follow it.
constexpr std::string_view kCrashed = "<2>crashed ";

std::string seconds(Nanos duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g s", std::chrono::duration<double>(duration).count());
  return text.data();
}

/// Reads what is there, up to kMaxLogReads blocks, and calls `each` for each whole line.
template <typename EachLine>
void read_lines(int fd, LineSplitter& splitter, EachLine each) {
  std::array<char, 4096> block{};
  for (int i = 0; i < kMaxLogReads; ++i) {
    const ssize_t count = ::read(fd, block.data(), block.size());
    if (count <= 0) return;
    for (const std::string& line : splitter.feed({block.data(), static_cast<std::size_t>(count)})) {
      each(line);
    }
  }
}

/// The level of a line, from a prefix such as "<3>" as systemd defines it (sd-daemon(3)), which is
/// removed.
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

/// The sources of each host, in the order of Slot::watches.
const std::array<Supervisor::Source, 3> Supervisor::kSources{
    {{"its output", &Supervisor::read_output},
     {"its readiness", &Supervisor::read_ready},
     {"its end", &Supervisor::collect}}};

Supervisor::Supervisor(const Config& config, std::string base, EventLoop& loop, Journal& journal)
    : base_{std::move(base)},
      loop_{loop},
      journal_{journal},
      boxes_{base_, config.robot.name, configured_hosts(config), journal},
      leaves_{Leaves::take()},
      robot_{config.robot.name},
      stop_timeout_{config.robot.stop_timeout},
      table_{config.hosts, stop_timeout_} {
  for (const HostEntry& entry : config.hosts) slots_.emplace_back().entry = entry;
  programs_ = std::ranges::all_of(config.hosts, &HostEntry::script);
  told_states_.resize(slots_.size(), HostState::kWaiting);
}

Status Supervisor::start() {
  if (auto timer = loop_.every(kRound, [this] { each_round(); }); !timer) return timer.error();
  if (const auto limit = notify::watchdog_interval()) {
    auto timer = loop_.every(*limit / 3, [] { notify::watchdog(); });
    if (!timer) return timer.error();
  }
  keep_board();
  step({.kind = HostEvent::Kind::kStart});
  return {};
}

void Supervisor::stop() {
  if (stopping_) return;
  stopping_ = true;
  notify::stopping("stopping | " + status_text(), stop_timeout_ + kHostsStopMargin);
  step({.kind = HostEvent::Kind::kStop});
}

void Supervisor::report() {
  if (stopping_) return;
  for (const std::string& line : thread_report({})) journal_.say(LogLevel::kInfo, line);
  for (Slot& slot : slots_) {
    if (slot.process) slot.process->report();
  }
}

void Supervisor::put_boxes_away() {
  boxes_.put_away(failed() ? "a host came to a bad end" : "stopped");
}

void Supervisor::hurry() {
  if (!stopping_) return;
  hurried_ = true;
  step({.kind = HostEvent::Kind::kHurry});
}

void Supervisor::step(const HostEvent& event) {
  for (const HostAction& action : table_.step(event, MonotonicClock::now())) act(action);
  tell();
  if (table_.finished() || (programs_ && table_.all_ended())) loop_.stop();
}

void Supervisor::act(const HostAction& action) {
  Slot& slot = slots_[action.host];
  switch (action.kind) {
    case HostAction::Kind::kSpawn: spawn(action.host); return;
    case HostAction::Kind::kTerminate:
      if (slot.process) slot.process->terminate();
      return;
    case HostAction::Kind::kAbort:
      say(LogLevel::kError, action.host, table_.hosts()[action.host].reason);
      if (slot.process) slot.process->abort();
      return;
    case HostAction::Kind::kKill:
      say(LogLevel::kWarning, action.host,
          hurried_                              ? "killed: the stop was not to wait"
          : table_.hosts()[action.host].hangs() ? "hangs: killed"
                                                : "ignores SIGTERM: killed");
      if (slot.process) slot.process->kill();
      return;
  }
}

void Supervisor::spawn(std::size_t host) {
  Slot& slot = slots_[host];
  slot.output = {};
  slot.ready = {};
  slot.page.reset();
  slot.slow_start_said = false;
  slot.crash.clear();
  // The hosts of a program belong to no robot.
  const std::string robot = slot.entry.shares_stdout ? std::string{} : robot_;
  auto process = HostProcess::spawn(slot.entry, stop_timeout_, robot,
                                    leaves_ ? leaves_->make(slot.entry.name) : Leaf{});
  if (!process) {
    note_early_end(host, describe(process.error()));
    step({.kind = HostEvent::Kind::kExited, .host = host, .reason = describe(process.error())});
    return;
  }
  slot.process = std::move(process).value();
  watch(host);
}

void Supervisor::watch(std::size_t host) {
  Slot& slot = slots_[host];
  const std::array fds{slot.process->output(), slot.process->ready(), slot.process->pidfd()};
  for (std::size_t i = 0; i < fds.size(); ++i) {
    auto id = loop_.watch(fds[i], EPOLLIN, [this, host, i](std::uint32_t events) {
      // The host has closed it and nothing is left to read. Level-triggered, the loop would report
      // that again and again.
      if ((events & EPOLLIN) == 0) return loop_.forget(slots_[host].watches[i]);
      (this->*kSources[i].react)(host);
    });
    slot.watches[i] = id ? id.value() : 0;
    if (id) continue;
    say(LogLevel::kError, host,
        "is looked at every " + seconds(kRound) + ", as " + kSources[i].what +
            " cannot be watched: " + describe(id.error()));
  }
}

/// Reads the sources that the loop could not watch.
void Supervisor::look(std::size_t host) {
  for (std::size_t i = 0; i < kSources.size() && slots_[host].process; ++i) {
    if (slots_[host].watches[i] == 0) (this->*kSources[i].react)(host);
  }
}

void Supervisor::read_output(std::size_t host) {
  Slot& slot = slots_[host];
  read_lines(slot.process->output(), slot.output, [&](std::string_view line) {
    const bool crash = line.starts_with(kCrashed);
    const LogLevel level = take_level(line);
    if (crash) slot.crash = line;
    journal_.say(level, line, slot.entry.name);
  });
}

/// Turns the host's reports into events. The words are those that horus.host writes.
void Supervisor::read_ready(std::size_t host) {
  using Kind = HostEvent::Kind;
  Slot& slot = slots_[host];
  static constexpr std::pair<std::string_view, Kind> kWords[] = {
      {"importing ", Kind::kStage}, {"imported", Kind::kStage}, {"ready", Kind::kReady},
      {"failed: ", Kind::kFailed},  {"hang: ", Kind::kHang},    {"stacks", Kind::kHangTold},
      {"held", Kind::kHeld}};
  std::vector<HostEvent> events;
  read_lines(slot.process->ready(), slot.ready, [&](std::string_view line) {
    for (const auto& [word, kind] : kWords) {
      if (!line.starts_with(word)) continue;
      const bool imports = word == "importing ";
      const std::string_view rest = imports ? line : line.substr(word.size());
      events.push_back({.kind = kind, .host = host, .reason = std::string{rest}});
    }
  });
  for (const HostEvent& event : events) step(event);
}

/// After the process has ended: reads its last lines, reaps it, and logs why it ended.
void Supervisor::collect(std::size_t host) {
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
  // The host's own line is the better reason: it names the node that crashed.
  const bool told = tells_crash(slot.crash, end->reason);
  const std::string& reason = told ? slot.crash : end->reason;
  note_early_end(host, reason);
  step({.kind = HostEvent::Kind::kExited,
        .host = host,
        .reason = reason,
        .success = end->success,
        .terminated = end->terminated});
  // In the service's base horusd does this, to whom the folder of copies belongs. The reason is the
  // table's, which knows that a signal was the end of a hang.
  if (table_.hosts()[host].ended_badly && base_ != shm::kServiceBase) {
    boxes_.ask("host '" + slot.entry.name + "' ended: " + table_.hosts()[host].reason);
  }
}

/// Tells a program to wait no longer for a host that fails again and again. The supervisor itself
/// goes on starting it.
void Supervisor::note_early_end(std::size_t host, const std::string& reason) {
  Slot& slot = slots_[host];
  const bool early = table_.hosts()[host].state == HostState::kStarting;
  slot.early_ends = early ? slot.early_ends + 1 : 0;
  if (slot.early_ends != kMostEarlyEnds) return;
  const std::string text = "it ended " + std::to_string(kMostEarlyEnds) +
                           " times before it was ready; the last time: " + reason;
  tell_program_of(host, "failed", text);
}

void Supervisor::tell_program_of(std::size_t host, const char* what, const std::string& text) {
  if (program_fd_ < 0) return;
  const std::string line = wire::to_line({{"host", slots_[host].entry.name},
                                          {"is", what},
                                          {"text", printable(text).substr(0, kLongestText)}}) +
                           "\n";
  // A failed write is ignored: the program is gone.
  [[maybe_unused]] const ssize_t told = ::write(program_fd_, line.data(), line.size());
}

void Supervisor::each_round() {
  if (++rounds_ % kRoundsPerHeartbeat == 0) check_heartbeats();
  for (std::size_t i = 0; i < slots_.size(); ++i) look(i);
  for (std::size_t i = 0; i < slots_.size(); ++i) look_for_debugger(i);
  step({.kind = HostEvent::Kind::kTime});
  for (std::size_t i = 0; i < slots_.size(); ++i) tell_slow_start(i);
}

/// Notes a debugger (ptrace) that holds a host in its start. Later, and for a debugger inside the
/// interpreter, the host reports it itself.
void Supervisor::look_for_debugger(std::size_t host) {
  const auto& process = slots_[host].process;
  const bool starts = table_.hosts()[host].state == HostState::kStarting;
  if (!starts || !process || !is_process_traced(process->pid())) return;
  step({.kind = HostEvent::Kind::kHeld, .host = host});
}

void Supervisor::tell_slow_start(std::size_t host) {
  const HostTable::Host& row = table_.hosts()[host];
  const Nanos patience = HostTable::kReadyPatience;
  const bool slow =
      row.state == HostState::kStarting && MonotonicClock::now() - row.since >= patience;
  if (!slow || std::exchange(slots_[host].slow_start_said, true)) return;
  say(LogLevel::kWarning, host,
      "is not ready after " + seconds(patience) +
          (row.stage.empty() ? "" : ": still " + row.stage + "; its stack is in the log"));
}

void Supervisor::check_heartbeats() {
  keep_board();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (table_.hosts()[i].state != HostState::kReady) continue;
    if (!slot.page) {
      auto page = shm::StatsPage::open(base_, slot.entry.name, 0);
      if (page) slot.page = std::move(page).value();
    }
    // Without a readable page nothing is known about the heartbeat, nor while a debugger holds the
    // process. Then rounds_, which always moves, stands in for it.
    const bool known = slot.page && !(slot.process && is_process_traced(slot.process->pid()));
    const std::uint64_t beats = known ? slot.page->host().heartbeat.value() : rounds_;
    step({.kind = HostEvent::Kind::kHeartbeat, .host = i, .beats = beats});
  }
}

/// Logs changed states, updates the board, and tells systemd the status.
void Supervisor::tell() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const HostTable::Host& host = table_.hosts()[i];
    if (told_states_[i] == host.state) continue;
    told_states_[i] = host.state;
    const LogLevel level = host.ended_badly ? LogLevel::kError : LogLevel::kInfo;
    if (host.state == HostState::kReady) say(LogLevel::kInfo, i, "ready");
    if (host.state == HostState::kWaiting) {
      const std::string when = host.delay == Nanos{} ? "at once" : "in " + seconds(host.delay);
      say(level, i, "ended: " + host.reason + "; started again " + when);
    }
    if (host.state == HostState::kEnded && !stopping_) {
      say(level, i, "ended: " + host.reason + "; its policy: not started again");
    }
    if (host.state == HostState::kEnded && stopping_ && host.failed) tell_bad_end(i);
  }
  show_board();
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

/// Logs, at the end of the supervisor, how a host failed.
void Supervisor::tell_bad_end(std::size_t host) {
  const HostTable::Host& row = table_.hosts()[host];
  if (row.reason.empty()) {
    say(LogLevel::kError, host, "never was ready");
  } else if (row.was_down) {
    say(LogLevel::kWarning, host,
        "was down, and waited for its next start; it had ended: " + row.reason);
  } else {
    say(LogLevel::kError, host, "ended: " + row.reason);
  }
  if (row.broke()) tell_program_of(host, "broke", row.reason);
}

/// Makes the board, again if somebody removed it.
void Supervisor::keep_board() {
  // No board for a program's hosts: no configuration expects them.
  if (program_fd_ >= 0 || (board_ && board_->is_named())) return;
  auto made = shm::HostBoard::create(base_, robot_, slots_.size());
  if (made) {
    board_ = std::move(made).value();
    return show_board();
  }
  board_.reset();
  if (std::exchange(boardless_said_, true)) return;
  journal_.say(LogLevel::kWarning, "'horusctl status' does not tell of hosts that start or end: " +
                                       describe(made.error()));
}

void Supervisor::show_board() {
  if (!board_) return;
  std::vector<shm::HostRow> rows;
  for (const HostTable::Host& host : table_.hosts()) {
    rows.push_back({.name = NodeName::clipped(host.name),
                    .since_ns = to_ns(host.since),
                    .state = host.state,
                    .badly = host.ended_badly ? 1U : 0U,
                    .why = Name<256>::clipped(host.why())});
  }
  board_->show(rows);
}

std::string Supervisor::status_text() const {
  std::string text = "py " + std::to_string(table_.ready()) + "/" + std::to_string(slots_.size());
  for (const HostTable::Host& host : table_.hosts()) {
    if (host.state == HostState::kReady) continue;
    text += " | " + host.name + " " + to_text(host.state);
    if (const std::string why = host.why(); !why.empty()) text += " (" + why + ")";
  }
  return text;
}

void Supervisor::say(LogLevel level, std::size_t host, const std::string& text) {
  const std::string& name = slots_[host].entry.name;
  journal_.say_about(name, "", level, "host '" + name + "' " + text);
}

}  // namespace horus::service

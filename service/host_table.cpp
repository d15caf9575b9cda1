// SPDX-License-Identifier: Apache-2.0
#include "service/host_table.hpp"

#include <algorithm>
#include <utility>

namespace horus::service {

HostTable::HostTable(const std::vector<HostEntry>& entries, Nanos stop_timeout)
    : stop_timeout_{stop_timeout} {
  for (const HostEntry& entry : entries) {
    Host& host = hosts_.emplace_back();
    host.name = entry.name;
    host.policy = entry.restart;
    host.longest_delay_ = entry.restart_wait;
    host.silence_ =
        std::max(entry.watchdog.value_or(kWatchdog) + entry.hang_timeout.value_or(kHangTimeout),
                 kLeastSilence);
    host.start_timeout_ = entry.start_timeout;
    host.program_ = entry.script;
    host.may_end_early_ = entry.script || entry.shares_stdout;
  }
}

std::string HostTable::Host::why() const {
  if (state != HostState::kStarting || said_why_) return reason;
  if (!ended_badly || reason.empty()) return stage;
  return "it ended before: " + reason + (stage.empty() ? "" : "; now " + stage);
}

std::vector<HostAction> HostTable::step(const HostEvent& event, TimePoint now) {
  using Kind = HostEvent::Kind;
  if (event.kind == Kind::kStart) return start_due(now);
  if (event.kind == Kind::kTime) return enforce_time(now);
  if (event.kind == Kind::kStop) return stop_all(now);
  if (event.kind == Kind::kHurry) return kill_all();
  Host& host = hosts_.at(event.host);
  if (event.kind == Kind::kExited) {
    exited(host, event, now);
  } else if (host.running()) {
    tell(host, event, now);
  }
  return {};
}

void HostTable::tell(Host& host, const HostEvent& event, TimePoint now) {
  using Kind = HostEvent::Kind;
  if (event.kind == Kind::kStage) {
    host.stage = event.reason;
  } else if (event.kind == Kind::kFailed && !host.said_why_) {
    host.reason = event.reason;
    host.said_why_ = true;
  } else if (event.kind == Kind::kHang && !host.said_why_) {
    host.reason = "hang: " + event.reason;
    host.said_why_ = true;
    host.kill_at_ = now + kLastWords;
  } else if (event.kind == Kind::kHangTold && host.kill_at_) {
    host.kill_at_ = now;
  } else if (event.kind == Kind::kReady) {
    // The report may arrive after the host was told to stop.
    host.was_ready_ = host.ready_in_this_life_ = true;
    if (host.state != HostState::kStarting) return;
    enter(host, HostState::kReady, now);
    host.beaten_ = now;
  } else if (event.kind == Kind::kHeartbeat && event.beats != host.beats_) {
    host.beats_ = event.beats;
    host.beaten_ = now;
  } else if (event.kind == Kind::kHeld) {
    if (now - host.held_ <= kLongestRound) forgive(host, now - host.held_);
    host.held_ = now;
  }
}

/// Takes `time` off the host's silence and off its start.
void HostTable::forgive(Host& host, Nanos time) noexcept {
  host.beaten_ += time;
  if (host.state == HostState::kStarting) host.since += time;
}

std::vector<HostAction> HostTable::start_due(TimePoint now) {
  std::vector<HostAction> actions;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[i];
    if (host.state != HostState::kWaiting || now < host.next_start) continue;
    enter(host, HostState::kStarting, now);
    ++host.starts;
    host.killed_ = false;
    host.said_why_ = false;
    host.ready_in_this_life_ = false;
    host.kill_at_.reset();
    host.stage.clear();
    actions.push_back({.kind = HostAction::Kind::kSpawn, .host = i});
  }
  return actions;
}

std::vector<HostAction> HostTable::stop_all(TimePoint now) {
  std::vector<HostAction> actions;
  stopping_ = true;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[i];
    if (host.state == HostState::kStopping) continue;
    if (host.state == HostState::kWaiting) host.failed = host.was_down = true;
    if (!host.running()) {
      enter(host, HostState::kEnded, now);
      continue;
    }
    enter(host, HostState::kStopping, now);
    actions.push_back({.kind = HostAction::Kind::kTerminate, .host = i});
  }
  return actions;
}

void HostTable::say_why(Host& host, const char* reason) {
  if (!std::exchange(host.said_why_, true)) host.reason = reason;
}

std::vector<HostAction> HostTable::kill_all() {
  std::vector<HostAction> actions;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[i];
    if (!host.running() || std::exchange(host.killed_, true)) continue;
    say_why(host, "killed: the stop was not to wait");
    actions.push_back({.kind = HostAction::Kind::kKill, .host = i});
  }
  return actions;
}

std::vector<HostAction> HostTable::enforce_time(TimePoint now) {
  forgive_standstill(now);
  std::vector<HostAction> actions = start_due(now);
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    if (const auto kind = enforce(hosts_[i], now)) actions.push_back({.kind = *kind, .host = i});
  }
  return actions;
}

/// After a standstill of the machine or of the supervisor: the time does not count as the hosts'
/// silence.
void HostTable::forgive_standstill(TimePoint now) noexcept {
  const Nanos round = now - last_round_;
  if (last_round_ != TimePoint{} && round > kLongestRound) {
    for (Host& host : hosts_) forgive(host, round);
  }
  last_round_ = now;
}

std::optional<HostAction::Kind> HostTable::enforce(Host& host, TimePoint now) {
  if (host.killed_ || !host.running()) return std::nullopt;
  const auto deadline = host.kill_at_ ? host.kill_at_ : patience_ends(host);
  if (!deadline || now < *deadline) return std::nullopt;
  if (host.kill_at_ || host.state == HostState::kStopping) {
    host.killed_ = true;
    say_why(host, "ignored SIGTERM, killed");  // The reason of a hang stays.
    return HostAction::Kind::kKill;
  }
  const bool starts = host.state == HostState::kStarting;
  host.reason = starts ? "hang: not ready in time" : "hang: its process does not move any more";
  if (starts && !host.stage.empty()) host.reason += ", still " + host.stage;
  host.said_why_ = true;
  host.kill_at_ = now + kLastWords;
  return HostAction::Kind::kAbort;
}

/// Whether an end counts as a success. A host that ends by itself before it was ready has failed,
/// even with exit code 0, unless it may end early.
bool HostTable::ended_well(const Host& host, const HostEvent& event) const noexcept {
  const bool starts = !host.ready_in_this_life_;
  // A process without a scheduler, as in its start, does not handle SIGTERM: our own signal ends
  // it.
  if (stopping_) return event.success || (event.terminated && (host.program_ || starts));
  return event.success && (host.may_end_early_ || !starts);
}

void HostTable::exited(Host& host, const HostEvent& event, TimePoint now) {
  const bool success = ended_well(host, event);
  if (!host.said_why_ && !host.killed_) {
    const bool early = event.success && !success;
    host.reason = early ? "it ended before it was ready (exit code 0)" : event.reason;
  }
  if (stopping_ && !host.was_ready_ && !(host.program_ && success)) {
    host.failed = true;
    if (!host.said_why_) {
      host.reason = "was not ready yet" + (host.stage.empty() ? "" : ", still " + host.stage);
    }
  }
  host.ended_badly = !success;
  const bool again = host.policy == RestartPolicy::kAlways ||
                     (host.policy == RestartPolicy::kOnFailure && !success);
  if (stopping_ || !again) {
    host.failed = host.failed || !success;
    enter(host, HostState::kEnded, now);
    return;
  }
  // Only time in which it was ready counts as healthy, not the time of its start.
  const auto healthy = host.state == HostState::kReady ? (now - host.since) / kHealthy : 0;
  for (std::int64_t i = 0; i < healthy && host.delay > Nanos{}; ++i) {
    host.delay = host.delay <= kFirstDelay ? Nanos{} : host.delay / 2;
  }
  host.delay = std::min(std::max(host.delay * 2, kFirstDelay), host.longest_delay_);
  host.next_start = now + host.delay;
  enter(host, HostState::kWaiting, now);
}

void HostTable::enter(Host& host, HostState state, TimePoint now) noexcept {
  host.state = state;
  host.since = now;
}

std::optional<TimePoint> HostTable::patience_ends(const Host& host) const noexcept {
  if (host.state == HostState::kReady) return host.beaten_ + host.silence_;
  if (host.state == HostState::kStarting && host.start_timeout_) {
    return host.since + *host.start_timeout_;
  }
  if (host.state != HostState::kStopping || stop_timeout_ == Nanos{}) return std::nullopt;
  return host.since + stop_timeout_ + kGrace;
}

std::size_t HostTable::ready() const noexcept {
  return static_cast<std::size_t>(std::ranges::count(hosts_, HostState::kReady, &Host::state));
}

bool HostTable::settled(TimePoint now) const noexcept {
  return std::ranges::all_of(hosts_, [now](const Host& host) {
    if (host.state == HostState::kStarting) {
      return host.starts > 1 || now - host.since >= kReadyPatience;
    }
    return host.state == HostState::kReady || host.starts > 0;
  });
}

bool HostTable::failed() const noexcept {
  return std::ranges::any_of(hosts_, &Host::failed);
}

bool HostTable::all_ended() const noexcept {
  return std::ranges::all_of(hosts_,
                             [](const Host& host) { return host.state == HostState::kEnded; });
}

bool HostTable::finished() const noexcept {
  return stopping_ && std::ranges::none_of(hosts_, &Host::running);
}

}  // namespace horus::service

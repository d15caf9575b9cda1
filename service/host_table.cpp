// SPDX-License-Identifier: Apache-2.0
#include "service/host_table.hpp"

#include <algorithm>

namespace horus::service {

const char* to_text(HostState state) noexcept {
  switch (state) {
    case HostState::kWaiting: return "waiting";
    case HostState::kStarting: return "starting";
    case HostState::kReady: return "ready";
    case HostState::kStopping: return "stopping";
    case HostState::kEnded: return "ended";
  }
  return "unknown";
}

HostTable::HostTable(const std::vector<HostEntry>& entries) {
  for (const HostEntry& entry : entries) {
    Host& host = hosts_.emplace_back();
    host.name = entry.name;
    host.policy = entry.restart;
  }
}

std::vector<HostAction> HostTable::step(const HostEvent& event, TimePoint now) {
  using Kind = HostEvent::Kind;
  if (event.kind == Kind::kStart) return start_due(now);
  if (event.kind == Kind::kTime) return enforce_time(now);
  if (event.kind == Kind::kStop) return stop_all(now);
  Host& host = hosts_.at(event.host);
  if (event.kind == Kind::kExited) {
    exited(host, event, now);
  } else if (event.kind == Kind::kFailed) {
    host.reason = event.reason;
    host.said_why_ = true;
  } else if (event.kind == Kind::kReady && host.state == HostState::kStarting) {
    enter(host, HostState::kReady, now);
    host.beaten_ = now;
  } else if (event.kind == Kind::kHeartbeat && event.beats != host.beats_) {
    host.beats_ = event.beats;
    host.beaten_ = now;
  }
  return {};
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
    if (!host.running()) {
      enter(host, HostState::kEnded, now);
      continue;
    }
    enter(host, HostState::kStopping, now);
    actions.push_back({.kind = HostAction::Kind::kTerminate, .host = i});
  }
  return actions;
}

std::vector<HostAction> HostTable::enforce_time(TimePoint now) {
  std::vector<HostAction> actions = start_due(now);
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[i];
    const auto deadline = patience_ends(host);
    if (host.killed_ || !deadline || now < *deadline) continue;
    if (host.state == HostState::kReady) host.reason = "its heartbeat stood still";
    host.killed_ = true;
    actions.push_back({.kind = HostAction::Kind::kKill, .host = i});
  }
  return actions;
}

void HostTable::exited(Host& host, const HostEvent& event, TimePoint now) {
  if (!host.said_why_ && !host.killed_) host.reason = event.reason;
  if (host.killed_ && host.state == HostState::kStopping) host.reason = "ignored SIGTERM, killed";
  const bool again = host.policy == RestartPolicy::kAlways ||
                     (host.policy == RestartPolicy::kOnFailure && !event.success);
  if (stopping_ || !again) {
    enter(host, HostState::kEnded, now);
    return;
  }
  // Minutes of health are minutes of being ready, not of trying to.
  const auto healthy = host.state == HostState::kReady ? (now - host.since) / kHealthy : 0;
  for (std::int64_t i = 0; i < healthy && host.delay > Nanos{}; ++i) {
    host.delay = host.delay <= kFirstDelay ? Nanos{} : host.delay / 2;
  }
  host.delay = std::clamp(host.delay * 2, kFirstDelay, kLongestDelay);
  host.next_start = now + host.delay;
  enter(host, HostState::kWaiting, now);
}

void HostTable::enter(Host& host, HostState state, TimePoint now) noexcept {
  host.state = state;
  host.since = now;
}

std::optional<TimePoint> HostTable::patience_ends(const Host& host) const noexcept {
  if (host.state == HostState::kReady) return host.beaten_ + kHang;
  if (host.state == HostState::kStopping) return host.since + kGrace;
  return std::nullopt;
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

bool HostTable::finished() const noexcept {
  return stopping_ && std::ranges::none_of(hosts_, &Host::running);
}

}  // namespace horus::service

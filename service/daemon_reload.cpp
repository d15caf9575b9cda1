// SPDX-License-Identifier: Apache-2.0
// How the daemon takes another configuration while it runs.
#include <algorithm>
#include <utility>

#include "service/daemon.hpp"
#include "service/describe.hpp"
#include "service/wire/host_control.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {
namespace {

/// At least so long between two reloads by SIGHUP.
constexpr Nanos kReloadPause = 1s;
/// How long set_log_level() waits for all hosts together. Any member of the group may make a host,
/// and it need not answer.
constexpr Nanos kHostsPatience = 1s;

}  // namespace

ReloadOutcome Daemon::reload() {
  if (stopping_) return {.accepted = false, .message = "horusd is stopping"};
  ConfigResult loaded = load_checked(paths_.config, ConfigScope::kNodes);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    note_ = "reload rejected: " + error->text;
    return {.accepted = false, .message = error->text};
  }
  note_.clear();
  auto& wanted = std::get<Config>(loaded);
  if (!wanted.warning.empty()) journal_.say(LogLevel::kWarning, wanted.warning);
  const ConfigChanges changes = compare(config_, wanted);
  std::string message = apply(changes, std::move(wanted));
  if (BlackBox* const box = robot_->box()) box->write(EventKind::kConfig, "reload: " + message);
  return {.accepted = true, .message = std::move(message)};
}

/// Applies what can change without a restart (SVC-6), also in config_, so that the next reload
/// compares with it. Returns a line that says what is in force and what needs a restart.
std::string Daemon::apply(const ConfigChanges& changes, Config wanted) {
  std::string applied;
  std::string rest;
  const auto add = [&rest](const std::string& change) {
    rest += (rest.empty() ? "" : "; ") + change;
  };
  for (const auto& change : changes.budgets) {
    const std::string& name = change.first;
    const Nanos budget = change.second;
    if (const Status set = robot_->set_budget(name, budget); !set) {
      add("node " + name + ": budget (" + describe(set.error()) + ")");
      continue;
    }
    applied += (applied.empty() ? "" : ", ") + name;
    const auto is_named = [&name](const NodeEntry& node) { return node.config.name == name; };
    NodeEntry& running = *std::ranges::find_if(config_.nodes, is_named);
    const NodeEntry& after = *std::ranges::find_if(wanted.nodes, is_named);
    running.config.budget = budget;
    running.written["budget"] = after.written.at("budget");
  }
  if (changes.limits) config_.limits = std::move(wanted.limits);
  for (const std::string& change : changes.others) add(change);
  std::string message;
  if (!applied.empty()) message = "in force: budget of " + applied;
  if (changes.limits) message += message.empty() ? "in force: limits" : ", limits";
  if (!rest.empty()) message += (message.empty() ? "" : "; ") + ("restart needed for: " + rest);
  return message.empty() ? "nothing has changed" : message;
}

bool Daemon::set_log_level(const std::string& node, LogLevel level) {
  if (robot_ && robot_->set_log_level(node, level)) return true;
  const TimePoint until = MonotonicClock::now() + kHostsPatience;
  const auto hosts = called_hosts(paths_.base, configured_hosts(config_), [&](const auto& page) {
    return std::ranges::any_of(page.nodes(),
                               [&node](const NodeStats& one) { return one.name.view() == node; });
  });
  for (const wire::HostPlace& place : hosts.places) {
    for (const std::string& folder : place.folders) {
      const Nanos left = until - MonotonicClock::now();
      if (left <= Nanos{}) return false;
      if (wire::set_log_level(folder, place.file, node, level, left)) return true;
    }
  }
  if (hosts.left_out) {
    journal_.say(LogLevel::kWarning, "log level of '" + node + "': " + kLeftOut);
  }
  return false;
}

void Daemon::reload_soon() {
  if (reload_timer_ != 0) return;
  const Nanos passed = MonotonicClock::now() - reloaded_;
  if (passed >= kReloadPause) return reload_and_log();
  // The signal is not dropped: a file that changed since the last reload must be read.
  auto timer = loop_.every(kReloadPause - passed, [this] {
    loop_.forget(std::exchange(reload_timer_, 0));
    reload_and_log();
  });
  timer ? void(reload_timer_ = timer.value()) : reload_and_log();
}

void Daemon::reload_and_log() {
  reloaded_ = MonotonicClock::now();
  const ReloadOutcome outcome = reload();
  journal_.say(outcome.accepted ? LogLevel::kInfo : LogLevel::kError,
               (outcome.accepted ? "reload: " : "reload rejected: ") + outcome.message);
}

}  // namespace horus::service

// SPDX-License-Identifier: Apache-2.0
// How the daemon takes another configuration while it runs.
#include <algorithm>
#include <utility>

#include "service/daemon.hpp"
#include "service/describe.hpp"
#include "service/wire/host_control.hpp"
#include "shm/names.hpp"
#include "shm/stats_page.hpp"

namespace horus::service {
namespace {

/// From one SIGHUP's reload to the next.
constexpr Nanos kReloadPause = 1s;
/// Where horus-pyhost.service has its hosts' sockets.
/// For all hosts together: whoever may make pages may also not answer.
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

/// Puts into force what can be without a restart, and says the rest.
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
  // Python hosts have their sockets where their unit puts them, else beside their pages.
  const std::string hosts = paths_.base + "/hosts";
  const TimePoint until = MonotonicClock::now() + kHostsPatience;
  for (const shm::StatsPage& page : shm::StatsPage::open_all(paths_.base)) {
    const bool has = std::ranges::any_of(
        page.nodes(), [&node](const NodeStats& one) { return one.name.view() == node; });
    if (!has || !page.alive()) continue;
    const std::string file = shm::escape(page.host().name.view()) + std::string{shm::kSocketSuffix};
    for (const std::string& folder : {std::string{kPythonRuntime}, hosts}) {
      const Nanos left = until - MonotonicClock::now();
      if (left <= Nanos{}) return false;
      if (wire::set_log_level(folder, file, node, level, left)) return true;
    }
  }
  return false;
}

void Daemon::reload_soon() {
  if (reload_timer_ != 0) return;
  const Nanos passed = MonotonicClock::now() - reloaded_;
  if (passed >= kReloadPause) return reload_and_log();
  // A file that changed after the last reload is still read.
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

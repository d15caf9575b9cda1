// SPDX-License-Identifier: Apache-2.0
#include "service/daemon.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "service/describe.hpp"
#include "service/notify.hpp"
#include "service/wire/interfaces.hpp"
#include "shm/registry.hpp"

namespace horus::service {
namespace {

constexpr Nanos kReadyCheck = 20ms;
constexpr Nanos kStatusCheck = 1s;
/// Without systemd's watchdog a hang is looked for, and said, this often.
constexpr Nanos kAliveCheck = 1s;
constexpr std::size_t kWaiterStack = 256U << 10U;

Refusal internal(const Error& error) {
  return {.exit = Exit::kInternal, .text = describe(error)};
}

const char* to_text(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::kRequested: return "asked to";
    case StopReason::kDuration: return "the time is over";
    case StopReason::kMissPolicy: return "missed its deadline, and its policy is to stop";
    case StopReason::kNodeFailure: return "failed, and its policy is fatal";
    case StopReason::kNotStarted: return "did not start";
  }
  return "unknown";
}

}  // namespace

Daemon::Daemon(Config config, Paths paths, std::vector<StoredFd> stored, EventLoop& loop,
               Journal& journal)
    : config_{std::move(config)},
      paths_{std::move(paths)},
      stored_{std::move(stored)},
      loop_{loop},
      journal_{journal},
      server_{loop, *this, journal} {}

Daemon::~Daemon() = default;

Exit Daemon::run() {
  std::optional<Refusal> refusal = open_sockets();
  if (!refusal) refusal = start_robot();
  if (!refusal) refusal = start_watch();
  if (!refusal) refusal = await_stop();
  if (refusal) {
    if (robot_) robot_->request_stop();
    waiter_.reset();
    finish();
    return refuse("horusd", refusal->exit, refusal->text);
  }
  if (const Status ran = loop_.run(); !ran) {
    journal_.say(LogLevel::kError, describe(ran.error()));
    robot_->request_stop();
  }
  waiter_.reset();
  return finish();
}

std::optional<Refusal> Daemon::open_sockets() {
  auto refusal = open_socket(wire::kStatsSocket, "horus-stats", Rights::kStats);
  if (!refusal) refusal = open_socket(wire::kControlSocket, "horus-admin", Rights::kControl);
  return refusal;
}

std::optional<Refusal> Daemon::open_socket(const char* name, const char* group, Rights rights) {
  const std::string path = paths_.runtime + "/" + name;
  const Access access{.group = find_group(group)};
  UniqueFd listener = take_stored(name, path);
  if (!listener) {
    auto made = listen_at(path, access);
    if (!made) return Refusal{.exit = Exit::kFailure, .text = describe(made.error())};
    listener = std::move(made).value();
    // A client that connects while systemd restarts us waits in the backlog.
    notify::store(listener.get(), name);
  }
  const Status served = server_.serve(std::move(listener), access, rights);
  return served ? std::nullopt : std::optional{internal(served.error())};
}

std::optional<Refusal> Daemon::start_robot() {
  notify::status("starting " + std::to_string(config_.nodes.size()) + " nodes");
  auto started = Robot::start(config_, paths_.base, journal_);
  if (auto* refusal = std::get_if<Refusal>(&started)) return std::move(*refusal);
  robot_ = std::get<std::unique_ptr<Robot>>(std::move(started));
  log_degradations();
  return std::nullopt;
}

void Daemon::log_degradations() {
  for (const Degradation& degraded : robot_->degraded()) {
    journal_.say(degraded.severity > 0 ? LogLevel::kWarning : LogLevel::kInfo,
                 degraded.feature + " not granted (" + degraded.reason + "), going on without; " +
                     degraded.fix);
  }
}

std::optional<Refusal> Daemon::start_watch() {
  auto start = loop_.every(kReadyCheck, [this] { watch_start(); });
  if (!start) return internal(start.error());
  start_watch_ = start.value();
  const Nanos limit = notify::watchdog_interval().value_or(3 * kAliveCheck);
  auto watchdog = loop_.every(limit / 3, [this] { feed_watchdog(); });
  if (!watchdog) return internal(watchdog.error());
  auto status = loop_.every(kStatusCheck, [this] { tell_status(); });
  return status ? std::nullopt : std::optional{internal(status.error())};
}

/// A thread that waits for the robot to stop, and then tells the loop.
std::optional<Refusal> Daemon::await_stop() {
  stopped_ = UniqueFd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!stopped_) return internal(Error::from_errno("create event descriptor"));
  auto watched = loop_.watch(stopped_.get(), EPOLLIN, [this](std::uint32_t) { loop_.stop(); });
  if (!watched) return internal(watched.error());
  auto thread = RtThread::start(
      {.name = ThreadName::clipped("horus-wait"), .stack_size = kWaiterStack, .prefault = 0},
      [](void* self) {
        auto& daemon = *static_cast<Daemon*>(self);
        daemon.report_ = daemon.robot_->wait();
        ::eventfd_write(daemon.stopped_.get(), 1);
      },
      this);
  if (!thread) return internal(thread.error());
  waiter_ = std::move(thread).value();
  return std::nullopt;
}

void Daemon::watch_start() {
  if (!robot_->ready()) return;
  loop_.forget(start_watch_);
  ready_ = true;
  const StatusFacts now = facts();
  static_cast<void>(pace_.due(now, MonotonicClock::now()));
  notify::ready(status_line(now));
  journal_.say(LogLevel::kInfo,
               "ready: " + std::to_string(config_.nodes.size()) + " nodes, " + status_line(now));
}

void Daemon::feed_watchdog() {
  if (stopping_ || robot_->alive()) {
    if (rounds_not_alive_ > 0) journal_.say(LogLevel::kWarning, "every node moves again");
    rounds_not_alive_ = 0;
    return notify::watchdog();
  }
  // One round of grace: the machine itself may have stood still.
  if (++rounds_not_alive_ == 1) {
    journal_.say(LogLevel::kError, "a node does not move any more");
  } else if (rounds_not_alive_ == 2) {
    journal_.say(LogLevel::kError, "a node hangs: asking for a restart");
    notify::watchdog_trigger();
  }
}

void Daemon::tell_status() {
  if (!ready_ || stopping_) return;
  const StatusFacts now = facts();
  if (pace_.due(now, MonotonicClock::now())) notify::status(status_line(now));
}

StatusFacts Daemon::facts() const {
  StatusFacts facts;
  facts.realtime = config_.realtime.mode != RtMode::kOff;
  for (const Degradation& degraded : robot_->degraded()) {
    if (degraded.severity > 0) facts.degraded.push_back(degraded.feature);
  }
  add_nodes(facts, robot_->nodes());
  facts.python_total = config_.hosts.size();
  for (const HostEntry& host : config_.hosts) {
    const auto page = shm::StatsPage::open(paths_.base + "/hosts/" + host.name + ".stats");
    if (!page) continue;
    add_pauses(facts, page.value().host().gc);
    if (page.value().alive() && page.value().host().ready.value() != 0) ++facts.python_ready;
  }
  facts.note = note_;
  return facts;
}

void Daemon::stop() {
  if (stopping_) return;
  stopping_ = true;
  notify::stopping("stopping");
  journal_.say(LogLevel::kInfo, "stopping");
  if (robot_) robot_->request_stop();
}

/// Everything of ours goes, whatever the reason: what is to survive survives a crash, not a stop.
Exit Daemon::finish() {
  const bool clean = report_.reason == StopReason::kRequested;
  if (!clean) {
    const std::string why = "node '" + report_.node + "' " + to_text(report_.reason) +
                            (report_.error.empty() ? "" : ": " + report_.error);
    journal_.say(LogLevel::kError, why);
    notify::failed(why, ECANCELED);
  }
  if (robot_ && clean) robot_->forget();
  robot_.reset();
  for (const char* name : {wire::kStatsSocket, wire::kControlSocket}) {
    ::unlink((paths_.runtime + "/" + name).c_str());
  }
  shm::sweep(paths_.base, /*hosts_too=*/clean);
  return clean ? Exit::kOk : Exit::kFailure;
}

UniqueFd Daemon::take_stored(const std::string& name, const std::string& path) {
  for (StoredFd& stored : stored_) {
    if (stored.name == name && is_listening_at(stored.fd.get(), path)) return std::move(stored.fd);
  }
  return {};
}

wire::StatsView Daemon::stats() {
  std::vector<wire::HostView> hosts;
  for (const shm::StatsPage& page : shm::StatsPage::open_all(paths_.base)) {
    hosts.push_back(wire::read_host(page.host(), page.nodes(), page.alive()));
  }
  return wire::stats_of(std::move(hosts));
}

Expected Daemon::expected() {
  Expected expected{.files = config_.files, .hosts = {{config_.robot.name, "cpp"}}};
  for (const HostEntry& host : config_.hosts) expected.hosts.emplace_back(host.name, "python");
  return expected;
}

ReloadOutcome Daemon::reload() {
  if (stopping_) return {.accepted = false, .message = "horusd is stopping"};
  ConfigResult loaded = load_checked(paths_.config, ConfigScope::kNodes);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    note_ = "reload rejected: " + error->text;
    return {.accepted = false, .message = error->text};
  }
  note_.clear();
  auto& wanted = std::get<Config>(loaded);
  const ConfigChanges changes = compare(config_, wanted);
  return {.accepted = true, .message = apply(changes, std::move(wanted))};
}

/// Puts into force what can be without a restart, and says the rest.
std::string Daemon::apply(const ConfigChanges& changes, Config wanted) {
  std::string applied;
  for (const auto& change : changes.budgets) {
    const std::string& name = change.first;
    const Nanos budget = change.second;
    if (!robot_->set_budget(name, budget)) continue;
    applied += (applied.empty() ? "" : ", ") + name;
    const auto is_named = [&name](const NodeEntry& node) { return node.config.name == name; };
    NodeEntry& running = *std::ranges::find_if(config_.nodes, is_named);
    const NodeEntry& after = *std::ranges::find_if(wanted.nodes, is_named);
    running.config.budget = budget;
    running.written["budget"] = after.written.at("budget");
  }
  std::string rest;
  for (const std::string& change : changes.others) rest += (rest.empty() ? "" : "; ") + change;
  if (applied.empty() && rest.empty()) return "nothing has changed";
  std::string message;
  if (!applied.empty()) message = "in force: budget of " + applied;
  if (!rest.empty()) message += (message.empty() ? "" : "; ") + ("restart needed for: " + rest);
  return message;
}

void Daemon::reload_and_log() {
  const ReloadOutcome outcome = reload();
  journal_.say(outcome.accepted ? LogLevel::kInfo : LogLevel::kError,
               (outcome.accepted ? "reload: " : "reload rejected: ") + outcome.message);
}

}  // namespace horus::service

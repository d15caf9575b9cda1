// SPDX-License-Identifier: Apache-2.0
#include "service/daemon.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "service/describe.hpp"
#include "service/notify.hpp"
#include "service/page_source.hpp"
#include "service/thread_report.hpp"
#include "service/wire/interfaces.hpp"
#include "shm/folder.hpp"
#include "shm/leave.hpp"
#include "shm/sweep.hpp"

namespace horus::service {
namespace {

constexpr Nanos kReadyCheck = 20ms;
constexpr Nanos kStatusCheck = 1s;
/// A start that goes on may take so long from one node to the next: as TimeoutStartSec= says.
constexpr Nanos kStartGrace = 30s;
/// Without systemd's watchdog a hang is looked for, and said, this often.
constexpr Nanos kAliveCheck = 1s;
/// While it stops, who is left behind is looked for this often.
constexpr Nanos kStopCheck = 100ms;
/// Longer than a stop takes beyond its timeout.
constexpr Nanos kStopMargin = 4s;
constexpr std::size_t kWaiterStack = 256U << 10U;
/// Of one removal, which may go on while sockets are made again.
constexpr Nanos kOneRemoval = 10s;
/// The sockets, the groups that may use them, and for what.
struct SocketRow {
  const char* name;
  const char* group;
  Rights rights;
};
constexpr std::array<SocketRow, 3> kSockets{
    {{wire::kStatsSocket, "horus-stats", Rights::kStats},
     {wire::kControlSocket, "horus-admin", Rights::kControl},
     {wire::kStopSocket, "horus", Rights::kStop}}};

Refusal internal(const Error& error) {
  return {.exit = exit_of(error, Exit::kInternal),
          .text = describe(error) + cure_of(shortage_of(error))};
}

}  // namespace

Daemon::Daemon(Config config, Paths paths, std::vector<StoredFd> stored, EventLoop& loop,
               Journal& journal)
    : config_{std::move(config)},
      paths_{std::move(paths)},
      stored_{std::move(stored)},
      loop_{loop},
      journal_{journal},
      server_{loop, *this, journal},
      boxes_{paths_.base, config_.robot.name, configured_hosts(config_), journal} {}

Daemon::~Daemon() = default;

Exit Daemon::run() {
  std::optional<Refusal> refusal = open_sockets();
  watch_crashes();
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
  if (!refusal_) return finish();
  report_.reason = StopReason::kNotStarted;
  robot_->forget();
  finish();
  return refuse("horusd", refusal_->exit, refusal_->text);
}

std::optional<Refusal> Daemon::open_sockets() {
  std::optional<Refusal> refusal;
  for (const SocketRow& row : kSockets) {
    if (!refusal) refusal = open_socket(row.name, row.group, row.rights);
  }
  stored_.clear();  // What is left is of no use.
  return refusal;
}

std::optional<Refusal> Daemon::open_socket(const char* name, const char* group, Rights rights) {
  const std::string path = paths_.runtime + "/" + name;
  const Access access{.group = find_group(group)};
  UniqueFd listener = take_stored(name, path);
  if (!listener) {
    auto made = listen_at(path, access);
    if (!made) {
      return Refusal{.exit = exit_of(made.error(), Exit::kFailure),
                     .text = describe(made.error()) + cure_of(shortage_of(made.error()))};
    }
    listener = std::move(made).value();
    // Else those that nobody can reach any more fill its store, life by life.
    notify::forget(name);
    // A client that connects while systemd restarts us waits in the backlog.
    notify::store(listener.get(), name);
  }
  const Status served = server_.serve(std::move(listener), access, rights);
  return served ? std::nullopt : std::optional{internal(served.error())};
}

/// Before anything of the robot's runs: the first crash may be its first tick.
void Daemon::watch_crashes() {
  auto place = CrashPlace::open(paths_.runtime);
  if (!place) {
    journal_.say(LogLevel::kWarning, describe(place.error()) + "; a crash would be told on stderr");
    return tell_crashes(nullptr);
  }
  crashes_ = std::move(place).value();
  tell_crashes(crashes_->note());
}

/// Once the plug-ins are loaded, whose symbols it names.
void Daemon::tell_last_crash() {
  if (!crashes_) return;
  const LastCrash crash = describe_crash(crashes_->last());
  last_crash_ = crash.summary;
  if (crash.summary.empty()) return;
  journal_.say(LogLevel::kError, crash.summary);
  for (const std::string& frame : crash.frames) journal_.say(LogLevel::kError, "  " + frame);
}

std::optional<Refusal> Daemon::start_robot() {
  notify::status("starting " + std::to_string(config_.nodes.size()) + " nodes");
  auto started = Robot::start(config_, paths_.base, journal_);
  if (auto* refusal = std::get_if<Refusal>(&started)) return std::move(*refusal);
  robot_ = std::get<std::unique_ptr<Robot>>(std::move(started));
  tell_last_crash();
  log_degradations();
  if (robot_->follows_a_death()) {
    boxes_.ask("the service before this one died" +
               (last_crash_.empty() ? "" : ": " + last_crash_));
  }
  return std::nullopt;
}

void Daemon::log_degradations() {
  const bool asked = asks_realtime(config_);
  for (const Degradation& degraded : robot_->degraded()) {
    journal_.say(asked && degraded.severity > 0 ? LogLevel::kWarning : LogLevel::kInfo,
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

/// A thread that starts the robot's nodes, waits for them to stop, and then tells the loop.
std::optional<Refusal> Daemon::await_stop() {
  stopped_ = UniqueFd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!stopped_) return internal(Error::from_errno("create event descriptor"));
  auto watched = loop_.watch(stopped_.get(), EPOLLIN, [this](std::uint32_t) { loop_.stop(); });
  if (!watched) return internal(watched.error());
  auto thread = RtThread::start(
      {.name = ThreadName::clipped("horus-wait"), .stack_size = kWaiterStack, .prefault = 0},
      [](void* self) {
        auto& daemon = *static_cast<Daemon*>(self);
        // An init() that blocks must not keep the loop from hearing a stop.
        daemon.refusal_ = daemon.robot_->begin();
        if (!daemon.refusal_) daemon.report_ = daemon.robot_->wait();
        ::eventfd_write(daemon.stopped_.get(), 1);
      },
      this);
  if (!thread) return internal(thread.error());
  waiter_ = std::move(thread).value();
  return std::nullopt;
}

/// Many nodes, or slow ones, are waited for as long as one after the other begins.
void Daemon::tell_progress() {
  const auto begun = std::ranges::count_if(robot_->nodes(), [](const NodeStats& node) {
    return node.state.value() > NodeState::kInitializing;
  });
  const TimePoint now = MonotonicClock::now();
  if (begun == begun_ || now - told_progress_ < kStatusCheck) return;
  begun_ = begun;
  told_progress_ = now;
  notify::starting("starting: " + std::to_string(begun) + " of " +
                       std::to_string(config_.nodes.size()) + " nodes have begun",
                   kStartGrace);
}

void Daemon::watch_start() {
  if (!robot_->ready()) return tell_progress();
  loop_.forget(start_watch_);
  ready_ = true;
  const StatusFacts now = facts();
  static_cast<void>(pace_.due(now, MonotonicClock::now()));
  notify::ready(status_line(now));
  journal_.say(LogLevel::kInfo,
               "ready: " + std::to_string(config_.nodes.size()) + " nodes, " + status_line(now));
}

void Daemon::feed_watchdog() {
  if (stopping_) {
    look_for_left_behind();
    return notify::watchdog();
  }
  if (robot_->alive()) {
    if (rounds_not_alive_ > 0) journal_.say(LogLevel::kWarning, "every node moves again");
    rounds_not_alive_ = 0;
    robot_->forget_hang();
    return notify::watchdog();
  }
  // One round of grace: the machine itself may have stood still. A second one would be systemd's
  // limit. By its end the node that hangs has been brought to rest, and can be named.
  if (++rounds_not_alive_ == 1) {
    const std::string_view node = robot_->silent_node();
    return journal_.say(
        LogLevel::kError,
        (node.empty() ? "a node" : "node '" + std::string{node} + "'") + " does not move any more");
  }
  const std::string why = robot_->hangs().hang().value_or("a thread does not run any more");
  if (notify::watchdog_interval()) {
    journal_.say(LogLevel::kError, why + ": asking for a restart");
    // What follows is an end at once.
    robot_->end(why, static_cast<int>(Exit::kLeftBehind));
    static_cast<void>(boxes_.flush(why, BoxKeeper::kAskPatience));
    notify::watchdog_trigger();
    return;
  }
  leave(why);
}

void Daemon::look_for_left_behind() {
  if (const auto left = robot_ ? robot_->hangs().left_behind() : std::nullopt) leave(*left);
}

/// Ends although a thread of the robot does not: nothing that it may use is destroyed.
void Daemon::leave(const std::string& why) {
  journal_.say(LogLevel::kError, why + ": the robot ends");
  notify::failed(why, ETIMEDOUT);
  robot_->end(why, static_cast<int>(Exit::kLeftBehind));
  put_boxes_away(why);
  journal_.close();
  robot_->forget();
  remove_sockets();
  if (crashes_) crashes_->remove();
  shm::leave_at_once(paths_.base);
  ::_exit(static_cast<int>(Exit::kLeftBehind));
}

/// Nobody reaches a service by sockets that were removed: it makes others.
void Daemon::look_for_sockets() {
  const auto runtime = shm::Folder::look(paths_.runtime);
  std::string lost;
  std::string why;
  for (const SocketRow& row : kSockets) {
    if (runtime && runtime.value()->has(row.name)) continue;
    lost += (lost.empty() ? "" : ", ") + std::string{row.name};
    if (const auto refusal = open_socket(row.name, row.group, row.rights)) why = refusal->text;
  }
  const bool failed_before = !std::exchange(socket_note_, {}).empty();
  const std::string text = "somebody removed the sockets in " + paths_.runtime + " (" + lost + ")";
  if (!why.empty()) {
    socket_note_ = "no client reaches " + lost + ": start this service again";
    if (failed_before) return;
    return journal_.say(LogLevel::kError,
                        text + ", and they cannot be made again: " + why + "; " + socket_note_);
  }
  const TimePoint now = MonotonicClock::now();
  const bool told = told_lost_ && now - *told_lost_ < kOneRemoval;
  if (!failed_before && (lost.empty() || told)) return;
  told_lost_ = now;
  if (failed_before) return journal_.say(LogLevel::kInfo, "clients reach this service again");
  journal_.say(LogLevel::kWarning, text + "; they were made again");
}

void Daemon::tell_status() {
  if (!ready_ || stopping_) return;
  look_for_sockets();
  StatusFacts now = facts();
  now.verdict = health();
  log_verdict(*now.verdict);
  // Elsewhere the hosts' supervisor keeps what they leave.
  if (paths_.base == shm::kServiceBase) boxes_.look();
  if (pace_.due(now, MonotonicClock::now())) notify::status(status_line(now));
}

/// Each reason once, when it appears; who reads the log later finds when it began.
void Daemon::log_verdict(const wire::HealthView& verdict) {
  std::set<std::string> reasons;
  for (const wire::Reason& reason : verdict.reasons) {
    if (!reasons.insert(reason.key()).second || told_reasons_.contains(reason.key())) continue;
    journal_.say_about(reason.host, reason.node, LogLevel::kWarning,
                       std::string{to_text(reason.health)} + ": " + reason.line());
  }
  if (reasons.empty() && !told_reasons_.empty()) journal_.say(LogLevel::kInfo, "healthy again");
  told_reasons_ = std::move(reasons);
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
    const auto page = shm::StatsPage::open(paths_.base, host.name, 0);
    if (!page) continue;
    add_pauses(facts, page.value().host().gc);
    if (page.value().alive() && page.value().host().ready.value() != 0) ++facts.python_ready;
  }
  for (const std::string& note : {socket_note_, note_, last_crash_}) {
    if (!note.empty()) facts.note += (facts.note.empty() ? "" : " | ") + note;
  }
  return facts;
}

void Daemon::stop() {
  if (stopping_) return;
  stopping_ = true;
  notify::stopping("stopping", config_.robot.stop_timeout + kStopMargin);
  journal_.say(LogLevel::kInfo, "stopping");
  if (robot_) robot_->request_stop();
  // Without it only the watchdog's rounds look.
  static_cast<void>(loop_.every(kStopCheck, [this] { look_for_left_behind(); }));
}

void Daemon::hurry() {
  if (stopping_ && robot_) robot_->hurry();
}

/// In one line.
std::string Daemon::end_of_run() const {
  if (refusal_) return "did not start: " + refusal_->text;
  if (report_.node.empty()) return to_text(report_.reason);
  return "node '" + report_.node + "' " + to_text(report_.reason) +
         (report_.error.empty() ? "" : ": " + report_.error);
}

/// Where nobody else does: they stay in memory if they cannot be kept.
void Daemon::put_boxes_away(const std::string& why) {
  if (!paths_.launched) boxes_.put_away(why);
}

/// Everything of ours goes, whatever the reason: what is to survive survives a crash, not a stop.
Exit Daemon::finish() {
  const bool clean = report_.reason == StopReason::kRequested;
  if (!clean && !refusal_) {
    const std::string why = end_of_run();
    journal_.say(LogLevel::kError, why);
    notify::failed(why, ECANCELED);
  }
  if (robot_ && clean) {
    robot_->say_ended();
    robot_->forget();
  }
  if (robot_) robot_->end(end_of_run(), clean ? 0 : static_cast<int>(Exit::kFailure));
  robot_.reset();
  put_boxes_away(clean ? "stopped" : end_of_run());
  remove_sockets();
  if (crashes_) crashes_->remove();
  shm::sweep(paths_.base, /*hosts_too=*/clean);
  return clean ? Exit::kOk : Exit::kFailure;
}

void Daemon::remove_sockets() const {
  const auto runtime = shm::Folder::own(paths_.runtime);
  for (const SocketRow& row : kSockets) {
    notify::forget(row.name);
    if (runtime) runtime.value()->unlink(row.name);
  }
}

UniqueFd Daemon::take_stored(const std::string& name, const std::string& path) {
  for (StoredFd& stored : stored_) {
    if (stored.name == name && is_listening_at(stored.fd.get(), path)) return std::move(stored.fd);
  }
  return {};
}

BoxOutcome Daemon::flush_boxes() {
  auto kept = boxes_.flush("asked for", BoxKeeper::kAskPatience);
  if (!kept) return {.kept = false, .text = describe(kept.error())};
  return {.kept = true, .text = kept.value().file};
}

std::unique_ptr<StatsSource> Daemon::stats() {
  return std::make_unique<PageSource>(paths_.base, configured_hosts(config_));
}

Expected Daemon::expected() {
  Expected expected{
      .base = paths_.base, .files = config_.files, .hosts = {{config_.robot.name, "cpp"}}};
  for (const HostEntry& host : config_.hosts) expected.hosts.emplace_back(host.name, "python");
  return expected;
}

void Daemon::report_and_stop() {
  if (!stopping_) {
    const auto nodes = robot_ ? robot_->nodes() : std::span<const NodeStats>{};
    for (const std::string& line : thread_report(nodes)) journal_.say(LogLevel::kInfo, line);
  }
  stop();
}

}  // namespace horus::service

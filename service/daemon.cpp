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
/// How long a start may take from one node to the next, as TimeoutStartSec= of the unit. systemd
/// is asked for so much more time whenever a node has begun.
constexpr Nanos kStartGrace = 30s;
/// How often a hang is looked for without systemd's watchdog.
constexpr Nanos kAliveCheck = 1s;
/// How often a stop looks for callbacks that do not come back.
constexpr Nanos kStopCheck = 100ms;
/// A stop takes less than this beyond its timeout.
constexpr Nanos kStopMargin = 4s;
constexpr std::size_t kWaiterStack = 256U << 10U;
/// Sockets that are lost within this time count as one removal: it may go on (`rm -r`) while they
/// are made again.
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
  stored_.clear();  // Closes stored descriptors that no socket took.
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
    // systemd may still store an old socket, whose file is gone. Without this each start would add
    // one more to its store.
    notify::forget(name);
    // A client that connects while systemd restarts us waits in the backlog.
    notify::store(listener.get(), name);
  }
  const Status served = server_.serve(std::move(listener), access, rights);
  return served ? std::nullopt : std::optional{internal(served.error())};
}

/// Prepares the crash file. Before anything of the robot runs: the first tick may crash.
void Daemon::watch_crashes() {
  auto place = CrashPlace::open(paths_.runtime);
  if (!place) {
    journal_.say(LogLevel::kWarning, describe(place.error()) + "; a crash would be told on stderr");
    return tell_crashes(nullptr);
  }
  crashes_ = std::move(place).value();
  tell_crashes(crashes_->note());
}

/// Logs how the service before this one crashed. Only after the plug-ins are loaded: the names of
/// their symbols are looked up in this process.
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

/// Starts the timers: is every node ready, do all executors move, what is the status.
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

/// Starts the thread that starts the nodes, waits for them to stop, and then ends the loop by an
/// eventfd.
std::optional<Refusal> Daemon::await_stop() {
  stopped_ = UniqueFd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!stopped_) return internal(Error::from_errno("create event descriptor"));
  auto watched = loop_.watch(stopped_.get(), EPOLLIN, [this](std::uint32_t) { loop_.stop(); });
  if (!watched) return internal(watched.error());
  auto thread = RtThread::start(
      {.name = ThreadName::clipped("horus-wait"), .stack_size = kWaiterStack, .prefault = 0},
      [](void* self) {
        auto& daemon = *static_cast<Daemon*>(self);
        // begin() runs here and not in the loop: an init() that blocks must not keep the loop from
        // hearing a request to stop.
        daemon.refusal_ = daemon.robot_->begin();
        if (!daemon.refusal_) daemon.report_ = daemon.robot_->wait();
        ::eventfd_write(daemon.stopped_.get(), 1);
      },
      this);
  if (!thread) return internal(thread.error());
  waiter_ = std::move(thread).value();
  return std::nullopt;
}

/// Tells systemd how many nodes have begun, which also extends the time for the start. So a start
/// with many or slow nodes goes on as long as one after the other begins.
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

/// Each 20 ms until every node has ticked; then sends READY=1.
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

/// Sends WATCHDOG=1 while every executor moves (SVC-4), and ends a robot that hangs. Called three
/// times per watchdog interval.
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
  // One round of grace: the machine itself may have stood still. Two would reach systemd's limit.
  // After one round the scheduler's watchdog has isolated the hanging node, so it can be named.
  if (++rounds_not_alive_ == 1) {
    const std::string_view node = robot_->silent_node();
    return journal_.say(
        LogLevel::kError,
        (node.empty() ? "a node" : "node '" + std::string{node} + "'") + " does not move any more");
  }
  const std::string why = robot_->hangs().hang().value_or("a thread does not run any more");
  if (notify::watchdog_interval()) {
    journal_.say(LogLevel::kError, why + ": asking for a restart");
    // systemd kills the process at once: what must be kept is written before the trigger.
    robot_->end(why, static_cast<int>(Exit::kLeftBehind));
    static_cast<void>(boxes_.flush(why, BoxKeeper::kAskPatience));
    notify::watchdog_trigger();
    return;
  }
  leave(why);
}

/// In a stop: ends the process once a callback has outlasted the stop timeout.
void Daemon::look_for_left_behind() {
  if (const auto left = robot_ ? robot_->hangs().left_behind() : std::nullopt) leave(*left);
}

/// Ends the process although a thread of the robot still runs. Destroys nothing that this thread
/// may use, hence _exit() and no destructors.
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

/// Makes sockets again whose files somebody removed, because no client could reach the service
/// otherwise. Logs one line per removal, and one when clients reach it again after a failure.
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

/// Once a second: sockets, verdict, black boxes of dead hosts, and the status line for systemd.
void Daemon::tell_status() {
  if (!ready_ || stopping_) return;
  look_for_sockets();
  StatusFacts now = facts();
  now.verdict = health();
  log_verdict(*now.verdict);
  // In any other base horus-pyhost saves the black boxes of dead hosts.
  if (paths_.base == shm::kServiceBase) boxes_.look();
  if (pace_.due(now, MonotonicClock::now())) notify::status(status_line(now));
}

/// Logs each reason of a bad verdict once, when it appears, so that the log shows when it began.
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

/// What the status line says, read from the statistics pages.
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
  // If there is no timer, feed_watchdog() still looks, less often.
  static_cast<void>(loop_.every(kStopCheck, [this] { look_for_left_behind(); }));
}

void Daemon::hurry() {
  if (stopping_ && robot_) robot_->hurry();
}

/// Why the robot ended, in one line.
std::string Daemon::end_of_run() const {
  if (refusal_) return "did not start: " + refusal_->text;
  if (report_.node.empty()) return to_text(report_.reason);
  return "node '" + report_.node + "' " + to_text(report_.reason) +
         (report_.error.empty() ? "" : ": " + report_.error);
}

/// Saves the black boxes to disk, unless `horus launch` does it after us. Those that cannot be
/// saved stay in shared memory.
void Daemon::put_boxes_away(const std::string& why) {
  if (!paths_.launched) boxes_.put_away(why);
}

/// Cleans up after the nodes have stopped, and reports a bad end. Sockets and topics go in any
/// case. Statistics pages go after a requested stop only; after a bad end they stay for the
/// successor (SVC-7).
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

/// The socket that systemd kept for us, if it still is the one at `path`; else empty.
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

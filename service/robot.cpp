// SPDX-License-Identifier: Apache-2.0
#include "service/robot.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <horus/log.hpp>

#include "rt/base/stop_latch.hpp"
#include "rt/crash.hpp"
#include "rt/group_hook.hpp"
#include "rt/rt_profile.hpp"
#include "rt/stats_block.hpp"
#include "rt/watchdog.hpp"
#include "service/describe.hpp"
#include "shm/deferred_bells.hpp"

namespace horus::service {
namespace {

/// Collects the wake-ups of one executor thread and carries them out after each batch of ticks.
class BellHook final : public GroupHook {
 public:
  void thread_started() noexcept override { bells_.emplace(); }
  void thread_stopping() noexcept override { bells_.reset(); }
  void leave(TimePoint /*next*/) noexcept override { bells_->ring(); }

 private:
  std::optional<shm::DeferredBells> bells_;
};

RtProfile profile_of(const Config& config) {
  const bool wanted = config.realtime.mode != RtMode::kOff;
  return {.fifo = wanted,
          .priority_ceiling = config.realtime.priority,
          .lock_memory = wanted,
          .dma_latency = wanted,
          .cpus = *config.cpus.realtime};
}

Refusal refusal_of(const Error& error) {
  const Exit exit = exit_of(error, Exit::kFailure);
  return {.exit = exit, .text = describe(error) + cure_of(shortage_of(error))};
}

Refusal refusal_of(const ConfigError& error) {
  return {.exit = exit_of(error), .text = error.text + cure_of(error.shortage)};
}

/// For an error of the whole schedule, which no single key causes: names the first node, or the
/// first file if there is no node.
Refusal refused_plan(const Config& config, const Error& error) {
  return {.exit = Exit::kConfig,
          .text = (config.nodes.empty() ? config.files.front() + ":1"
                                        : config.nodes.front().place.text()) +
                  ": " + describe(error)};
}

}  // namespace

std::unique_ptr<GroupHook> BellHooks::make(const ThreadRole& /*role*/) {
  return std::make_unique<BellHook>();
}

void HangBoard::isolated(const BlockedCall& call) noexcept {
  const std::scoped_lock lock{mutex_};
  // kNone: that thread does not get to run. The node of an earlier report, which is in a callback,
  // may be what keeps it from running, so it stays the one that is named.
  if (hang_ && call.in == NodeActivity::kNone) return;
  hang_ = {.call = call, .began = MonotonicClock::now() - call.since};
}

void HangBoard::give_up(const BlockedCall& call) noexcept {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "node '%.64s' did not come back from its %s",
                call.node.view().data(), where(call));
  const std::scoped_lock lock{mutex_};
  left_behind_ = text.data();
}

void HangBoard::forget_hang() {
  const std::scoped_lock lock{mutex_};
  hang_.reset();
}

// The duration is computed here: the hang goes on between two calls.
std::optional<std::string> HangBoard::hang(TimePoint now) const {
  const std::scoped_lock lock{mutex_};
  if (!hang_) return std::nullopt;
  const BlockedCall& call = hang_->call;
  const double seconds = std::chrono::duration<double>(now - hang_->began).count();
  std::array<char, 160> text{};
  if (call.in == NodeActivity::kNone) {
    std::snprintf(text.data(), text.size(), "node '%.64s' hangs: its thread has not run for %.1f s",
                  call.node.view().data(), seconds);
  } else {
    std::snprintf(text.data(), text.size(), "node '%.64s' hangs: it has been in its %s for %.1f s",
                  call.node.view().data(), to_text(call.in), seconds);
  }
  return text.data();
}

std::optional<std::string> HangBoard::left_behind() const {
  const std::scoped_lock lock{mutex_};
  return left_behind_;
}

Robot::Started Robot::start(const Config& config, const std::string& base, LogSink& log) {
  std::unique_ptr<Robot> robot{new Robot{config}};
  auto refusal = robot->claim_machine();
  if (!refusal) refusal = robot->open(base);
  if (!refusal) refusal = robot->schedule(log);
  if (!refusal) {
    robot->keep_stops(base);
    refusal = robot->watch_stop_key();
  }
  if (!refusal) return robot;
  if (robot->page_) robot->page_->remove();
  robot->end(refusal->text, static_cast<int>(refusal->exit));
  // A box that holds a dead predecessor's events stays for whoever looks into that death.
  if (robot->box_ && !robot->follows_a_death()) robot->box_->remove();
  return *std::move(refusal);
}

Robot::~Robot() {
  // First the two whose threads use the scheduler.
  stops_.reset();
  stop_key_.reset();
  scheduler_.reset();
  keep_crashes_in(nullptr);
}

std::optional<Refusal> Robot::claim_machine() {
  report_ = apply(profile_of(config_));
  if (config_.realtime.mode != RtMode::kStrict) return std::nullopt;
  static constexpr std::array<std::string_view, 2> kIndispensable{"fifo", "memlock"};
  for (const Degradation& degraded : report_.degraded) {
    if (std::ranges::find(kIndispensable, degraded.feature) == kIndispensable.end()) continue;
    return Refusal{.exit = Exit::kPermission,
                   .text = "realtime.mode is \"strict\", but " + degraded.feature +
                           " was not granted: " + degraded.reason + "; " + degraded.fix};
  }
  return std::nullopt;
}

std::optional<Refusal> Robot::open(const std::string& base) {
  auto session = shm::Session::open(base, /*declares=*/true, [](const std::string& text) noexcept {
    log(LogLevel::kWarning, text);
  });
  if (!session) return refusal_of(session.error());
  session_ = std::move(session).value();
  std::vector<std::string> names;
  for (const NodeEntry& node : config_.nodes) names.emplace_back(node.config.name.view());
  auto page = shm::StatsPage::create(base, config_.robot.name, names);
  if (!page && page.error().code == Errc::kBusy) {
    return Refusal{.exit = Exit::kRunning,
                   .text = "a host named '" + config_.robot.name +
                           "' runs already: " + describe(page.error())};
  }
  if (!page) return refusal_of(page.error());
  page_ = std::make_shared<shm::StatsPage>(std::move(page).value());
  session_->keep(page_);
  open_box(base);
  publish(report_.degraded, page_->host());
  page_->host().asks_realtime.set(asks_realtime(config_) ? 1 : 0);
  auto loaded = load_nodes(config_, *session_, page_->nodes());
  if (const auto* error = std::get_if<ConfigError>(&loaded)) {
    return refusal_of(*error);
  }
  nodes_ = std::get<std::vector<LoadedNode>>(std::move(loaded));
  session_->await_publishers();
  return declare_topics();
}

/// A black box that cannot be made is only a warning: the robot runs without.
void Robot::open_box(const std::string& base) {
  auto box = shm::BlackBoxPage::create(
      base, config_.robot.name, shm::box_bytes(config_.robot.blackbox_mb, shm::kDaemonBoxBytes));
  if (!box) {
    return log(LogLevel::kWarning,
               "no black box: " + describe(box.error()) + cure_of(shortage_of(box.error())));
  }
  box_ = std::make_shared<shm::BlackBoxPage>(std::move(box).value());
  session_->keep(box_);
  keep_crashes_in(&box_->box());
}

void Robot::end(std::string_view why, int code) noexcept {
  if (box_) box_->end(why, code);
}

/// Declares the configured topics. After the nodes were loaded: a topic that a node opens then has
/// the capacity and policy that the node gave.
std::optional<Refusal> Robot::declare_topics() {
  for (const TopicEntry& topic : config_.topics) {
    const Status declared = session_->declare(topic.name, *declared_type(topic));
    if (declared) continue;
    const bool wrong = declared.error().code == Errc::kTypeMismatch;
    return Refusal{.exit = wrong ? Exit::kConfig : exit_of(declared.error(), Exit::kFailure),
                   .text = topic.place.text() + ": " + describe(declared.error())};
  }
  return std::nullopt;
}

std::optional<Refusal> Robot::schedule(LogSink& log) {
  SchedulerOptions options;
  options.profile = profile_of(config_);
  options.spin_limit = config_.realtime.spin;
  options.watchdog = config_.realtime.watchdog;
  options.watchdog_cpus = *config_.cpus.housekeeping;
  options.hooks = &hooks_;
  options.log = &log;
  options.guard = &hangs_;
  options.outputs = &session_->outputs();
  options.max_deadline_misses = config_.realtime.max_deadline_misses;
  options.stop_timeout = config_.robot.stop_timeout;
  scheduler_ = std::make_unique<Scheduler>(options);
  for (LoadedNode& node : nodes_) {
    const Status added = scheduler_->add(*node.node, node.config, node.wake.get());
    if (!added) return refused_plan(config_, added.error());
  }
  return std::nullopt;
}

std::string_view Robot::silent_node() const noexcept {
  const TimePoint now = MonotonicClock::now();
  const Nanos fallback = config_.realtime.watchdog;
  for (const NodeStats& node : nodes()) {
    const std::int64_t since = node.busy_since_ns.value();
    const auto found = std::ranges::find(config_.nodes, node.name,
                                         [](const NodeEntry& entry) { return entry.config.name; });
    if (since == 0 || found == config_.nodes.end()) continue;
    const NodeConfig& config = found->config;
    // A compute node may take long, unless it or [realtime] has a limit.
    const bool limited =
        config.watchdog || fallback > Nanos{} || config.node_class != NodeClass::kCompute;
    const Silence silence = judge_silence(now - from_ns(since), silence_limit(config, fallback));
    if (limited && silence == Silence::kHung) return node.name.view();
  }
  return {};
}

bool Robot::has_actuator() const noexcept {
  return std::ranges::any_of(config_.nodes,
                             [](const NodeEntry& node) { return node.config.actuator; });
}

/// Whether anything in the configuration can cause an emergency stop by itself.
bool Robot::has_stop_source() const noexcept {
  return !config_.safety.stop_device.empty() ||
         std::ranges::any_of(config_.hosts, &HostEntry::critical) ||
         std::ranges::any_of(config_.nodes,
                             [](const NodeEntry& node) { return node.config.critical; });
}

/// Whether a node has an input whose fallback is a stop. Only known once every init() is over:
/// inputs are declared there.
bool Robot::has_stopping_input() const noexcept {
  return std::ranges::any_of(page_->nodes(), [](const NodeStats& node) {
    return std::ranges::any_of(node.stale.inputs, [](const auto& place) {
      const auto input = place.load();
      return input && input->stops != 0;
    });
  });
}

/// Starts what finds other hosts' stops and keeps this robot's stops on disk. Before the first
/// tick: a robot that was stopped when it ended must not move first.
void Robot::keep_stops(const std::string& base) {
  // Set by systemd; several folders are separated by colons. No other thread changes the
  // environment, so getenv() is safe.
  const char* const given = std::getenv("STATE_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  const std::string state{given != nullptr ? given : ""};
  const auto latch = latch_path(state.substr(0, state.find(':')), config_.robot.name);
  begin_stopped(latch);
  shm::StopSide& side = *this;
  std::vector<std::string> critical;
  for (const HostEntry& host : config_.hosts) {
    if (host.critical) critical.push_back(host.name);
  }
  stops_ = std::make_unique<shm::StopKeeper>(
      shm::StopKeeper::Options{.base = base,
                               .host = config_.robot.name,
                               .latch = latch ? latch.value() : std::string{},
                               .critical = std::move(critical),
                               .robots = configured_hosts(config_),
                               .hears = has_actuator() ? session_.get() : nullptr},
      others_, side);
}

/// Starts the thread that reads the stop key. Before the first tick: a missing device is a stop.
std::optional<Refusal> Robot::watch_stop_key() {
  if (config_.safety.stop_device.empty()) return std::nullopt;
  stop_key_ = std::make_unique<StopKey>(
      StopKey::Options{.device = config_.safety.stop_device,
                       .key = config_.safety.stop_key,
                       .stop =
                           [this](const std::string& why) {
                             tell(why + ": an emergency stop");
                             estop(StopCause::kDevice, why);
                           },
                       .tell = [](const std::string& text) { log(LogLevel::kInfo, text); }});
  if (const Status started = stop_key_->start(); !started) return refusal_of(started.error());
  return std::nullopt;
}

Status Robot::may_release() noexcept {
  if (stop_key_ && stop_key_->holds()) {
    return Error{Errc::kBusy, "release a robot whose stop key is pressed or cannot be read", 0,
                 Name<200>::clipped(config_.safety.stop_device)};
  }
  return scheduler_->may_be_released();
}

/// Begins stopped if the latch on disk says so. If the latch cannot be read, or a new stop could
/// not be written there, a robot with an actuator or a source of stops begins stopped as well. Any
/// other robot starts, and shows a degradation.
void Robot::begin_stopped(const Result<std::string>& latch) {
  const LatchFinding found = look_at_latch(latch);
  if (!found.stop.empty()) return estop(StopCause::kLatch, found.stop);
  if (found.lack.empty()) return;
  if (has_actuator() || has_stop_source()) return estop(StopCause::kLatch, found.lack);
  latch_lack_ = found.lack;
  page_->degrade({.feature = Name<32>::clipped("stop_latch"),
                  .reason = Name<160>::clipped(found.lack),
                  .fix = Name<160>::clipped("let the service's user write there, so that an "
                                            "emergency stop outlives a restart")});
}

std::optional<StopNote> Robot::stopped() noexcept {
  if (!scheduler_->safety().look().stopped()) return std::nullopt;
  return scheduler_->safety().note().value_or(StopNote{});
}

void Robot::tell(const std::string& text) noexcept {
  log(LogLevel::kError, text);
}

bool Robot::set_log_level(std::string_view node, LogLevel level) noexcept {
  const auto nodes = page_->nodes();
  const auto found =
      std::ranges::find_if(nodes, [node](const NodeStats& one) { return one.name.view() == node; });
  if (found == nodes.end()) return false;
  found->log_level.set(level);
  if (box_) {
    box_->box().write({.kind = EventKind::kConfig,
                       .node = found->name,
                       .text = Name<200>::clipped(std::string{"log level "} + to_text(level))});
  }
  return true;
}

std::optional<Refusal> Robot::begin() {
  const Status started = scheduler_->start({.host = &page_->host(),
                                            .nodes = page_->nodes(),
                                            .late = page_->late(),
                                            .stop = &page_->stop_word(),
                                            .others = &others_,
                                            .box = box()});
  if (started) {
    // As begin_stopped(), for a source of stops that is known only now.
    if (!latch_lack_.empty() && has_stopping_input()) estop(StopCause::kLatch, latch_lack_);
    return std::nullopt;
  }
  if (started.error().code == Errc::kInvalidArgument) return refused_plan(config_, started.error());
  return refusal_of(started.error());
}

}  // namespace horus::service

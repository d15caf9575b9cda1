// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <utility>

#include <horus/scheduler.hpp>

#include "rt/bounded_stop.hpp"
#include "rt/clock.hpp"
#include "rt/drop_watch.hpp"
#include "rt/executor_thread.hpp"
#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"
#include "rt/node_config.hpp"
#include "rt/node_runner.hpp"
#include "rt/plan.hpp"
#include "rt/rate_group.hpp"
#include "rt/rt_thread.hpp"
#include "rt/run_control.hpp"
#include "rt/safety.hpp"
#include "rt/spin_policy.hpp"
#include "rt/stats_block.hpp"
#include "rt/stderr_sink.hpp"
#include "rt/stop_log.hpp"
#include "rt/thread_usage.hpp"
#include "rt/watchdog.hpp"

namespace horus {
namespace {

// From the last init() to release 0: long enough for every executor to reach its first wait.
constexpr Nanos kRunUp = 5ms;
// A slow node does not delay ready() for longer than this.
constexpr Nanos kReadyAtLatest = 5s;
// How often the log's drain thread looks for records.
constexpr Nanos kDrainInterval = 20ms;
constexpr Nanos kUsageInterval = 1s;

struct Entry {
  Node* node;
  NodeConfig config;
  WakeSource* wake;
};

constexpr const char* kNotRunning = "change a node that is not running";

Status refuse(Errc code, const char* what, std::string_view node) noexcept {
  return Error{code, what, 0, Name<200>::clipped(node)};
}

}  // namespace

struct __attribute__((visibility("hidden"))) Scheduler::Impl {
  Impl(SchedulerOptions given, Clock& its_clock)
      : options{given},
        clock{its_clock},
        log{options.log != nullptr ? *options.log : stderr_sink()},
        watchdog{clock,
                 control,
                 {.fallback = options.watchdog,
                  .first_tick = options.first_tick,
                  .hang_timeout = options.hang_timeout,
                  .isolates_by_default = options.isolates_by_default,
                  .guard = options.guard,
                  .outputs = options.outputs}},
        stop{clock, control, watchdog, options.guard, options.stop_timeout} {}

  Result<std::vector<GroupPlan>> plan() const;
  void build_thread(GroupPlan group);
  Nanos spin_limit(const GroupPlan& group) const noexcept;
  Status start_threads();
  struct Found {
    ExecutorThread* thread = nullptr;
    NodeRunner* runner = nullptr;
  };
  /// The node of that name; nulls when there is none, or it was removed.
  Found find(std::string_view node) const noexcept;
  /// Calls `call` for each node that was not removed.
  template <typename Call>
  void each(Call call) const noexcept {
    if (!built.load(std::memory_order_acquire)) return;
    for (const auto& thread : threads) {
      for (const auto& runner : thread->group.runners()) {
        if (!runner->gone()) call(*runner);
      }
    }
  }
  /// Asks every node; returns the first refusal.
  Status refusal(Status (NodeRunner::*ask)() const noexcept) const noexcept {
    Status first{};
    each([&](const NodeRunner& runner) { first = first ? (runner.*ask)() : first; });
    return first;
  }
  SafetyState safety_of(Safety::View view) const noexcept;
  void show_safety() noexcept;
  bool empty() const noexcept;
  bool ready() const noexcept;
  void supervise() noexcept;
  void store_memory() noexcept {
    if (stats.host != nullptr) stats.host->rss_bytes.set(read_resident_bytes());
  }
  void interrupt_waiting() noexcept;
  void keep_change(std::string_view node, std::string_view what) const noexcept;
  bool stops() const noexcept;
  void drain_log() noexcept;
  void join_executors() noexcept;
  void join() noexcept;

  TimePoint epoch() const noexcept {
    // acquire: a thread that sees the epoch also sees all that start() has made before.
    return from_ns(epoch_ns.load(std::memory_order_acquire));
  }

  const SchedulerOptions options;
  Clock& clock;
  RunControl control;
  StartGate gate;
  LogQueue log;
  std::vector<Entry> entries;
  StatsBlock stats{};
  std::unique_ptr<NodeStats[]> own_stats;  ///< What `stats` refers to, if nobody gave memory.
  DropWatch drops{};
  std::vector<std::unique_ptr<ExecutorThread>> threads;
  Watchdog watchdog;
  BoundedStop stop;
  std::atomic<std::int64_t> epoch_ns{0};
  StopLog stop_log;
  bool started = false;
  std::atomic<bool> built{false};  ///< The threads are complete.
  std::optional<RtThread> watchdog_thread;
  std::optional<RtThread> log_thread;
};

Scheduler::Scheduler(SchedulerOptions options) : Scheduler{options, system_clock()} {}

Scheduler::Scheduler(SchedulerOptions options, Clock& clock)
    : impl_{std::make_unique<Impl>(options, clock)} {}

Scheduler::~Scheduler() {
  request_stop();
  impl_->join();
}

Status Scheduler::add(Node& node, const NodeConfig& config, WakeSource* wake) {
  HORUS_CHECK(!impl_->started);
  if (auto valid = validate(config); !valid) return valid;
  const auto refuse = [&config](const char* what) -> Status {
    return Error{Errc::kInvalidArgument, what, 0, Name<200>::clipped(config.name.view())};
  };
  const bool event = config.node_class == NodeClass::kEvent;
  if (event && wake == nullptr) return refuse("an event node needs something to wait for");
  const bool taken = std::any_of(impl_->entries.begin(), impl_->entries.end(),
                                 [&](const Entry& e) { return e.config.name == config.name; });
  if (taken) return refuse("add a node: its name is taken");
  NodeConfig complete = config;
  if (config.node_class == NodeClass::kBestEffort && !config.rate) complete.rate = kBestEffortRate;
  impl_->entries.push_back({&node, complete, event ? wake : nullptr});
  return {};
}

std::size_t Scheduler::size() const noexcept {
  return impl_->entries.size();
}

Status Scheduler::start() {
  HORUS_CHECK(!impl_->started);
  impl_->own_stats = std::make_unique<NodeStats[]>(size());
  return start({.nodes = {impl_->own_stats.get(), size()}});
}

Status Scheduler::start(StatsBlock stats) {
  HORUS_CHECK(!impl_->started && stats.nodes.size() == impl_->entries.size());
  impl_->stats = stats;
  impl_->control.safety().use({.own = stats.stop,
                               .others = stats.others,
                               .note = stats.host != nullptr ? &stats.host->stop : nullptr,
                               .nodes = stats.nodes});
  impl_->watchdog.write_to(stats.box);
  impl_->drops = DropWatch{stats.nodes};
  auto plan = impl_->plan();
  if (!plan) return plan.error();
  for (GroupPlan& group : plan.value()) impl_->build_thread(std::move(group));
  impl_->started = true;
  // release: a thread that sees it also sees the threads.
  impl_->built.store(true, std::memory_order_release);
  if (auto threads = impl_->start_threads(); !threads) return threads;
  impl_->gate.wait_for_arrivals(static_cast<std::uint32_t>(impl_->threads.size()));
  if (impl_->control.stopping()) {
    impl_->gate.close();
    return {};
  }
  impl_->watchdog.take_usage_base();
  impl_->store_memory();
  const TimePoint epoch = impl_->clock.now() + kRunUp;
  // release: see epoch().
  impl_->epoch_ns.store(to_ns(epoch), std::memory_order_release);
  if (stats.host != nullptr) stats.host->epoch_ns.set(to_ns(epoch));
  impl_->gate.open(epoch);
  impl_->clock.sleep_until(epoch);
  return {};
}

StopReport Scheduler::wait(std::optional<Nanos> duration) {
  Impl& impl = *impl_;
  if (!impl.started) return {.reason = StopReason::kNotStarted, .node = {}, .error = {}};
  if (duration) impl.control.end_at(impl.epoch() + *duration);
  impl.join_executors();
  // Without nodes the run goes on until it is stopped, also when the last one was removed.
  if (impl.empty()) impl.control.wait(RunControl::kStop, impl.control.end());
  impl.join();
  return impl.control.report();
}

void Scheduler::request_stop() noexcept {
  impl_->control.request_stop();
}

std::optional<TickCounts> Scheduler::counts(std::string_view node) const noexcept {
  if (!impl_->built.load(std::memory_order_acquire)) return std::nullopt;  // acquire: see each().
  for (const NodeStats& stats : impl_->stats.nodes) {
    if (stats.name != node) continue;
    return TickCounts{.ticks = stats.ticks.value(),
                      .missed = stats.misses.value(),
                      .overruns = stats.overruns.value(),
                      .skipped = stats.skipped.value(),
                      .failures = stats.errors.value()};
  }
  return std::nullopt;
}

void Scheduler::estop(std::string_view why) noexcept {
  estop(StopCause::kCall, why);
}

void Scheduler::estop(StopCause cause, std::string_view text) noexcept {
  impl_->control.safety().request_stop(cause, text);
  // Shown at once, not only at the watchdog's next look.
  impl_->show_safety();
}

Rest Scheduler::rest() const noexcept {
  return impl_->control.safety().look();
}

std::string Scheduler::rest_reason() const {
  const auto note = impl_->control.safety().note();
  return note ? std::string{note->text.view()} : std::string{};
}

Safety& Scheduler::safety() noexcept {
  return impl_->control.safety();
}

Status Scheduler::may_be_released() const noexcept {
  return impl_->refusal(&NodeRunner::may_be_released);
}

Status Scheduler::release(Rest seen) noexcept {
  impl_->stop_log.look(impl_->control.safety());
  // A node that has not followed the rest yet must not stay armed through the release.
  if (seen.resting()) impl_->each([](NodeRunner& runner) { runner.hold_at_rest(); });
  if (!impl_->control.safety().release(seen))
    return refuse(Errc::kBusy, "release a robot that was stopped again meanwhile", "");
  impl_->each([](NodeRunner& runner) { runner.end_rest(); });
  impl_->show_safety();
  return {};
}

Status Scheduler::arm(std::string_view node) noexcept {
  Status first = impl_->refusal(&NodeRunner::serves);
  bool known = node.empty();
  impl_->each([&](NodeRunner& runner) {
    if (!node.empty() && runner.config().name != node) return;
    known = true;
    if (first) first = runner.arm();
  });
  if (!known) return refuse(Errc::kNotFound, kNotRunning, node);
  if (!first) static_cast<void>(disarm(node));
  return first;
}

Status Scheduler::disarm(std::string_view node) noexcept {
  bool known = node.empty();
  impl_->each([&](NodeRunner& runner) {
    if (!node.empty() && runner.config().name != node) return;
    known = true;
    runner.disarm();
  });
  return known ? Status{} : refuse(Errc::kNotFound, kNotRunning, node);
}

bool Scheduler::ready() const noexcept {
  return impl_->ready();
}

bool Scheduler::alive() const noexcept {
  return impl_->watchdog.alive();
}

std::uint64_t Scheduler::watchdog_expirations() const noexcept {
  return impl_->watchdog.expirations();
}

TimePoint Scheduler::epoch() const noexcept {
  return impl_->epoch();
}

Clock& Scheduler::clock() const noexcept {
  return impl_->clock;
}

Status Scheduler::set_budget(std::string_view node, Nanos execution) noexcept {
  if (execution <= Nanos{}) return refuse(Errc::kInvalidArgument, "budget must be above 0", node);
  const auto [thread, runner] = impl_->find(node);
  if (runner == nullptr) return refuse(Errc::kNotFound, kNotRunning, node);
  const Nanos period{runner->stats().period_ns.value()};
  if (period > Nanos{} && execution > period) {
    return refuse(Errc::kInvalidArgument, "budget is longer than the period 1/rate", node);
  }
  runner->set_budget(execution);
  impl_->keep_change(node, "budget");
  return {};
}

Status Scheduler::update(const NodeConfig& config) noexcept {
  if (auto valid = validate(config); !valid) return valid;
  const auto [thread, runner] = impl_->find(config.name.view());
  if (runner == nullptr) return refuse(Errc::kNotFound, kNotRunning, config.name.view());
  const bool periodic = thread->plan.period > Nanos{} && config.rate;
  runner->set_timing(periodic ? config.rate->period() : thread->plan.period,
                     effective_budget(config));
  impl_->watchdog.update(config);
  impl_->keep_change(config.name.view(), "rate, budget, deadline, watchdog");
  return {};
}

Status Scheduler::remove(std::string_view node) noexcept {
  const auto [thread, runner] = impl_->find(node);
  if (runner == nullptr) return refuse(Errc::kNotFound, kNotRunning, node);
  runner->remove();
  impl_->keep_change(node, "removed");
  if (thread->executor.wake() != nullptr) thread->executor.wake()->interrupt();
  return {};
}

Result<std::vector<GroupPlan>> Scheduler::Impl::plan() const {
  std::vector<NodeConfig> configs;
  configs.reserve(entries.size());
  for (const Entry& entry : entries) configs.push_back(entry.config);
  const RtProfile& profile = options.profile;
  int ceiling = 0;
  if (profile.fifo) {
    ceiling = std::min(profile.priority_ceiling, probe_capabilities().max_priority);
  }
  return make_plan(configs, {.realtime = profile.cpus,
                             .housekeeping = options.watchdog_cpus,
                             .allowed = CpuSet::allowed(),
                             .priority_ceiling = ceiling});
}

void Scheduler::Impl::build_thread(GroupPlan group) {
  LogChannel& channel = log.add_channel();
  ThreadRole role{.name = entries[group.nodes.front()].config.name,
                  .node_class = group.node_class,
                  .period = group.period,
                  .budget = {},
                  .stats = &stats.nodes[group.nodes.front()]};
  for (const std::size_t index : group.nodes)
    role.budget += effective_budget(entries[index].config).execution;
  auto hook = options.hooks != nullptr ? options.hooks->make(role) : nullptr;
  // After a crash of the host actuators must be armed by hand.
  const bool first_life = stats.host == nullptr || stats.host->lives.value() <= 1;
  RunnerContext context{.clock = clock,
                        .control = control,
                        .hook = hook.get(),
                        .max_deadline_misses = options.max_deadline_misses,
                        .may_arm_at_start = first_life,
                        .log = &channel};
  context.box = stats.box;
  const bool python = stats.host != nullptr && stats.host->python.value() != 0;
  context.late.gc = python ? &stats.host->gc : nullptr;
  std::vector<std::unique_ptr<NodeRunner>> runners;
  for (const std::size_t index : group.nodes) {
    const Entry& entry = entries[index];
    NodeStats& node_stats = stats.nodes[index];
    context.late.ticks = stats.late.empty() ? nullptr : &stats.late[index];
    context.index = static_cast<std::int32_t>(index);
    runners.push_back(std::make_unique<NodeRunner>(*entry.node, entry.config, node_stats, context));
    node_stats.priority.set(group.priority);
    node_stats.cpu.set(group.cpu);
  }
  GroupHook* const group_hook = hook.get();
  const ExecutorContext executor{.clock = clock,
                                 .control = control,
                                 .gate = gate,
                                 .spin_limit = spin_limit(group),
                                 .log = &channel,
                                 .wake = entries[group.nodes.front()].wake};
  threads.push_back(std::make_unique<ExecutorThread>(std::move(group), std::move(runners),
                                                     std::move(hook), executor));
  watchdog.watch(threads.back()->group, group_hook);
  stop.watch(threads.back()->group);
}

Nanos Scheduler::Impl::spin_limit(const GroupPlan& group) const noexcept {
  if (group.node_class != NodeClass::kTick) return Nanos{};
  bool asked = options.profile.fifo;
  Nanos shortest{};
  for (const std::size_t index : group.nodes) {
    const NodeConfig& config = entries[index].config;
    asked = asked || config.priority.has_value();
    const Nanos deadline = effective_budget(config).deadline;
    if (shortest == Nanos{} || deadline < shortest) shortest = deadline;
  }
  return longest_spin(options.spin_limit, asked, shortest);
}

Status Scheduler::Impl::start_threads() {
  const auto start = [](std::optional<RtThread>& thread, const ThreadConfig& config,
                        RtThread::Entry entry, void* argument) -> Status {
    auto started_thread = RtThread::start(config, entry, argument);
    if (!started_thread) return started_thread.error();
    thread.emplace(std::move(started_thread).value());
    return {};
  };
  const auto helper = [this](const char* name) {
    return ThreadConfig{.name = ThreadName::clipped(name), .cpus = options.watchdog_cpus};
  };
  Status status = start(
      log_thread, helper("horus-log"), [](void* self) { static_cast<Impl*>(self)->drain_log(); },
      this);
  if (!status) return status;
  for (auto& thread : threads) {
    const ThreadConfig config{
        .name = thread_name(thread->plan, entries[thread->plan.nodes.front()].config.name.view()),
        .priority = thread->plan.priority,
        .cpus = thread->plan.cpus,
        .slice = thread->plan.node_class == NodeClass::kCompute ? Nanos{} : kShortSlice,
        .stack_size = options.stack_size};
    status = start(thread->os_thread, config, ExecutorThread::run, thread.get());
    if (!status) break;
    if (config.priority > 0 && !thread->os_thread->fifo()) {
      log.push({.level = LogLevel::kWarning,
                .node = entries[thread->plan.nodes.front()].config.name,
                .at = MonotonicClock::now(),
                .text = Name<384>::clipped("SCHED_FIFO was refused; its thread goes on without")});
    }
  }
  if (status) status = watchdog.start(options.watchdog_cpus);
  if (status) {
    status = start(
        watchdog_thread, helper("horus-watchdog"),
        [](void* self) { static_cast<Impl*>(self)->supervise(); }, this);
  }
  if (!status) {
    control.request_stop();
    gate.close();
  }
  return status;
}

bool Scheduler::Impl::ready() const noexcept {
  const TimePoint start = epoch();
  if (start == TimePoint{}) return false;
  if (clock.now() >= start + kReadyAtLatest) return true;
  return std::all_of(threads.begin(), threads.end(), [](const auto& thread) {
    if (thread->plan.period == Nanos{}) return true;
    const auto& runners = thread->group.runners();
    return std::all_of(runners.begin(), runners.end(), [](const auto& runner) {
      return runner->gone() || runner->stats().first_release_ns.value() != 0;
    });
  });
}

void Scheduler::Impl::supervise() noexcept {
  TimePoint next_usage = MonotonicClock::now() + kUsageInterval;
  TimePoint next_look = MonotonicClock::now();
  while (!control.wait(RunControl::kEnd, next_look)) {
    const TimePoint now = MonotonicClock::now();
    control.safety().obey();
    watchdog.look();
    show_safety();
    stop_log.look(control.safety());
    if (options.guard != nullptr && options.guard->wants_stop()) control.request_stop();
    if (stats.host != nullptr) {
      stats.host->heartbeat.add();
      stats.host->ready.set(ready() ? 1 : 0);
    }
    if (now >= next_usage) {
      // Counts from now: after a standstill no burst of snapshots overwrites the last minute's.
      next_usage = now + kUsageInterval;
      watchdog.store_usage();
      store_memory();
      if (stats.host != nullptr) take_snapshot(*stats.host, stats.nodes, now);
      if (stats.box != nullptr) {
        stats.box->set_clocks();
        drops.look(*stats.box);
      }
    }
    next_look = std::min(now + watchdog.interval(), std::max(control.end(), now + kDrainInterval));
    if (stops()) {
      next_look = now + kDrainInterval;
      interrupt_waiting();
      // Threads at the gate then shut down, even if an init() of another thread blocks.
      if (control.stopping()) gate.close();
      stop.look();
    } else if (control.wait(RunControl::kStop | RunControl::kEnd, next_look)) {
      next_look = now;
    }
  }
}

/// The state of the whole host: that of the node that may most.
SafetyState Scheduler::Impl::safety_of(Safety::View view) const noexcept {
  if (view.stopped()) return SafetyState::kEstopped;
  if (view.resting()) return SafetyState::kSafe;
  if (!ready()) return SafetyState::kStarting;
  SafetyState most = SafetyState::kDisarmed;
  each([&](const NodeRunner& runner) { most = more_of(most, runner.stats().safety.value()); });
  return most;
}

void Scheduler::Impl::show_safety() noexcept {
  if (stats.host == nullptr) return;
  // If the state changes meanwhile, another thread may have shown a newer one: show it again.
  for (Safety::View view = control.safety().look();; view = control.safety().look()) {
    stats.host->safety.set(safety_of(view));
    if (control.safety().look().word == view.word) return;
  }
}

void Scheduler::Impl::interrupt_waiting() noexcept {
  for (const auto& thread : threads) {
    if (thread->executor.wake() != nullptr) thread->executor.wake()->interrupt();
    for (const auto& runner : thread->group.runners()) {
      if (!runner->gone()) runner->node().stop_waiting();
    }
  }
}

void Scheduler::Impl::keep_change(std::string_view node, std::string_view what) const noexcept {
  if (stats.box == nullptr) return;
  stats.box->write({.kind = EventKind::kConfig,
                    .node = NodeName::clipped(node),
                    .text = Name<200>::clipped(what)});
}

/// Whether the run stops: by request, or because its time is over.
bool Scheduler::Impl::stops() const noexcept {
  return control.stopping() || clock.now() >= control.end();
}

void Scheduler::Impl::drain_log() noexcept {
  while (!control.wait(RunControl::kEnd, MonotonicClock::now() + kDrainInterval)) log.drain();
  log.drain();
  control.announce_logged();
}

Scheduler::Impl::Found Scheduler::Impl::find(std::string_view node) const noexcept {
  if (!built.load(std::memory_order_acquire)) return {};
  for (const auto& thread : threads) {
    for (const auto& runner : thread->group.runners()) {
      if (runner->config().name == node && !runner->gone()) return {thread.get(), runner.get()};
    }
  }
  return {};
}

bool Scheduler::Impl::empty() const noexcept {
  return std::all_of(threads.begin(), threads.end(),
                     [](const auto& thread) { return thread->group.empty(); });
}

void Scheduler::Impl::join_executors() noexcept {
  for (auto& thread : threads) {
    if (thread->os_thread) thread->os_thread->join();
  }
}

void Scheduler::Impl::join() noexcept {
  join_executors();
  // These shutdowns may block too. The watchdog's thread still runs, and bounds the wait.
  if (stop.shuts_down()) control.wait(RunControl::kShutDown, RunControl::kNever);
  watchdog.await_rest();
  if (options.guard != nullptr) options.guard->await_own_calls();
  control.announce_end();
  if (watchdog_thread) watchdog_thread->join();
  if (log_thread) log_thread->join();
  stop.join();
  // A last time: a run may be shorter than the watchdog's interval of a second.
  if (stats.box != nullptr) drops.look(*stats.box);
  log.drain();
}

}  // namespace horus

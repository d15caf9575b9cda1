// SPDX-License-Identifier: Apache-2.0
#include "rt/scheduler.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "rt/base/check.hpp"
#include "rt/executor.hpp"
#include "rt/log_queue.hpp"
#include "rt/node_runner.hpp"
#include "rt/plan.hpp"
#include "rt/rate_group.hpp"
#include "rt/rt_thread.hpp"
#include "rt/run_control.hpp"
#include "rt/spin_policy.hpp"
#include "rt/thread_usage.hpp"
#include "rt/watchdog.hpp"

namespace horus {
namespace {

// From the last init() to release 0: long enough for every executor to reach its first wait.
constexpr Nanos kRunUp = 5ms;
// A slow node does not hold up ready() for longer than this.
constexpr Nanos kReadyAtLatest = 5s;
// How often the log's drain thread looks for records.
constexpr Nanos kDrainInterval = 20ms;
constexpr Nanos kUsageInterval = 1s;

struct Entry {
  Node* node;
  NodeConfig config;
  WakeSource* wake;
};

/// One executor thread of a run.
struct Lane {
  Lane(GroupPlan its_plan, std::vector<std::unique_ptr<NodeRunner>> runners,
       std::unique_ptr<GroupHook> hook, const ExecutorContext& context)
      : plan{std::move(its_plan)},
        group{std::move(runners)},
        executor{plan.period, group, std::move(hook), context} {}

  static void run(void* lane) { static_cast<Lane*>(lane)->executor.run(); }

  const GroupPlan plan;
  RateGroup group;
  Executor executor;
  std::optional<RtThread> thread;
};

/// "hx-motor" for a thread of one node, "hx-500Hz" for one of several.
ThreadName thread_name(const GroupPlan& plan, std::span<const Entry> entries) {
  char text[96];
  if (plan.nodes.size() == 1) {
    std::snprintf(text, sizeof text, "hx-%.60s", entries[plan.nodes[0]].config.name.view().data());
  } else {
    std::snprintf(text, sizeof text, "hx-%.6gHz", 1e9 / static_cast<double>(plan.period.count()));
  }
  return ThreadName::clipped(text);
}

}  // namespace

struct Scheduler::Impl {
  Impl(SchedulerOptions given, Clock& its_clock)
      : options{given},
        clock{its_clock},
        log{options.log != nullptr ? *options.log : stderr_sink()},
        watchdog{clock, control, options.watchdog} {}

  Result<std::vector<GroupPlan>> plan() const;
  void build_lane(GroupPlan group);
  Nanos spin_limit(const GroupPlan& group) const noexcept;
  Status start_threads();
  bool ready() const noexcept;
  void supervise() noexcept;
  void store_memory() noexcept;
  void interrupt_waiting() noexcept;
  void drain_log() noexcept;
  void join() noexcept;

  TimePoint epoch() const noexcept {
    // relaxed: a number on its own.
    return from_ns(epoch_ns.load(std::memory_order_relaxed));
  }

  const SchedulerOptions options;
  Clock& clock;
  RunControl control;
  StartGate gate;
  LogQueue log;
  std::vector<Entry> entries;
  StatsBlock stats{};
  std::vector<std::unique_ptr<Lane>> lanes;
  Watchdog watchdog;
  std::atomic<std::int64_t> epoch_ns{0};
  bool started = false;
  std::optional<RtThread> watchdog_thread;
  std::optional<RtThread> log_thread;
};

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

Status Scheduler::start(StatsBlock stats) {
  HORUS_CHECK(!impl_->started && stats.nodes.size() == impl_->entries.size());
  impl_->stats = stats;
  auto plan = impl_->plan();
  if (!plan) return plan.error();
  for (GroupPlan& group : plan.value()) impl_->build_lane(std::move(group));
  impl_->started = true;
  if (auto threads = impl_->start_threads(); !threads) return threads;
  impl_->gate.wait_for_arrivals(static_cast<std::uint32_t>(impl_->lanes.size()));
  if (impl_->control.stopping()) {
    impl_->gate.close();
    return {};
  }
  impl_->watchdog.take_usage_base();
  impl_->store_memory();
  const TimePoint epoch = impl_->clock.now() + kRunUp;
  // relaxed: a number on its own.
  impl_->epoch_ns.store(to_ns(epoch), std::memory_order_relaxed);
  if (stats.host != nullptr) stats.host->epoch_ns.set(to_ns(epoch));
  impl_->gate.open(epoch);
  impl_->clock.sleep_until(epoch);
  return {};
}

StopReport Scheduler::wait(std::optional<Nanos> duration) {
  Impl& impl = *impl_;
  if (!impl.started) return {.reason = StopReason::kNotStarted, .node = {}, .error = {}};
  if (duration) impl.control.end_at(impl.epoch() + *duration);
  if (impl.lanes.empty()) impl.control.wait(RunControl::kStop, impl.control.end());
  impl.join();
  return impl.control.report();
}

void Scheduler::request_stop() noexcept {
  impl_->control.request_stop();
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
  const auto refuse = [node](Errc code, const char* what) -> Status {
    return Error{code, what, 0, Name<200>::clipped(node)};
  };
  if (execution <= Nanos{}) return refuse(Errc::kInvalidArgument, "budget must be above 0");
  for (const auto& lane : impl_->lanes) {
    for (const auto& runner : lane->group.runners()) {
      if (!(runner->config().name == node)) continue;
      if (lane->plan.period > Nanos{} && execution > lane->plan.period) {
        return refuse(Errc::kInvalidArgument, "budget is longer than the period 1/rate");
      }
      runner->set_budget(execution);
      return {};
    }
  }
  return refuse(Errc::kNotFound, "set the budget of a node that is not running");
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

void Scheduler::Impl::build_lane(GroupPlan group) {
  LogChannel& channel = log.add_channel();
  ThreadRole role{.name = entries[group.nodes.front()].config.name,
                  .node_class = group.node_class,
                  .period = group.period,
                  .budget = {}};
  for (const std::size_t index : group.nodes) {
    role.budget += effective_budget(entries[index].config).execution;
  }
  auto hook = options.hooks != nullptr ? options.hooks->make(role) : nullptr;
  const RunnerContext context{.clock = clock,
                              .control = control,
                              .hook = hook.get(),
                              .max_deadline_misses = options.max_deadline_misses,
                              .log = &channel};
  std::vector<std::unique_ptr<NodeRunner>> runners;
  for (const std::size_t index : group.nodes) {
    const Entry& entry = entries[index];
    NodeStats& node_stats = stats.nodes[index];
    runners.push_back(std::make_unique<NodeRunner>(*entry.node, entry.config, node_stats, context));
    node_stats.priority.set(group.priority);
    node_stats.cpu.set(group.cpu);
  }
  const ExecutorContext executor{.clock = clock,
                                 .control = control,
                                 .gate = gate,
                                 .spin_limit = spin_limit(group),
                                 .log = &channel,
                                 .wake = entries[group.nodes.front()].wake};
  lanes.push_back(
      std::make_unique<Lane>(std::move(group), std::move(runners), std::move(hook), executor));
  watchdog.watch(lanes.back()->group);
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
  for (auto& lane : lanes) {
    const ThreadConfig config{
        .name = thread_name(lane->plan, entries),
        .priority = lane->plan.priority,
        .cpus = lane->plan.cpus,
        .slice = lane->plan.node_class == NodeClass::kCompute ? Nanos{} : kShortSlice,
        .stack_size = options.stack_size};
    status = start(lane->thread, config, Lane::run, lane.get());
    if (!status) break;
    if (config.priority > 0 && !lane->thread->fifo()) {
      log.push({.level = LogLevel::kWarning,
                .node = entries[lane->plan.nodes.front()].config.name,
                .at = MonotonicClock::now(),
                .text = Name<384>::clipped("SCHED_FIFO was refused; its thread goes on without")});
    }
  }
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
  return std::all_of(lanes.begin(), lanes.end(), [](const auto& lane) {
    if (lane->plan.period == Nanos{}) return true;
    const auto& runners = lane->group.runners();
    return std::all_of(runners.begin(), runners.end(), [](const auto& runner) {
      return runner->stats().first_release_ns.value() != 0;
    });
  });
}

void Scheduler::Impl::supervise() noexcept {
  TimePoint next_usage = MonotonicClock::now() + kUsageInterval;
  TimePoint next_look = MonotonicClock::now();
  while (!control.wait(RunControl::kEnd, next_look)) {
    const TimePoint now = MonotonicClock::now();
    watchdog.look();
    if (stats.host != nullptr) {
      if (watchdog.alive()) stats.host->heartbeat.add();
      stats.host->ready.set(ready() ? 1 : 0);
    }
    if (now >= next_usage) {
      next_usage += kUsageInterval;
      watchdog.store_usage();
      store_memory();
    }
    next_look = now + watchdog.interval();
    if (control.stopping()) {
      next_look = now + kDrainInterval;
      interrupt_waiting();
    } else if (control.wait(RunControl::kStop | RunControl::kEnd, next_look)) {
      next_look = now;
    }
  }
}

void Scheduler::Impl::store_memory() noexcept {
  if (stats.host != nullptr) stats.host->rss_bytes.set(read_resident_bytes());
}

void Scheduler::Impl::interrupt_waiting() noexcept {
  for (const auto& lane : lanes) {
    if (lane->executor.wake() != nullptr) lane->executor.wake()->interrupt();
  }
}

void Scheduler::Impl::drain_log() noexcept {
  // What is logged after the last look is drained when the queue goes.
  while (!control.wait(RunControl::kEnd, MonotonicClock::now() + kDrainInterval)) log.drain();
}

void Scheduler::Impl::join() noexcept {
  for (auto& lane : lanes) {
    if (lane->thread) lane->thread->join();
  }
  control.announce_end();
  if (watchdog_thread) watchdog_thread->join();
  if (log_thread) log_thread->join();
  log.drain();
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <horus/log.hpp>

#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"

namespace horus {
namespace {

constexpr Nanos kLeastLimit = 1s;
constexpr Nanos kLeastComputeLimit = 30s;
constexpr int kPeriodsOfSilence = 10;
constexpr Nanos kHangTimeout = 10s;
constexpr Nanos kSlowInit = 30s;
constexpr Nanos kShortestInterval = 5ms;
constexpr Nanos kLongestInterval = 250ms;

constexpr Silence next_step(Silence silence) noexcept {
  return silence == Silence::kHung ? silence : static_cast<Silence>(static_cast<int>(silence) + 1);
}

constexpr long long millis(Nanos duration) noexcept {
  return duration.count() / 1'000'000;
}

/// Logs a line in the name of the node, though another thread says it. The node's log level does
/// not hide it.
void log_of(const NodeRunner& runner, LogLevel level, std::string_view text) noexcept {
  const LogSource source{.node = &runner.config().name, .tick = current_tick(runner.stats())};
  const LogNaming naming{source};
  log(level, text);
}

/// Whether a debugger may be what holds the thread.
bool debugged(const RateGroup& group) noexcept {
  return group.runners().front()->debugged() || is_process_traced(::getpid());
}

}  // namespace

Nanos silence_limit(const NodeConfig& config, Nanos fallback) noexcept {
  if (config.watchdog) return *config.watchdog;
  if (fallback > Nanos{}) return fallback;
  const bool computes = config.node_class == NodeClass::kCompute;
  const Nanos least = computes ? kLeastComputeLimit : kLeastLimit;
  if (!config.rate || config.node_class == NodeClass::kEvent) return least;
  return std::max(least, kPeriodsOfSilence * config.rate->period());
}

Watchdog::Watchdog(Clock& clock, RunControl& control, const WatchdogOptions& options)
    : clock_{clock}, control_{control}, options_{options}, interval_ns_{kLongestInterval.count()} {}

void Watchdog::watch(RateGroup& group, GroupHook* hook) {
  Watched& watched = watched_.emplace_back();
  watched.group = &group;
  watched.hook = hook;
  for (const auto& runner : group.runners()) set(watched.limits.emplace_back(), runner->config());
  watched.isolated.resize(watched.limits.size());
}

// The interval only gets shorter: it is a quarter of the shortest limit seen.
// relaxed throughout: numbers on their own.
void Watchdog::set(Limit& limit, const NodeConfig& config) noexcept {
  const Nanos silence = silence_limit(config, options_.fallback);
  limit.ns.store(silence.count(), std::memory_order_relaxed);
  limit.given.store(config.watchdog.has_value(), std::memory_order_relaxed);
  if (silence <= Nanos{}) return;
  const Nanos wanted = std::clamp(silence / 4, kShortestInterval, interval());
  interval_ns_.store(wanted.count(), std::memory_order_relaxed);
}

void Watchdog::update(const NodeConfig& config) noexcept {
  for (Watched& watched : watched_) {
    const auto& runners = watched.group->runners();
    for (std::size_t i = 0; i < runners.size(); ++i) {
      if (runners[i]->config().name == config.name) set(watched.limits[i], config);
    }
  }
}

Nanos Watchdog::limit_at(const Watched& watched, std::size_t index) noexcept {
  return Nanos{watched.limits[index].ns.load(std::memory_order_relaxed)};
}

/// The executor's silence at `now`; nothing when it is idle.
std::optional<Watchdog::Silent> Watchdog::silence_of(const Watched& watched,
                                                     TimePoint now) noexcept {
  const Progress& progress = watched.group->progress();
  // relaxed: see Progress.
  const auto since = progress.expected_since_ns.load(std::memory_order_relaxed);
  if (since == Progress::kNothingExpected) return std::nullopt;
  return Silent{.since_ns = since,
                .lasted = now - from_ns(since),
                .running = progress.running.load(std::memory_order_relaxed),
                .activity = progress.activity.load(std::memory_order_relaxed)};
}

const NodeRunner& Watchdog::runner_of(const Watched& watched, int running) noexcept {
  return *watched.group->runners()[static_cast<std::size_t>(std::max(running, 0))];
}

/// The limit of the running node. Between callbacks (-1) any node may be meant: the longest limit.
Nanos Watchdog::limit_of(const Watched& watched, int running) const noexcept {
  if (running < 0) {
    Nanos longest{};
    for (std::size_t i = 0; i < watched.limits.size(); ++i) {
      longest = std::max(longest, limit_at(watched, i));
    }
    return longest;
  }
  const Nanos limit = limit_at(watched, static_cast<std::size_t>(running));
  const bool first = runner_of(watched, running).stats().first_release_ns.value() == 0;
  return first && limit > Nanos{} ? std::max(limit, options_.first_tick) : limit;
}

/// The callback that runs, for messages; kNone between callbacks.
NodeActivity Watchdog::callback_of(const Silent& silent) noexcept {
  if (silent.running < 0) return NodeActivity::kNone;
  return silent.activity == NodeActivity::kNone ? NodeActivity::kTick : silent.activity;
}

/// Whether the watchdog judges this silence. It does not judge an init(), nor a shutdown() at the
/// end, which BoundedStop bounds. But the shutdown() of a removed node is judged: it delays the
/// ticks of the other nodes on its thread.
bool Watchdog::ticks(const Silent& silent) const noexcept {
  if (silent.activity == NodeActivity::kInit) return false;
  if (silent.activity != NodeActivity::kShutdown) return true;
  return !control_.stopping() && clock_.now() < control_.end();
}

Silence Watchdog::judge(const Watched& watched, const Silent& silent) const noexcept {
  if (!ticks(silent)) return Silence::kMoves;
  // relaxed: numbers on their own, see begin_episode().
  // An excuse counts only for the episode in which it was found.
  const bool known = silent.since_ns == watched.since_ns.load(std::memory_order_relaxed);
  const Nanos excused{watched.excused_ns.load(std::memory_order_relaxed)};
  const Nanos lasted = known ? silent.lasted - excused : silent.lasted;
  return judge_silence(lasted, limit_of(watched, silent.running));
}

bool Watchdog::alive() const noexcept {
  const TimePoint now = clock_.now();
  return std::all_of(watched_.begin(), watched_.end(), [&](const Watched& watched) {
    const auto silent = silence_of(watched, now);
    if (!silent || judge(watched, *silent) < Silence::kHung) return true;
    return !isolates(watched, silent->running);
  });
}

/// Whether the node awaits something and only has a default limit. A default is meant for running
/// code; it says nothing about how long the node may wait for the outside world.
bool Watchdog::awaits(const Watched& watched, const Silent& silent) noexcept {
  if (silent.running < 0) return false;
  // relaxed: a flag on its own.
  const bool given = watched.limits[static_cast<std::size_t>(silent.running)].given.load(
      std::memory_order_relaxed);
  return !given && runner_of(watched, silent.running).awaits();
}

void Watchdog::look() noexcept {
  const TimePoint now = clock_.now();
  look_at_rescue();
  for (Watched& watched : watched_) {
    auto silent = silence_of(watched, now);
    if (silent && judge(watched, *silent) > Silence::kMoves &&
        (awaits(watched, *silent) || debugged(*watched.group))) {
      watched.group->progress().forgive(now);
      silent = silence_of(watched, now);
    }
    show(watched, silent);
    // relaxed: this thread writes it.
    const auto seen = watched.since_ns.load(std::memory_order_relaxed);
    if (silent && silent->since_ns != seen) begin_episode(watched, *silent);
    if (!silent) end_hang(watched);
    bring_to_rest(watched);
    tell_outputs(watched);
    if (!silent) {
      watched.seen = Silence::kMoves;
      continue;
    }
    if (silent->activity == NodeActivity::kInit) tell_slow_init(watched, *silent);
    if (ticks(*silent)) look_at(watched, *silent, now);
  }
  if (options_.guard != nullptr) look_at_own_call();
}

/// Judges the callback on the owner's own thread by the least limit of a tick, and by hang_timeout.
void Watchdog::look_at_own_call() noexcept {
  const auto call = options_.guard->own_call();
  if (!call || call->since < kLeastLimit) {
    own_call_seen_ = Silence::kMoves;
    return;
  }
  const bool lost = call->since >= kLeastLimit + options_.hang_timeout.value_or(kHangTimeout);
  const Silence silence = lost ? Silence::kHung : Silence::kWarned;
  if (silence <= own_call_seen_ || is_process_traced(::getpid())) return;
  own_call_seen_ = silence;
  char text[200];
  std::snprintf(text, sizeof text,
                "%s has been in its %s for %lld ms, on the thread that called run()",
                who(*call).view().data(), where(*call), millis(call->since));
  if (lost) return options_.guard->hung(*call, text);
  log(LogLevel::kWarning, text);
}

void Watchdog::begin_episode(Watched& watched, const Silent& silent) noexcept {
  // relaxed: numbers on their own; alive() is right again at the next look.
  watched.since_ns.store(silent.since_ns, std::memory_order_relaxed);
  watched.excused_ns.store(0, std::memory_order_relaxed);
  watched.share_base.reset();
  watched.starvation_said = false;
  watched.loss_said = false;
  end_hang(watched);
}

void Watchdog::end_hang(Watched& watched) noexcept {
  if (watched.hangs && watched.hung >= 0) {
    watched.group->runners()[static_cast<std::size_t>(watched.hung)]->note_hang(false);
  }
  watched.hangs = false;
}

void Watchdog::look_at(Watched& watched, const Silent& silent, TimePoint now) noexcept {
  const Nanos limit = limit_of(watched, silent.running);
  if (limit > Nanos{} && silent.lasted >= limit / 4) excuse(watched, silent, limit);
  const Silence judged = judge(watched, silent);
  if (judged == Silence::kMoves) {
    watched.seen = judged;
    return;
  }
  const Blame blamed = blame(watched, silent, now);
  if (blamed.in_time) return;
  // One step at a time: after a stall of the whole machine an executor has time to show that it
  // moves again (RT-8).
  const Silence before = watched.seen;
  watched.seen = std::min(judged, next_step(before));
  if (watched.seen > before) {
    if (before == Silence::kMoves) count(watched, silent, blamed);
    act(watched, silent, blamed, watched.seen);
  }
  if (before != Silence::kMoves) look_for_loss(watched, silent, blamed);
}

/// Counts a silence. If another node keeps the GIL, that node's own silence counts as the hang.
void Watchdog::count(const Watched& watched, const Silent& silent, const Blame& blame) noexcept {
  expirations_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a number on its own.
  const std::size_t running = static_cast<std::size_t>(std::max(silent.running, 0));
  if (blame.node == nullptr) watched.group->runners()[running]->stats().hangs.add();
}

/// A thread that is ready to run but gets no CPU does not hang: that time does not count as
/// silence. A thread that has run for half of its limit was not short of CPU, and is not excused
/// (RT-9).
void Watchdog::excuse(Watched& watched, const Silent& silent, Nanos limit) noexcept {
  const CpuShare share = options_.cpu_share(runner_of(watched, 0).stats().tid.value());
  if (!watched.share_base) watched.share_base = share;
  const bool short_of_cpu = share.ran - watched.share_base->ran < limit / 2;
  const Nanos excused = short_of_cpu ? share.waited - watched.share_base->waited : Nanos{};
  watched.excused_ns.store(excused.count(), std::memory_order_relaxed);  // relaxed: as above.
  if (watched.starvation_said || silent.lasted < limit || silent.lasted - excused >= limit) return;
  watched.starvation_said = true;
  char text[256];
  std::snprintf(text, sizeof text,
                "node '%.64s' is not done after %lld ms, but had no CPU for %lld ms of them: other "
                "threads keep it from running; it is not taken for hung",
                runner_of(watched, silent.running).config().name.view().data(),
                millis(silent.lasted), millis(excused));
  log_of(runner_of(watched, silent.running), LogLevel::kWarning, text);
}

Watchdog::Blame Watchdog::blame(Watched& watched, const Silent& silent, TimePoint now) noexcept {
  Blame blamed;
  if (watched.hook == nullptr) return blamed;
  const Holder holder = watched.hook->holder();
  // A running tick may want the GIL back that it has lost, or wait for something else. It is blamed
  // on a holder only if that held the GIL without a break since the last look.
  const bool keeps = silent.running < 0 || holder.turn == watched.turn;
  watched.turn = holder.turn;
  if (holder.thread == 0 || !keeps) return blamed;
  if (holder.thread == runner_of(watched, 0).stats().tid.value()) return blamed;
  blamed.thread = holder.thread;
  blamed.what = holder.what;
  for (const Watched& other : watched_) {
    if (runner_of(other, 0).stats().tid.value() != holder.thread) continue;
    blamed.node = &other;
    const auto its = Watchdog::silence_of(other, now);
    blamed.in_time = its && judge(other, *its) == Silence::kMoves;
  }
  return blamed;
}

int Watchdog::describe(const Watched& watched, const Silent& silent, const Blame& blame,
                       std::span<char> text) noexcept {
  const auto* const name = runner_of(watched, silent.running).config().name.view().data();
  if (blame.thread == 0) {
    return std::snprintf(text.data(), text.size(), "node '%.64s' has %s%s for %lld ms", name,
                         silent.running < 0 ? "not been started" : "been in its ",
                         silent.running < 0 ? "" : to_text(callback_of(silent)),
                         millis(silent.lasted));
  }
  char who[96];
  std::snprintf(who, sizeof who, "thread %d", blame.thread);
  if (blame.node != nullptr) {
    const Progress& progress = blame.node->group->progress();
    // relaxed: see Progress.
    const int running = progress.running.load(std::memory_order_relaxed);
    std::snprintf(who, sizeof who, "node '%.64s'",
                  runner_of(*blame.node, running).config().name.view().data());
  }
  return std::snprintf(text.data(), text.size(),
                       "node '%.64s' has been waiting for %s for %lld ms; %s has it", name,
                       blame.what, millis(silent.lasted), who);
}

void Watchdog::act(Watched& watched, const Silent& silent, const Blame& blame,
                   Silence silence) noexcept {
  char text[320];
  const int length = describe(watched, silent, blame, text);
  const bool isolated = silence == Silence::kHung && blame.thread == 0 && silent.running >= 0 &&
                        isolates(watched, silent.running);
  const char* follows = "";
  if (silence == Silence::kUnhealthy) follows = "; soon it is taken for hung";
  const bool safe = silent.activity == NodeActivity::kSafeState;
  if (silence == Silence::kHung && !safe) follows = "; all nodes go into safe state";
  if (isolated && !safe) follows = "; it is isolated, the others go into safe state";
  std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length), "%s", follows);
  keep(watched, silent, silence, text);
  log_of(runner_of(watched, silent.running),
         silence == Silence::kWarned ? LogLevel::kWarning : LogLevel::kError, text);
  if (silence == Silence::kHung) isolate(watched, silent, blame);
}

void Watchdog::keep(const Watched& watched, const Silent& silent, Silence silence,
                    std::string_view text) const noexcept {
  if (box_ == nullptr) return;
  const NodeRunner& runner = runner_of(watched, silent.running);
  box_->write({.tick = current_tick(runner.stats()),
               .kind = EventKind::kHang,
               .in_tick = callback_of(silent) == NodeActivity::kTick ? 1U : 0U,
               .numbers = {millis(silent.lasted), static_cast<std::int64_t>(silence)},
               .node = runner.config().name,
               .text = Name<200>::clipped(text)});
}

bool Watchdog::isolates(const Watched& watched, int running) const noexcept {
  const auto index = static_cast<std::size_t>(std::max(running, 0));
  const bool given = watched.limits[index].given.load(std::memory_order_relaxed);
  if (given || options_.fallback > Nanos{}) return true;
  const NodeConfig& config = runner_of(watched, running).config();
  return options_.isolates_by_default && config.node_class != NodeClass::kCompute;
}

void Watchdog::isolate(Watched& watched, const Silent& silent, const Blame& blame) noexcept {
  // The guard first, because the calls below may block.
  const NodeConfig& config = runner_of(watched, silent.running).config();
  if (options_.guard != nullptr && blame.thread == 0 && isolates(watched, silent.running)) {
    options_.guard->isolated(
        {.node = config.name, .in = callback_of(silent), .since = silent.lasted});
  }
  // The node hangs in its safe state: the run is at rest already.
  if (silent.activity == NodeActivity::kSafeState) return;
  // If another node keeps the GIL, that node's own silence requests the rest.
  if (blame.node == nullptr) {
    char text[160];
    describe(watched, silent, blame, text);
    if (config.critical) {
      control_.safety().request_stop(StopCause::kNode, text, config.name.view());
    } else {
      control_.safety().request_safe_state(StopCause::kHang, text, config.name.view());
    }
  }
  // Between callbacks no node is at fault, so none is isolated.
  if (silent.running >= 0 && blame.thread == 0 && isolates(watched, silent.running)) {
    watched.group->runners()[static_cast<std::size_t>(silent.running)]->isolate();
  }
  // The nodes of the hung thread cannot follow the request for rest on their own thread.
  watched.hangs = true;
  watched.hung = silent.running;
  if (silent.running >= 0) {
    watched.group->runners()[static_cast<std::size_t>(silent.running)]->note_hang(true);
  }
  bring_to_rest(watched);
  tell_outputs(watched);
}

/// Tells `outputs` which nodes are isolated: because they hang, or by their ladder. A call that
/// `outputs` could not take is repeated at the next look.
void Watchdog::tell_outputs(Watched& watched) const noexcept {
  if (options_.outputs == nullptr) return;
  const auto& runners = watched.group->runners();
  for (std::size_t i = 0; i < runners.size(); ++i) {
    const bool isolated =
        runners[i]->isolated() || runners[i]->stats().rung.value() >= Rung::kIsolated;
    if (isolated == watched.isolated[i]) continue;
    if (options_.outputs->isolate(runners[i]->config().name, isolated)) {
      watched.isolated[i] = isolated;
    }
  }
}

/// Lets the nodes of a hung thread follow the latest rest or release, actuators first.
void Watchdog::bring_to_rest(Watched& watched) noexcept {
  if (!watched.hangs) return;
  const auto& runners = watched.group->runners();
  for (const bool actuators : {true, false}) {
    for (std::size_t i = 0; i < runners.size(); ++i) {
      NodeRunner& runner = *runners[i];
      if (runner.config().actuator != actuators || !runner.safe_state_due()) continue;
      if (static_cast<int>(i) != watched.hung || runner.config().safe_state_async) {
        rescue_.call(runner);
      }
    }
  }
}

void Watchdog::look_at_rescue() noexcept {
  while (const auto overrun = rescue_.overrun()) {
    const NodeRunner& node = *overrun->runner;
    char text[200];
    std::snprintf(text, sizeof text,
                  "node '%.64s' is not at rest: its safe state, called as its thread hangs, is not "
                  "over after %lld ms",
                  node.config().name.view().data(), millis(overrun->lasts));
    log_of(node, LogLevel::kError, text);
  }
}

std::optional<BlockedCall> Watchdog::resting() const noexcept {
  const NodeRunner* const node = rescue_.calls();
  if (node == nullptr) return std::nullopt;
  return BlockedCall{.node = node->config().name, .in = NodeActivity::kSafeState};
}

void Watchdog::await_rest() const noexcept {
  rescue_.await();
}

/// Tells the guard when the silence has lasted for hang_timeout beyond the limit.
void Watchdog::look_for_loss(Watched& watched, const Silent& silent, const Blame& blame) noexcept {
  const NodeRunner& runner = runner_of(watched, silent.running);
  const bool never = runner.config().node_class == NodeClass::kCompute && !options_.hang_timeout;
  if (options_.guard == nullptr || watched.loss_said || never) return;
  // If another node keeps the GIL, its own silence is judged, not this one.
  if (blame.node != nullptr) return;
  const Nanos limit = limit_of(watched, silent.running);
  // The longer limit of a first tick includes this time already.
  const bool first =
      silent.running >= 0 && limit != limit_at(watched, static_cast<std::size_t>(silent.running));
  Nanos least = first ? limit : limit + options_.hang_timeout.value_or(kHangTimeout);
  // relaxed: a number on its own.
  if (silent.lasted - Nanos{watched.excused_ns.load(std::memory_order_relaxed)} < least) return;
  watched.loss_said = true;
  char why[256];
  describe(watched, silent, blame, why);
  options_.guard->hung(
      {.node = runner.config().name, .in = callback_of(silent), .since = silent.lasted}, why);
}

void Watchdog::tell_slow_init(Watched& watched, const Silent& silent) noexcept {
  if (watched.loss_said || silent.lasted < kSlowInit || silent.running < 0) return;
  watched.loss_said = true;
  const NodeName& name = runner_of(watched, silent.running).config().name;
  char text[160];
  std::snprintf(text, sizeof text, "node '%.64s' has been in its init for %lld s",
                name.view().data(), millis(silent.lasted) / 1000);
  log_of(runner_of(watched, silent.running), LogLevel::kWarning, text);
  if (options_.guard == nullptr) return;
  options_.guard->slow_start({.node = name, .in = NodeActivity::kInit, .since = silent.lasted});
}

/// Shows in the statistics which callback has been running for kLongCall or more.
void Watchdog::show(const Watched& watched, const std::optional<Silent>& silent) noexcept {
  const auto& runners = watched.group->runners();
  for (std::size_t i = 0; i < runners.size(); ++i) {
    const bool busy =
        silent && static_cast<int>(i) == silent->running && silent->lasted >= kLongCall;
    runners[i]->stats().busy_in.set(busy ? silent->activity : NodeActivity::kNone);
    runners[i]->stats().busy_since_ns.set(busy ? silent->since_ns : 0);
  }
}

void Watchdog::take_usage_base() noexcept {
  for (Watched& watched : watched_) {
    const auto tid = watched.group->runners().front()->stats().tid.value();
    const auto usage = read_thread_usage(tid);
    if (!usage) continue;
    watched.usage_base = watched.usage = *usage;
    watched.waited = options_.cpu_share(tid).waited;
    watched.looked = clock_.now();
  }
  // release: who sees it also sees the bases.
  usage_counts_.store(true, std::memory_order_release);
}

void Watchdog::store_usage() noexcept {
  // acquire: see take_usage_base(). Until then another thread may write what is read here.
  if (!usage_counts_.load(std::memory_order_acquire)) return;
  for (Watched& watched : watched_) {
    const auto tid = watched.group->runners().front()->stats().tid.value();
    const auto usage = read_thread_usage(tid);
    if (!usage) continue;
    const Nanos waited = options_.cpu_share(tid).waited;
    const TimePoint now = clock_.now();
    for (const auto& runner : watched.group->runners()) {
      store_thread_usage(*usage, watched.usage_base, runner->stats());
      runner->late().look_around(watched.looked, now, waited - watched.waited, *usage,
                                 watched.usage);
    }
    watched.usage = *usage;
    watched.waited = waited;
    watched.looked = now;
  }
}

}  // namespace horus

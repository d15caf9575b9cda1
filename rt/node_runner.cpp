// SPDX-License-Identifier: Apache-2.0
#include "rt/node_runner.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <span>
#include <tuple>
#include <typeinfo>
#include <utility>

#include <horus/log.hpp>

#include "rt/base/acting.hpp"
#include "rt/base/fork_watch.hpp"
#include "rt/check_rt.hpp"
#include "rt/group_hook.hpp"
#include "rt/log_queue.hpp"
#include "rt/node_config.hpp"
#include "rt/release.hpp"

namespace horus {
namespace {

// At most so many skipped responses are recorded after a long stall: the loop stays bounded.
constexpr std::uint64_t kMaxUntoldResponses = 1024;

constexpr long long micros(Nanos duration) noexcept {
  return duration.count() / 1000;
}

/// Tells the checker (horus launch --check-rt) when a tick begins and ends.
struct CheckedTick {
  CheckedTick(const NodeName& node, std::uint64_t number) noexcept {
    horus_tick_begins(node.view().data(), number);
  }
  ~CheckedTick() { horus_tick_ended(); }
  CheckedTick(const CheckedTick&) = delete;
  CheckedTick& operator=(const CheckedTick&) = delete;
};

/// Appends " (N more not shown)"; nothing when N is 0 or there is no room.
void append_suppressed(std::span<char> text, int length, std::uint64_t suppressed) noexcept {
  if (suppressed == 0 || length < 0 || static_cast<std::size_t>(length) >= text.size()) return;
  std::snprintf(text.data() + length, text.size() - static_cast<std::size_t>(length),
                " (%llu more not shown)", static_cast<unsigned long long>(suppressed));
}

/// The type's name as in the source, e.g. "std::runtime_error".
Name<96> type_name(const std::type_info& type) noexcept {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable{
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free};
  return Name<96>::clipped(readable != nullptr ? readable.get() : type.name());
}

}  // namespace

std::optional<std::uint64_t> LogLimit::admit(TimePoint now) noexcept {
  if (last_ && now - *last_ < 1s) {
    ++suppressed_;
    return std::nullopt;
  }
  last_ = now;
  return std::exchange(suppressed_, 0);
}

NodeRunner::NodeRunner(Node& node, const NodeConfig& config, NodeStats& stats,
                       const RunnerContext& context)
    : node_{node},
      stats_{stats},
      clock_{context.clock},
      control_{context.control},
      log_source_{context.log != nullptr ? &context.log->source : &unheard_},
      hook_{context.hook},
      tick_{.period = config.rate && config.node_class != NodeClass::kEvent ? config.rate->period()
                                                                            : Nanos{},
            .budget = effective_budget(config),
            .run = &context.control.safety()},
      late_{context.late, stats},
      wanted_budget_ns_{tick_.budget.execution.count()},
      wanted_deadline_ns_{tick_.budget.deadline.count()},
      wanted_period_ns_{tick_.period.count()},
      ladder_plan_{ladder_plan(config)},
      max_deadline_misses_{context.max_deadline_misses},
      may_arm_at_start_{context.may_arm_at_start},
      config_{config},
      index_{context.index},
      box_{context.box} {
  source_.node = &config_.name;
  source_.level = &stats_.log_level;
  stats_.log_level.set(config_.log_level);
  stats_.name = config_.name;
  stats_.node_class.set(config_.node_class);
  stats_.state.set(NodeState::kUninitialized);
  stats_.order.set(config_.order);
  stats_.safety.begin();
  stats_.actuator.set(config_.actuator ? 1 : 0);
  stats_.outputs_shut.store(config_.actuator ? 1 : 0);
  stats_.period_ns.set(tick_.period.count());
  take_budget();
  stats_.consecutive_misses.set(0);
  stats_.rung.set(Rung::kNone);
  stats_.rung_since_ns.set(0);
  stats_.rung_recover.set(ladder_plan_.numbers.recover);
  stops_followed_ = stats_.stops_asked.value();
  stats_.first_release_ns.set(0);
  stats_.last_release_ns.set(0);
  stats_.began.set(0);
}

template <typename Call>
bool NodeRunner::guarded(const char* callback, Call call) noexcept {
  return guarded(callback, call, [this](const Thrown& thrown) { keep_error(thrown); });
}

template <typename Call, typename Tell>
bool NodeRunner::guarded(const char* callback, Call call, Tell tell) noexcept {
  const ForkWatch watch;
  const ActingScope acts{stats_};
  bool done = false;
  try {
    call();
    done = true;
  } catch (const NodeFailure& failure) {
    tell(Thrown{failure.type(), failure.what(), failure.trace()});
  } catch (const std::exception& error) {
    tell(Thrown{type_name(typeid(error)).view(), error.what(), {}});
  } catch (...) {
    tell(Thrown{"unknown", "an exception that is not a std::exception", {}});
  }
  if (watch.forked()) [[unlikely]]
    end_forked_child(callback, config_.name.view());
  return done;
}

/// Remembers an exception. Out of line, so that a tick's stack frame stays small.
[[gnu::noinline]] void NodeRunner::keep_error(const Thrown& thrown) noexcept {
  error_ = Name<384>::clipped(thrown.message);
  error_type_ = Name<64>::clipped(thrown.type);
  if (!thrown.type.empty()) horus::count(stats_.failures, thrown, source_.tick, clock_.now());
}

bool NodeRunner::init() noexcept {
  log_as(&source_);
  set_state(NodeState::kInitializing);
  const bool succeeded = guarded("init", [this] { node_.init(); });
  initialised_ = succeeded;
  set_state(succeeded ? NodeState::kRunning : NodeState::kCrashed);
  if (succeeded) become_ready();
  if (!succeeded) keep_failure(clock_.now());
  // If the run is stopping, the stop may have interrupted init(): that is not its cause.
  if (!succeeded && !control_.stopping()) {
    control_.stop_because(StopReason::kNotStarted, config_.name.view(), error_.view());
  }
  log_as(nullptr);
  return succeeded;
}

TimePoint NodeRunner::run(TimePoint release, TimePoint now, const Predecessors& before) noexcept {
  if (undisturbed()) [[likely]]
    return tick(release, now, before);
  log_as(&source_);
  const bool ticks = may_tick(release, now);
  log_as(nullptr);
  return ticks ? tick(release, now, before) : now;
}

// hot: see RateGroup::tick_due().
[[gnu::hot]] TimePoint NodeRunner::tick(TimePoint release, TimePoint start,
                                        const Predecessors& before) noexcept {
  log_as(&source_);
  tick_.number = source_.tick;
  tick_.release = release;
  tick_.start = start;
  tick_.safety = stats_.safety.value();
  late_.begin();
  stats_.began.set(cycle_count());
  guarded(
      "tick", [this] { call_tick(); },
      [this](const Thrown& thrown) {
        failed_ = looks_back_ = true;
        keep_error(thrown);
      });
  TickTiming timing{.release = release, .start = start, .finish = clock_.now()};
  if (hook_ != nullptr && hook_->ticked()) [[unlikely]]
    std::tie(timing.awaited, timing.lost) = take_loss(timing.execution());
  count(timing);
  TimePoint now = timing.finish;
  if (looks_back_ || late_.is_remarkable(timing)) [[unlikely]]
    now = look_back(timing, before);
  if (stats_.stops_asked.value() != stops_followed_) [[unlikely]]
    follow_stale_stop();
  // Only now: lines logged until here are about this tick, and name it.
  ++source_.tick;
  log_as(nullptr);
  return now;
}

inline void NodeRunner::call_tick() {
  if (horus_tick_begins == nullptr) [[likely]]
    return node_.tick(tick_);
  const CheckedTick checked{config_.name, tick_.number};
  node_.tick(tick_);
}

/// Asks the hook what a tick of `took` has lost. Returns what it awaited, and what it lost of the
/// rest.
[[gnu::noinline]] std::pair<Nanos, Nanos> NodeRunner::take_loss(Nanos took) noexcept {
  loss_ = hook_->loss();
  loss_tick_ = source_.tick;
  const Nanos awaited = std::min(loss_.awaited, took);
  if (loss_.lost) count_loss(loss_);
  if (awaited > Nanos{}) stats_.awaited.record(awaited);
  return {awaited, std::min(loss_.time, took - awaited)};
}

/// The rare work after a tick: judges it, records it, applies the policies. `timing` is passed by
/// value, so that tick() can keep its own copy in registers.
[[gnu::noinline]] TimePoint NodeRunner::look_back(TickTiming timing,
                                                  const Predecessors& before) noexcept {
  const bool succeeded = !std::exchange(failed_, false);
  if (source_.tick == 0) stats_.first_release_ns.set(to_ns(timing.release));
  const std::uint64_t given_up = std::exchange(given_up_, 0);
  if (untold_responses_ != 0) count_skipped_responses(timing);
  const Verdict verdict = judge(timing, tick_.budget);
  const TickLoss loss = loss_tick_ == source_.tick ? loss_ : TickLoss{};
  looks_back_ = verdict.missed || !succeeded;
  count(verdict);
  const LateTick* const kept =
      late_.end({source_.tick, timing, verdict, loss, given_up, tick_.period}, before);
  const Bad bad{verdict, succeeded, kept, before.culprit()};
  if (before.late == nullptr && (verdict.missed || verdict.overrun)) before.late = this;
  if (verdict.missed || !ladder_.idle()) {
    follow_ladder(timing, bad);
    looks_back_ = looks_back_ || !ladder_.idle();
  }
  if (given_up > 0) say_skipped(timing, given_up, bad);
  if (verdict.missed || verdict.overrun || !succeeded) return follow(timing, bad);
  failures_.in_a_row = 0;
  // Logging took time, see follow().
  return given_up > 0 ? clock_.now() : timing.finish;
}

void NodeRunner::take_budget() noexcept {
  // acquire: shows us the numbers that were stored before the flag was raised.
  static_cast<void>(lower(kRebudgeted, std::memory_order_acquire));
  // relaxed: the flag has ordered them.
  tick_.budget = {.execution = Nanos{wanted_budget_ns_.load(std::memory_order_relaxed)},
                  .deadline = Nanos{wanted_deadline_ns_.load(std::memory_order_relaxed)}};
  stats_.budget_ns.set(tick_.budget.execution.count());
  stats_.deadline_ns.set(tick_.budget.deadline.count());
  late_.expect(tick_.budget);
}

/// Does what due_ asks for before a tick. False: the release is skipped.
bool NodeRunner::may_tick(TimePoint release, TimePoint& now) noexcept {
  if (has(kRebudgeted)) take_budget();
  if (safe_state_due()) {
    follow_safe_state();
    now = clock_.now();
  }
  if (lower(kReleased)) leave_own_rest(now);
  if (isolated() || has(kRescued) || release < resume_at_) {
    stats_.skipped.add();
    return false;
  }
  static_cast<void>(lower(kRests));
  if (lower(kSkips)) {
    static_cast<void>(skip(1));
    return false;
  }
  if (!has(kRestarts)) return true;
  const bool restarted = init_again();
  now = clock_.now();
  return restarted;
}

bool NodeRunner::restart() noexcept {
  log_as(&source_);
  const bool restarted = init_again();
  log_as(nullptr);
  return restarted;
}

bool NodeRunner::init_again() noexcept {
  static_cast<void>(lower(kRestarts));
  initialised_ = guarded("init", [this] { node_.init(); });
  if (initialised_) {
    set_state(NodeState::kRunning);
  } else {
    stats_.skipped.add();
    apply_failure_policy(clock_.now());
  }
  return initialised_;
}

inline void NodeRunner::count(const TickTiming& timing) noexcept {
  NodeStats& stats = stats_;
  stats.ticks.add();
  stats.last_execution_ns.set(timing.execution().count());
  stats.last_release_ns.set(to_ns(timing.release));
  const auto lateness = static_cast<std::uint64_t>(timing.lateness().count());
  const auto execution = static_cast<std::uint64_t>(timing.execution().count());
  const auto response = static_cast<std::uint64_t>(timing.response().count());
  // One comparison for all three: a value outside of a histogram's range has a high bit set.
  if ((lateness | execution | response) < ll5::kEnd) [[likely]] {
    stats.lateness.record_within(lateness);
    stats.execution.record_within(execution);
    stats.response.record_within(response);
    return;
  }
  stats.lateness.record(timing.lateness());
  stats.execution.record(timing.execution());
  stats.response.record(timing.response());
}

void NodeRunner::count(const Verdict& verdict) noexcept {
  if (verdict.overrun) stats_.overruns.add();
  if (verdict.missed) {
    stats_.misses.add();
    stats_.consecutive_misses.add();
  } else {
    stats_.consecutive_misses.set(0);
    in_miss_episode_ = false;
  }
}

TimePoint NodeRunner::follow(const TickTiming& timing, const Bad& bad) noexcept {
  if (bad.verdict.missed || bad.verdict.overrun) keep_late(timing, bad);
  if (bad.verdict.missed) {
    apply_miss_policy(timing, bad);
  } else if (bad.verdict.overrun) {
    say_late(
        overrun_log_, timing.finish,
        {.what = "ran longer than its budget: %lld us, %lld us allowed",
         .numbers = {micros(timing.execution() - timing.lost), micros(tick_.budget.execution)}},
        bad);
  }
  if (bad.succeeded) {
    failures_.in_a_row = 0;
  } else {
    apply_failure_policy(timing.finish);
  }
  // The work above took time. The next node's tick starts after it, so as not to be charged for it.
  return clock_.now();
}

void NodeRunner::count_skipped_responses(const TickTiming& timing) noexcept {
  // A skipped release had to wait until the start of the tick after it.
  const auto untold = static_cast<std::int64_t>(std::min(untold_responses_, kMaxUntoldResponses));
  for (std::int64_t i = 1; i <= untold; ++i) {
    stats_.skipped_response.record(timing.start - (timing.release - i * tick_.period));
  }
  untold_responses_ = 0;
}

void NodeRunner::count_loss(const TickLoss& loss) noexcept {
  stats_.gil_losses.add();
  if (loss.time <= Nanos{}) return;
  if (loss.time > Nanos{stats_.gil_lost_longest_ns.value()}) {
    stats_.gil_lost_longest_ns.set(loss.time.count());
    stats_.gil_lost_tick.set(source_.tick);
    stats_.gil_lost_to.set(loss.to);
  }
  stats_.gil_lost.record(loss.time);
}

void NodeRunner::record_gil_wait(Nanos wait) noexcept {
  stats_.gil_wait.record(wait);
  if (wait < kLongGilWait) [[likely]]
    return;
  stats_.gil_long_waits.add();
  const bool off_cpu = hook_ != nullptr && hook_->holder_was_off_cpu();
  if (off_cpu) stats_.gil_long_waits_off_cpu.add();
  keep(EventKind::kGil, "", {micros(wait), off_cpu ? 1 : 0});
}

bool NodeRunner::skip(std::uint64_t count) noexcept {
  stats_.skipped.add(count);
  if (isolated() || has(kRestarts)) return false;
  untold_responses_ += count;
  looks_back_ = true;
  return true;
}

void NodeRunner::say_skipped(const TickTiming& timing, std::uint64_t count,
                             const Bad& bad) noexcept {
  // If the tick missed its deadline as well, the line about that says what took the time.
  if (bad.verdict.missed) return;
  // An async node waits for something outside; that it skips releases is intended.
  if (config_.node_class == NodeClass::kAsync) return;
  const auto skipped = static_cast<std::int64_t>(count);
  say_late(
      skip_log_, timing.finish,
      {.what = count == 1 ? "skipped %lld release: it started %lld us after it"
                          : "skipped %lld releases: it started %lld us after the first of them",
       .numbers = {skipped, micros(timing.lateness() + skipped * tick_.period)}},
      bad);
}

/// Says it, with what took the time, at most once a second.
void NodeRunner::say_late(LogLimit& limit, TimePoint now, const Excess& excess,
                          const Bad& bad) noexcept {
  const auto suppressed = limit.admit(now);
  if (!suppressed) return;
  char text[384];
  auto length = static_cast<std::size_t>(
      std::snprintf(text, sizeof text, excess.what, excess.numbers[0], excess.numbers[1]));
  if (bad.kept != nullptr) {
    length += static_cast<std::size_t>(std::snprintf(text + length, sizeof text - length, "; "));
    const auto before = bad.before != nullptr ? bad.before->config().name.view() : "";
    length += describe_cause(*bad.kept, before, std::span{text}.subspan(length));
  }
  append_suppressed(text, static_cast<int>(length), *suppressed);
  log(LogLevel::kWarning, text);
}

void NodeRunner::apply_miss_policy(const TickTiming& timing, const Bad& bad) noexcept {
  say_late(miss_log_, timing.finish,
           {.what = "missed its deadline: %lld us from the release, %lld us allowed",
            .numbers = {micros(timing.response()), micros(tick_.budget.deadline)}},
           bad);
  if (max_deadline_misses_ > 0 &&
      stats_.consecutive_misses.value() == static_cast<std::uint64_t>(max_deadline_misses_)) {
    char text[96];
    std::snprintf(text, sizeof text, "%d deadlines in a row were missed", max_deadline_misses_);
    control_.safety().request_safe_state(StopCause::kMisses, text, config_.name.view());
  }
  switch (config_.on_miss) {
    case MissPolicy::kWarn: break;
    case MissPolicy::kSkip:
      if (tick_.period > Nanos{}) raise(kSkips);
      break;
    case MissPolicy::kSafeMode:
      if (!in_miss_episode_) rest_by_itself();
      break;
    case MissPolicy::kStop:
      // Whose miss is not the first ends nothing.
      if (!control_.stopping()) {
        log(LogLevel::kError, "missed its deadline, and its on_miss is stop: the run ends");
      }
      tell_lost("has missed its deadline, and ends the run");
      control_.stop_because(StopReason::kMissPolicy, config_.name.view(), "");
      break;
  }
  in_miss_episode_ = true;
}

void NodeRunner::apply_failure_policy(TimePoint now) noexcept {
  stats_.errors.add();
  const FailureStep step = after_failure(config_.failure, failures_, now);
  failures_ = step.record;
  keep_failure(now);
  log_failure(now, step.action);
  switch (step.action) {
    case FailureAction::kContinue: return;
    case FailureAction::kRest: tell_lost("has failed too often in a row, and rests"); break;
    case FailureAction::kRestart:
      if (initialised_.exchange(false)) {
        // If shutdown() throws as well, that is not reported again: the tick's failure was.
        static_cast<void>(guarded("shutdown", [this] { node_.shutdown(); }));
      }
      raise(kRestarts);
      set_state(NodeState::kError);
      break;
    case FailureAction::kStop:
      set_state(NodeState::kCrashed);
      tell_lost("has failed, and ends the run");
      control_.stop_because(StopReason::kNodeFailure, config_.name.view(), error_.view());
      return;
  }
  resume_at_ = now + step.pause;
  raise(kRests);
}

void NodeRunner::log_failure(TimePoint now, FailureAction action) noexcept {
  if (config_.failure.kind == FailureKind::kIgnore) return;
  const auto suppressed = failure_log_.admit(now);
  if (!suppressed && action == FailureAction::kContinue) return;
  static constexpr std::array<const char*, 4> kFollows{"", " (rests now)", " (is started again)",
                                                       " (stops the scheduler)"};
  char text[384];
  const int length =
      std::snprintf(text, sizeof text, "failed%s: %.*s", kFollows[static_cast<std::size_t>(action)],
                    static_cast<int>(error_.view().size()), error_.view().data());
  append_suppressed(text, length, suppressed.value_or(0));
  log(LogLevel::kError, text);
}

void NodeRunner::shutdown() noexcept {
  log_as(&source_);
  if (initialised_.exchange(false)) {
    set_state(NodeState::kStopping);
    if (!guarded("shutdown", [this] { node_.shutdown(); })) {
      stats_.errors.add();
      keep_failure(clock_.now());
      log_failure(clock_.now(), FailureAction::kContinue);
    }
    set_state(NodeState::kStopped);
  }
  stats_.safety.step(SafetyEvent::kEnd);
  log_as(nullptr);
}

void NodeRunner::shut_down_for() noexcept {
  if (!initialised_.exchange(false)) return;
  set_state(NodeState::kStopping);
  // Counters and the last error belong to the node's own thread: an exception is only logged.
  static_cast<void>(guarded(
      "shutdown", [this] { node_.shutdown(); },
      [this](const Thrown& thrown) {
        char text[384];
        std::snprintf(text, sizeof text, "node '%s' failed in its shutdown: %.*s",
                      config_.name.view().data(), static_cast<int>(thrown.message.size()),
                      thrown.message.data());
        log(LogLevel::kError, text);
      }));
  stats_.safety.step(SafetyEvent::kEnd);
  set_state(NodeState::kStopped);
}

void NodeRunner::set_budget(Nanos execution) noexcept {
  // relaxed: the flag's release publishes it to take_budget().
  wanted_budget_ns_.store(execution.count(), std::memory_order_relaxed);
  raise(kRebudgeted, std::memory_order_release);
}

void NodeRunner::set_timing(Nanos period, const Budget& budget) noexcept {
  // As in set_budget(). One tick may combine the old period with the new budget.
  wanted_budget_ns_.store(budget.execution.count(), std::memory_order_relaxed);
  wanted_deadline_ns_.store(budget.deadline.count(), std::memory_order_relaxed);
  wanted_period_ns_.store(period.count(), std::memory_order_relaxed);
  raise(kRebudgeted | kChanged, std::memory_order_release);
}

void NodeRunner::follow_change() noexcept {
  // acquire: shows us what was stored before the flag was raised.
  static_cast<void>(lower(kChanged, std::memory_order_acquire));
  // relaxed: the flag has ordered it.
  if (leaves_.load(std::memory_order_relaxed)) {
    if (gone()) return;
    next_ = RunControl::kNever;
    shutdown();
    gone_.store(true, std::memory_order_relaxed);
    return node_.removed();
  }
  const Nanos wanted = wanted_period();
  if (wanted == tick_.period) return;
  // The new grid begins one new period after the latest release, but not in the past. Before the
  // first tick the planned first release stays.
  if (stats_.first_release_ns.value() != 0) {
    next_ = std::max(next_ - tick_.period + wanted, std::min(next_, clock_.now()));
  }
  tick_.period = wanted;
  untold_responses_ = 0;
  stats_.period_ns.set(wanted.count());
}

/// The rare case of take_release(): the thread is late by a period or more, or the next release is
/// not before the end.
TimePoint NodeRunner::take_late_release(TimePoint now, TimePoint end) noexcept {
  const NextRelease due = next_release(next_ - tick_.period, tick_.period, now);
  if (due.at >= end) {
    // Only the releases before the end count as skipped.
    const std::int64_t left = (end - next_ + tick_.period - 1ns) / tick_.period;
    static_cast<void>(skip(static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0))));
    next_ = due.at;
    released_ = false;
    return RunControl::kNever;
  }
  if (due.skipped > 0 && skip(due.skipped)) given_up_ += due.skipped;
  next_ = due.at + tick_.period;
  return due.at;
}

void NodeRunner::isolate() noexcept {
  bar();
  // The node hangs, so it may follow the request for safe state late or never.
  if (config_.actuator) make_safe();
  set_state(NodeState::kError);
}

}  // namespace horus

// SPDX-License-Identifier: Apache-2.0
#include "rt/node_runner.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <span>
#include <utility>

#include "rt/event_log.hpp"
#include "rt/log_queue.hpp"

namespace horus {
namespace {

// A tick after a long stall tells at most so many skipped responses: the loop stays bounded.
constexpr std::uint64_t kMaxOwedResponses = 1024;

constexpr long long micros(Nanos duration) noexcept {
  return duration.count() / 1000;
}

/// ", N more since the last line" or nothing.
void append_suppressed(std::span<char> text, int length, std::uint64_t suppressed) noexcept {
  if (suppressed == 0 || length < 0 || static_cast<std::size_t>(length) >= text.size()) return;
  std::snprintf(text.data() + length, text.size() - static_cast<std::size_t>(length),
                " (%llu more not shown)", static_cast<unsigned long long>(suppressed));
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
      log_{context.log},
      hook_{context.hook},
      period_{config.rate && config.node_class != NodeClass::kEvent ? config.rate->period()
                                                                    : Nanos{}},
      budget_{effective_budget(config)},
      wanted_budget_ns_{budget_.execution.count()},
      max_deadline_misses_{context.max_deadline_misses},
      config_{config} {
  source_.node = &config_.name;
  stats_.name = config_.name;
  stats_.node_class.set(config_.node_class);
  stats_.state.set(NodeState::kUninitialized);
  stats_.order.set(config_.order);
  stats_.period_ns.set(period_.count());
  stats_.budget_ns.set(budget_.execution.count());
  stats_.deadline_ns.set(budget_.deadline.count());
  stats_.consecutive_misses.set(0);
  stats_.first_release_ns.set(0);
  stats_.last_release_ns.set(0);
}

template <typename Call>
bool NodeRunner::guarded(Call call) noexcept {
  try {
    call();
    return true;
  } catch (const std::exception& error) {
    keep_error(error.what());
  } catch (...) {
    keep_error("an exception that is not a std::exception");
  }
  return false;
}

/// Out of line, so that a tick's own frame stays small.
[[gnu::noinline]] void NodeRunner::keep_error(std::string_view text) noexcept {
  error_ = Name<384>::clipped(text);
}

bool NodeRunner::init() noexcept {
  log_as(&source_);
  stats_.state.set(NodeState::kInitializing);
  initialised_ = guarded([this] { node_.init(); });
  stats_.state.set(initialised_ ? NodeState::kRunning : NodeState::kCrashed);
  if (!initialised_) {
    control_.stop_because(StopReason::kNotStarted, config_.name.view(), error_.view());
  }
  log_as(nullptr);
  return initialised_;
}

TimePoint NodeRunner::run(TimePoint release, TimePoint now) noexcept {
  log_as(&source_);
  if (ordinary(release) || may_tick(release, now)) [[likely]]
    now = tick(release, now);
  log_as(nullptr);
  return now;
}

inline TimePoint NodeRunner::tick(TimePoint release, TimePoint start) noexcept {
  // relaxed: a number on its own.
  budget_.execution = Nanos{wanted_budget_ns_.load(std::memory_order_relaxed)};
  const Tick tick{.number = source_.tick,
                  .release = release,
                  .start = start,
                  .period = period_,
                  .budget = budget_};
  const bool succeeded = guarded([&] { node_.tick(tick); });
  TickTiming timing{.release = release, .start = start, .finish = clock_.now()};
  if (hook_ != nullptr) {
    const TickLoss loss = hook_->ticked();
    timing.lost = std::min(loss.time, timing.execution());
    if (loss.lost) [[unlikely]]
      count_loss(loss);
  }
  const Verdict verdict = judge(timing, budget_);
  count(timing, verdict);
  TimePoint now = timing.finish;
  if (verdict.missed || !succeeded) [[unlikely]] {
    now = follow(timing, verdict.missed, succeeded);
  } else {
    failures_.in_a_row = 0;
  }
  // Only now: what was logged until here names the tick that it is about.
  ++source_.tick;
  return now;
}

bool NodeRunner::may_tick(TimePoint release, TimePoint& now) noexcept {
  if (safe_state_due()) {
    follow_safe_state();
    now = clock_.now();
  }
  if (isolated() || release < resume_at_) {
    stats_.skipped.add();
    return false;
  }
  if (std::exchange(skip_next_, false)) {
    skip(1);
    return false;
  }
  if (!std::exchange(restart_pending_, false)) return true;
  initialised_ = guarded([this] { node_.init(); });
  now = clock_.now();
  if (!initialised_) {
    stats_.skipped.add();
    follow_failure(now);
    return false;
  }
  stats_.state.set(NodeState::kRunning);
  return true;
}

inline void NodeRunner::count(const TickTiming& timing, const Verdict& verdict) noexcept {
  NodeStats& stats = stats_;
  if (source_.tick == 0) [[unlikely]]
    stats.first_release_ns.set(to_ns(timing.release));
  stats.ticks.add();
  stats.budget_ns.set(budget_.execution.count());
  stats.last_execution_ns.set(timing.execution().count());
  stats.last_release_ns.set(to_ns(timing.release));
  stats.lateness.record(timing.lateness());
  stats.execution.record(timing.execution());
  stats.response.record(timing.response());
  if (owed_responses_ != 0) [[unlikely]]
    count_skipped_responses(timing);
  if (verdict.overrun) stats.overruns.add();
  if (verdict.missed) [[unlikely]] {
    stats.misses.add();
    stats.consecutive_misses.add();
  } else {
    stats.consecutive_misses.set(0);
    in_miss_episode_ = false;
  }
}

TimePoint NodeRunner::follow(const TickTiming& timing, bool missed, bool succeeded) noexcept {
  if (missed) follow_miss(timing);
  if (succeeded) {
    failures_.in_a_row = 0;
  } else {
    follow_failure(timing.finish);
  }
  // This took its time, and the next node shall not be charged for it.
  return clock_.now();
}

void NodeRunner::count_skipped_responses(const TickTiming& timing) noexcept {
  // A skipped release was served by the wake-up of the one that was ticked after it.
  const auto owed = static_cast<std::int64_t>(std::min(owed_responses_, kMaxOwedResponses));
  for (std::int64_t i = 1; i <= owed; ++i) {
    stats_.skipped_response.record(timing.start - (timing.release - i * period_));
  }
  owed_responses_ = 0;
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
  if (hook_ != nullptr && hook_->holder_was_off_cpu()) stats_.gil_long_waits_off_cpu.add();
}

void NodeRunner::skip(std::uint64_t count) noexcept {
  stats_.skipped.add(count);
  if (!isolated() && !restart_pending_) owed_responses_ += count;
}

void NodeRunner::follow_miss(const TickTiming& timing) noexcept {
  if (const auto suppressed = miss_log_.admit(timing.finish)) {
    char text[200];
    const int length = std::snprintf(
        text, sizeof text, "missed its deadline: %lld us from the release, %lld us allowed",
        micros(timing.response()), micros(budget_.deadline));
    append_suppressed(text, length, *suppressed);
    log(LogLevel::kWarning, text);
  }
  if (max_deadline_misses_ > 0 &&
      stats_.consecutive_misses.value() == static_cast<std::uint64_t>(max_deadline_misses_)) {
    control_.request_safe_state();
  }
  switch (config_.on_miss) {
    case MissPolicy::kWarn: break;
    case MissPolicy::kSkip: skip_next_ = period_ > Nanos{}; break;
    case MissPolicy::kSafeMode:
      if (!in_miss_episode_) node_.enter_safe_state();
      break;
    case MissPolicy::kStop:
      control_.stop_because(StopReason::kMissPolicy, config_.name.view(), "missed its deadline");
      break;
  }
  in_miss_episode_ = true;
}

void NodeRunner::follow_failure(TimePoint now) noexcept {
  stats_.errors.add();
  const FailureStep step = after_failure(config_.failure, failures_, now);
  failures_ = step.record;
  say_failure(now, step.action);
  switch (step.action) {
    case FailureAction::kContinue: return;
    case FailureAction::kRest: break;
    case FailureAction::kRestart:
      if (std::exchange(initialised_, false)) {
        // A shutdown() that throws as well adds nothing to what the tick has told.
        static_cast<void>(guarded([this] { node_.shutdown(); }));
      }
      restart_pending_ = true;
      stats_.state.set(NodeState::kError);
      break;
    case FailureAction::kStop:
      stats_.state.set(NodeState::kCrashed);
      control_.stop_because(StopReason::kNodeFailure, config_.name.view(), error_.view());
      return;
  }
  resume_at_ = now + step.pause;
}

void NodeRunner::say_failure(TimePoint now, FailureAction action) noexcept {
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

void NodeRunner::follow_safe_state() noexcept {
  if (!safe_state_due()) return;
  safe_episodes_ = control_.safe_episodes();
  node_.enter_safe_state();
}

void NodeRunner::shutdown() noexcept {
  log_as(&source_);
  if (std::exchange(initialised_, false)) {
    stats_.state.set(NodeState::kStopping);
    if (!guarded([this] { node_.shutdown(); })) {
      stats_.errors.add();
      say_failure(clock_.now(), FailureAction::kContinue);
    }
    stats_.state.set(NodeState::kStopped);
  }
  log_as(nullptr);
}

void NodeRunner::set_budget(Nanos execution) noexcept {
  // relaxed: a number on its own.
  wanted_budget_ns_.store(execution.count(), std::memory_order_relaxed);
}

void NodeRunner::isolate() noexcept {
  // relaxed: a flag on its own.
  isolated_.store(true, std::memory_order_relaxed);
  stats_.state.set(NodeState::kError);
  node_.enter_safe_state();
}

}  // namespace horus

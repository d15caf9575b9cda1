// SPDX-License-Identifier: Apache-2.0
// The part of NodeRunner that follows the ladder of misses, and inputs whose fallback is a stop.
#include <algorithm>
#include <cstdio>
#include <span>

#include <horus/log.hpp>

#include "rt/node_runner.hpp"

namespace horus {

void NodeRunner::follow_ladder(const TickTiming& timing, const Bad& bad) noexcept {
  const TickOutcome late_or_failed =
      bad.verdict.missed ? TickOutcome::kMissed : TickOutcome::kFailed;
  const bool good = !bad.verdict.missed && bad.succeeded;
  const LadderStep step =
      after_tick(ladder_plan_, ladder_, good ? TickOutcome::kGood : late_or_failed, timing.finish);
  ladder_ = step.state;
  stats_.rung_good.set(ladder_.good);
  if (step.action == LadderAction::kClimb) climb(timing, bad);
  if (step.action == LadderAction::kRecover) recover(step.left, timing.finish);
  // At each of its ticks: a node that is armed meanwhile does less, too.
  if (slowness_ > 1) stats_.safety.step(SafetyEvent::kDegrade);
}

void NodeRunner::climb(const TickTiming& timing, const Bad& bad) noexcept {
  stats_.rung.set(ladder_.rung);
  stats_.rung_misses.set(ladder_.misses);
  stats_.rung_since_ns.set(to_ns(timing.finish));
  switch (ladder_.rung) {
    case Rung::kNone: break;
    case Rung::kWarned: say_rung("", bad); break;
    case Rung::kDegraded:
      set_slowness(2);
      stats_.degrades.add();
      say_rung("; it has half its rate from now on", bad);
      break;
    case Rung::kIsolated:
      say_rung("; it is isolated: its safe state, and its readers take their fallbacks", bad);
      if (config_.actuator) make_safe();
      // Otherwise on_miss has asked for its rest already at the first of the misses.
      if (config_.on_miss != MissPolicy::kSafeMode) rest_by_itself();
      tell_lost("misses its deadlines, and is isolated");
      break;
    case Rung::kStopped:
      say_rung("; it stops the run", bad);
      tell_lost("misses its deadlines, and ends the run");
      control_.stop_because(StopReason::kMissPolicy, config_.name.view(),
                            "missed its deadline too often in a row");
      break;
  }
}

void NodeRunner::recover(Rung left, TimePoint now) noexcept {
  const Nanos lasted = now - from_ns(stats_.rung_since_ns.value());
  if (left >= Rung::kDegraded) {
    set_slowness(1);
    stats_.safety.step(SafetyEvent::kRecover);
  }
  stats_.rung.set(Rung::kNone);
  stats_.rung_since_ns.set(0);
  stats_.rung_misses.set(0);
  char text[160];
  std::snprintf(text, sizeof text, "is no longer %s, after %u good ticks in a row (for %lld ms)",
                to_text(left), ladder_plan_.numbers.recover, static_cast<long long>(lasted / 1ms));
  log(LogLevel::kInfo, text);
}

/// Multiplies the period. Default limits, which are shares of the period, grow with it; limits that
/// were given stay.
void NodeRunner::set_slowness(int slowness) noexcept {
  if (slowness_ == slowness) return;
  const bool given = config_.budget || config_.deadline;
  if (!given) {
    // Goes through the same flag as set_budget(), so that may_tick() takes it over before a tick.
    const Budget budget = tick_.budget;
    wanted_budget_ns_.store(budget.execution.count() * slowness / slowness_,
                            std::memory_order_relaxed);
    wanted_deadline_ns_.store(budget.deadline.count() * slowness / slowness_,
                              std::memory_order_relaxed);
    raise(kRebudgeted, std::memory_order_release);
  }
  slowness_ = slowness;
  raise(kChanged);
}

/// Logs the rung reached, the reason, and how the node gets back.
void NodeRunner::say_rung(const char* what, const Bad& bad) noexcept {
  char text[512];
  auto length = static_cast<std::size_t>(
      std::snprintf(text, sizeof text, "missed %u deadlines in a row%s", ladder_.misses, what));
  if (ladder_.rung != Rung::kStopped) {
    length += static_cast<std::size_t>(std::snprintf(text + length, sizeof text - length,
                                                     "; back after %u good ticks in a row",
                                                     ladder_plan_.numbers.recover));
  }
  if (bad.kept != nullptr) {
    length += static_cast<std::size_t>(
        std::snprintf(text + length, sizeof text - length, "; the latest: "));
    const auto before = bad.before != nullptr ? bad.before->config().name.view() : "";
    describe_cause(*bad.kept, before, std::span{text}.subspan(length));
  }
  log(ladder_.rung <= Rung::kDegraded ? LogLevel::kWarning : LogLevel::kError, text);
}

/// An input whose fallback is a stop has become stale: requests the emergency stop.
[[gnu::noinline]] void NodeRunner::follow_stale_stop() noexcept {
  stops_followed_ = stats_.stops_asked.value();
  // The stop is requested even if a message has arrived meanwhile and no input is stale any more.
  char text[384] = "one of its inputs was stale";
  for (const auto& place : stats_.stale.inputs) {
    const auto input = place.load();
    if (!input || input->stops == 0 || input->since_ns == 0) continue;
    std::snprintf(text, sizeof text, "its input '%s' is stale: nothing new for %lld ms",
                  input->topic.view().data(),
                  static_cast<long long>(input->timeout_ns / 1'000'000));
    log(LogLevel::kError, text);
  }
  control_.safety().request_stop(StopCause::kInput, text, config_.name.view());
}

}  // namespace horus

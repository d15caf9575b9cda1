// SPDX-License-Identifier: Apache-2.0
// The part of NodeRunner that follows its run into rest and out of it, and arms an actuator.
#include <array>
#include <cstdio>

#include "rt/base/acting.hpp"
#include "rt/base/fork_watch.hpp"
#include "rt/node_runner.hpp"

namespace horus {

/// After init(): a node that is no actuator is armed at once.
void NodeRunner::become_ready() noexcept {
  stats_.safety.step(SafetyEvent::kReady);
  if (!config_.actuator) {
    stats_.safety.step(SafetyEvent::kArm);
  } else if (config_.arm_at_start && may_arm_at_start_) {
    static_cast<void>(arm());
  }
}

Status NodeRunner::arm() noexcept {
  const auto refuse = [this](const char* what) -> Status {
    return Error{Errc::kBusy, what, 0, Name<200>::clipped(config_.name.view())};
  };
  if (!config_.actuator) return {};
  if (gone() || isolated()) return refuse("arm a node that does not tick any more");
  const Safety::View seen = control_.safety().look();
  if (seen.resting()) return refuse_at_rest();
  if (auto fresh = are_fresh("arm a node whose input is stale", false); !fresh) return fresh;
  const SafetyState state = stats_.safety.step(SafetyEvent::kArm).second;
  if (state == SafetyState::kStarting) return refuse("arm a node whose init is not over");
  if (!may_act(state)) return refuse("arm a node that is at rest");
  stats_.outputs_shut.store(0);
  // A request for rest first sets its word and then shuts the outputs; this call opens the outputs
  // and then reads the word. So one of the two sees the other. The episode is compared because a
  // whole rest may have come and gone; such a rest leaves actuators disarmed.
  if (control_.safety().episode() == seen.episode()) return {};
  disarm();
  return refuse("arm a node of a robot that came to rest meanwhile");
}

/// The refusal of arm() at rest, with the reason of the rest if that is written already.
Status NodeRunner::refuse_at_rest() const noexcept {
  std::array<char, 320> subject;  // NOLINT: snprintf() ends it; Name cuts between characters
  const auto note = control_.safety().note();
  std::snprintf(subject.data(), subject.size(), note ? "%s (%s: %s)" : "%s",
                config_.name.view().data(), note ? to_text(note->cause) : "",
                note ? note->text.view().data() : "");
  return Error{Errc::kBusy, "arm a node of a robot that is at rest", 0,
               Name<200>::clipped(subject.data())};
}

Status NodeRunner::serves() const noexcept {
  if (!config_.critical || gone()) return {};
  const bool does = initialised_.load() && !hangs_.load() && !isolated() && !has(kRests) &&
                    !has(kRestarts) && stats_.rung.value() < Rung::kIsolated;
  if (does) return {};
  return Error{Errc::kBusy, "go on while a node is not ready that the robot cannot do without", 0,
               Name<200>::clipped(config_.name.view())};
}

Status NodeRunner::may_be_released() const noexcept {
  if (gone()) return {};
  auto fresh = are_fresh("go on while an input is stale whose fallback is a stop", true);
  return fresh ? serves() : fresh;
}

/// kBusy with `what` and the topic if an input is stale. `stops`: looks only at inputs whose
/// fallback is a stop.
Status NodeRunner::are_fresh(const char* what, bool stops) const noexcept {
  for (const auto& place : stats_.stale.inputs) {
    const auto input = place.load();
    if (!input || input->since_ns == 0 || (stops && input->stops == 0)) continue;
    return Error{Errc::kBusy, what, 0, Name<200>::clipped(input->topic.view())};
  }
  return {};
}

void NodeRunner::disarm() noexcept {
  if (!config_.actuator) return;
  stats_.outputs_shut.store(1);
  stats_.safety.step(SafetyEvent::kDisarm);
}

/// Shuts the outputs of an actuator, and latches the node's state.
void NodeRunner::make_safe() noexcept {
  stats_.outputs_shut.store(config_.actuator ? 1 : 0);
  stats_.safety.step(SafetyEvent::kFault);
}

/// Brings this node to rest for its own fault, while the other nodes of the run go on. An actuator
/// then stays at rest until a release.
void NodeRunner::rest_by_itself() noexcept {
  if (config_.actuator) make_safe();
  rests_by_itself_.store(true);
  enter_safe_state();
}

/// If the node rests by itself, its own thread calls leave_safe_state() later: see may_tick().
void NodeRunner::end_rest() noexcept {
  stats_.safety.step(SafetyEvent::kRelease);
  if (!config_.actuator) stats_.safety.step(SafetyEvent::kArm);
  if (rests_by_itself_.load()) raise(kReleased);
}

void NodeRunner::leave_own_rest(TimePoint& now) noexcept {
  // False if the release of the whole run has already ended this rest, see follow_rest().
  if (rests_by_itself_.exchange(false)) leave_safe_state();
  now = clock_.now();
}

/// From any thread. Not guarded(): it is noexcept, so no failure has to be counted.
void NodeRunner::enter_safe_state() noexcept {
  const ForkWatch watch;
  const ActingScope rests{stats_, /*rests=*/true};
  node_.enter_safe_state();
  if (watch.forked()) [[unlikely]]
    end_forked_child("enter_safe_state", config_.name.view());
}

void NodeRunner::leave_safe_state() noexcept {
  const ForkWatch watch;
  const ActingScope acts{stats_};
  node_.leave_safe_state();
  if (watch.forked()) [[unlikely]]
    end_forked_child("leave_safe_state", config_.name.view());
}

void NodeRunner::follow_safe_state() noexcept {
  if (gone()) return;
  // The thread whose exchange succeeds calls the node, so each episode is followed once. Another
  // rest or release may come during the call, hence the loop.
  std::uint32_t followed = safe_episode_.load();
  Safety::View asked = control_.safety().look();
  while (followed != asked.episode()) {
    if (safe_episode_.compare_exchange_strong(followed, asked.episode())) {
      follow_rest(followed, asked);
      followed = asked.episode();
    }
    asked = control_.safety().look();
  }
}

/// Takes the node from the rest or release `from` to the later one `to`. Those in between were not
/// seen: if the node missed a whole rest, it enters and leaves safe state now.
void NodeRunner::follow_rest(std::uint32_t from, Safety::View to) noexcept {
  const bool was_resting = (from & 1U) != 0;
  if (to.resting()) {
    stats_.safety.step(to.stopped() ? SafetyEvent::kStop : SafetyEvent::kFault);
    return enter_safe_state();
  }
  if (!was_resting) enter_safe_state();
  end_rest();
  rests_by_itself_.store(false);
  leave_safe_state();
}

void NodeRunner::follow_safe_state_for() noexcept {
  raise(kRescued);
  follow_safe_state();
  static_cast<void>(lower(kRescued));
}

/// Requests the emergency stop if this node is critical: it is lost because it `what`.
void NodeRunner::tell_lost(const char* what) noexcept {
  if (!config_.critical) return;
  char text[160];
  std::snprintf(text, sizeof text, "node '%.64s', which the robot cannot do without, %s",
                config_.name.view().data(), what);
  control_.safety().request_stop(StopCause::kNode, text, config_.name.view());
}

void NodeRunner::follow_safe_state_itself() noexcept {
  log_as(&source_);
  follow_safe_state();
  log_as(nullptr);
}

}  // namespace horus
